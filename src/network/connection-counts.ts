import { HostCounts } from './host-counts.ts'

/** Numbers of open connections of all network threads. */
export interface ConnectionCounts {
  /** Number of all connections with the new one. */
  add(): number
  remove(): void
  /** Calls `onCount` with the number of connections of the host, the new one included: at once, or later. */
  addOf(host: string, onCount: (count: number) => void): void
  removeOf(host: string): void
}

/** Counts of the only network thread. */
export function ownCounts(): ConnectionCounts {
  const hosts = new HostCounts()
  let open = 0
  return {
    add: () => ++open,
    remove: () => void open--,
    addOf: (host, onCount) => onCount(hosts.add(host)),
    removeOf: (host) => hosts.remove(host),
  }
}

/** Messages to the main thread, which counts by host for all network threads. */
export interface CountPorts {
  connected(id: number, host: string): void
  disconnected(host: string): void
}

/** Counts of one of several network threads. The number of all connections is one word that the threads share. */
export class SharedCounts implements ConnectionCounts {
  readonly #words: Int32Array
  readonly #at: number
  readonly #ports: CountPorts
  readonly #waiting = new Map<number, (count: number) => void>()
  #ids = 0

  constructor(words: Int32Array, at: number, ports: CountPorts) {
    this.#words = words
    this.#at = at
    this.#ports = ports
  }

  add(): number {
    return Atomics.add(this.#words, this.#at, 1) + 1
  }

  remove(): void {
    Atomics.sub(this.#words, this.#at, 1)
  }

  addOf(host: string, onCount: (count: number) => void): void {
    this.#waiting.set(++this.#ids, onCount)
    this.#ports.connected(this.#ids, host)
  }

  removeOf(host: string): void {
    this.#ports.disconnected(host)
  }

  /** The main thread's reply to `connected`. */
  counted(id: number, count: number): void {
    const onCount = this.#waiting.get(id)
    this.#waiting.delete(id)
    onCount?.(count)
  }
}
