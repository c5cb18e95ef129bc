import type { Worker } from 'node:worker_threads'
import type { FromNetwork, ToNetwork } from '../../src/network/thread-messages.ts'
import { systemReason } from '../process/start-failure.ts'
import { StartRefused } from '../process/start-refused.ts'

/** Open listeners: their ports, and their file descriptors in the thread that owns them. */
type Bound = Pick<Extract<FromNetwork, { type: 'listening' }>, 'ports' | 'handles'>

/** A message that does not concern the start and the stop of the thread. */
type Passed = Exclude<FromNetwork, { type: 'started' | 'listening' | 'notListening' | 'stopped' }>

/** A network thread from the side of the main thread. */
export class NetworkThread {
  readonly #worker: Worker
  #listening: { done(bound: Bound): void; failed(error: Error): void } | undefined
  #stopped: (() => void) | undefined

  constructor(worker: Worker, onMessage: (message: Passed) => void) {
    this.#worker = worker
    worker.once('exit', () => this.#listening?.failed(new Error('the network thread has ended')))
    worker.on('message', (message: FromNetwork) => {
      if (message.type === 'listening') this.#listening?.done(message)
      else if (message.type === 'notListening') this.#listening?.failed(listenerFailure(message))
      else if (message.type === 'stopped') this.#stopped?.()
      else if (message.type !== 'started') onMessage(message)
    })
  }

  /** Opens the listeners, or shares those with the given file descriptors. */
  listen(handles: readonly number[]): Promise<Bound> {
    return new Promise((done, failed) => {
      this.#listening = { done, failed }
      this.notify({ type: 'listen', handles })
    })
  }

  notify(message: ToNetwork, moved: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, moved as ArrayBuffer[])
  }

  /** Resolves when the connections are closed, after the work in progress. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopped = resolve
      this.notify({ type: 'stop' })
    })
  }

  terminate(): Promise<number> {
    return this.#worker.terminate()
  }
}

function listenerFailure({ listener, code, message }: Extract<FromNetwork, { type: 'notListening' }>): StartRefused {
  const { name, host, port } = listener
  const address = `${name}://${host.includes(':') ? `[${host}]` : host}:${port}`
  const reason = systemReason({ code }) ?? message
  return new StartRefused(
    `listeners: ${address} cannot be opened: ${reason} (${code}). Set listeners to a free port on an address of this machine.`,
  )
}
