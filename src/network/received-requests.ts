/**
 * A read of this size is sequenced at once. After smaller reads, every socket that is ready is read first: one wake-up of the next stage, and
 * one write of the log, then serve all of them.
 */
const atOnceBytes = 8 << 10

export interface ReceivedRequestsPorts {
  /** Hands the requests that were received to the next stage. */
  sequence(): void
  /** Calls back when every socket that is ready now has been read. */
  afterReads(call: () => void): void
}

/** Decides when received requests go to the next stage. */
export class ReceivedRequests {
  readonly #ports: ReceivedRequestsPorts
  /** Small reads since the event loop last waited for ready sockets, and whether there was only one of them the time before. */
  #smallReads = 0
  #isAlone = true
  #isSequenced = true

  constructor(ports: ReceivedRequestsPorts) {
    this.#ports = ports
  }

  /** A socket was read, or deferred requests of it were processed: then `bytes` is 0. */
  received(bytes: number): void {
    this.#isSequenced = false
    const isSmall = bytes < atOnceBytes
    if (isSmall && ++this.#smallReads === 1) this.#ports.afterReads(() => this.#endReads())
    if (!isSmall || this.#isAlone) this.sequence()
  }

  sequence(): void {
    this.#isSequenced = true
    this.#ports.sequence()
  }

  #endReads(): void {
    this.#isAlone = this.#smallReads === 1
    this.#smallReads = 0
    if (!this.#isSequenced) this.sequence()
  }
}
