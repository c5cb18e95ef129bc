/**
 * Reasons for which a connection is not read, each with its bit. A TLS handshake, an authentication in progress or an exceeded quota is
 * one more row.
 */
const bits = {
  /** The maximum number of requests of the connection is in progress. */
  'queue-full': 1 << 0,
  /** The client has too many unread responses. */
  'send-queue': 1 << 1,
  /** A request that is not reordered with others waits for earlier ones, or is in progress. */
  'forwarded-request': 1 << 2,
  /** One fetch of a connection is in progress at a time. */
  'earlier-fetch': 1 << 3,
  /** The append ring or the read ring has no room. */
  'ring-full': 1 << 4,
  /** The receive buffers have no room for more batches that wait for the log. */
  'batch-memory': 1 << 5,
  /** Large requests that are not parsed yet use all of their memory. */
  'large-request-memory': 1 << 6,
  /** No receive buffer is free. */
  'receive-memory': 1 << 7,
  /** The connections of its host are being counted. */
  admission: 1 << 8,
  /** The connection is closing; never resumed. */
  closed: 1 << 9,
} as const

export type PauseReason = keyof typeof bits

/** The reader of a connection. */
export interface GateOwner {
  /** The first reason is set while no received bytes are processed: stops reads. */
  onPause(): void
  /** The last reason is removed: processes the deferred frame again, and continues reads. */
  onOpen(): void
}

/**
 * Back pressure of one connection: a set of pause reasons. The connection is read exactly when the set is empty.
 *
 * Invariant: a deferred frame is processed again when the last reason is removed, also if that occurs while the frame is still processed.
 */
export class ReadGate {
  readonly #owner: GateOwner
  #reasons = 0
  #isProcessing = false
  /** A reason was set since `enter`: a frame is deferred. */
  #isDeferred = false

  constructor(owner: GateOwner) {
    this.#owner = owner
  }

  get isOpen(): boolean {
    return this.#reasons === 0
  }

  isPausedFor(reason: PauseReason): boolean {
    return (this.#reasons & bits[reason]) !== 0
  }

  pause(reason: PauseReason): void {
    const wasOpen = this.#reasons === 0
    this.#reasons |= bits[reason]
    if (this.#isProcessing) this.#isDeferred = true
    else if (wasOpen) this.#owner.onPause()
  }

  resume(reason: PauseReason): void {
    if ((this.#reasons & bits[reason]) === 0) return
    this.#reasons &= ~bits[reason]
    if (this.#reasons === 0 && !this.#isProcessing) this.#owner.onOpen()
  }

  /** Received bytes are processed from here to `leave`. A reason that is set in between defers a frame. */
  enter(): void {
    this.#isProcessing = true
    this.#isDeferred = false
  }

  leave(): void {
    this.#isProcessing = false
    if (this.#isDeferred && this.#reasons === 0) this.#owner.onOpen()
  }
}

/** The connections of a network worker that are paused because a shared resource is exhausted, in the order in which they paused. */
export class PausedGates {
  readonly #reason: PauseReason
  readonly #gates = new Set<ReadGate>()
  #isResuming = false

  constructor(reason: PauseReason) {
    this.#reason = reason
  }

  get count(): number {
    return this.#gates.size
  }

  pause(gate: ReadGate): void {
    this.#gates.add(gate)
    gate.pause(this.#reason)
  }

  /** The connection of the gate is closed. */
  delete(gate: ReadGate): void {
    this.#gates.delete(gate)
  }

  /** Resumes every gate once, in order. A gate that pauses again waits behind the others. */
  resumeAll(): void {
    this.#resume(false)
  }

  /** Resumes gates in order until one pauses for the resource again: it is still exhausted. */
  resumeUntilExhausted(): void {
    this.#resume(true)
  }

  /** A resumed connection may cause a nested call. It has no effect, which limits the depth of the stack; the outer call continues. */
  #resume(stopsWhenExhausted: boolean): void {
    if (this.#isResuming || this.#gates.size === 0) return
    this.#isResuming = true
    for (let left = this.#gates.size; left > 0; left--) {
      const { value: gate } = this.#gates.values().next()
      if (gate === undefined) break
      this.#gates.delete(gate)
      gate.resume(this.#reason)
      if (stopsWhenExhausted && this.#gates.has(gate)) break
    }
    this.#isResuming = false
  }
}
