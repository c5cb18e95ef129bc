import type { RingProducer } from '../ring/ring.ts'
import type { WakeSignal } from '../ring/wake-signal.ts'
import { PausedGates, type ReadGate } from './read-gate.ts'

/** Delay in milliseconds before a message or a frame that found a full ring is retried. */
const retryMs = 2

export interface SequencerRingsParts {
  readonly words: Int32Array
  readonly appends: RingProducer
  readonly reads: RingProducer
  readonly sequencer: WakeSignal
  after(ms: number, wake: () => void): void
}

/** The rings from a network worker to the sequencer, and the connections that wait for room in them. */
export class SequencerRings {
  readonly appends: RingProducer
  readonly reads: RingProducer
  readonly #parts: SequencerRingsParts
  readonly #waiting = new PausedGates('ring-full')
  #isRetrying = false

  constructor(parts: SequencerRingsParts) {
    this.#parts = parts
    this.appends = parts.appends
    this.reads = parts.reads
  }

  publish(): void {
    const appended = this.appends.publish()
    if (this.reads.publish() || appended) this.#parts.sequencer.ring()
  }

  /** Sends a message by the read ring, and retries if the ring is full. The sequencer answers every fetch exactly once. */
  notify(kind: number, ...body: readonly number[]): void {
    const at = this.reads.claim(kind, body.length)
    if (at < 0) {
      this.#parts.after(retryMs, () => this.notify(kind, ...body))
      return
    }
    this.#parts.words.set(body, at)
    // No flush: it would process deferred frames of other connections within the current one, and fill the ring that has room for it.
    this.publish()
  }

  /** Pauses a connection until the sequencer has consumed messages. */
  pause(gate: ReadGate): void {
    this.#waiting.pause(gate)
    this.#retry()
  }

  /** Resumes the waiting connections in order, until one finds the ring full again. */
  resume(): void {
    this.#waiting.resumeUntilExhausted()
  }

  /** The connection of the gate is closed. */
  disconnect(gate: ReadGate): void {
    this.#waiting.delete(gate)
  }

  #retry(): void {
    if (this.#isRetrying || this.#waiting.count === 0) return
    this.#isRetrying = true
    this.#parts.after(retryMs, () => {
      this.#isRetrying = false
      this.resume()
      this.#retry()
    })
  }
}
