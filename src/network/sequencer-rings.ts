import { append, fetch, fetchPart } from '../pipeline/ring-messages.ts'
import type { RingConsumer, RingProducer } from '../ring/ring.ts'
import type { WakeSignal } from '../ring/wake-signal.ts'
import { PausedGates, type ReadGate } from './read-gate.ts'

/** Delay in milliseconds before a message or a frame that found a full ring is retried. */
const retryMs = 2

/** A lane from the side of a network worker. */
export interface LaneEnds {
  /** Index of the lane's words. */
  readonly header: number
  /** The log cache. */
  readonly log: { readonly base: number; readonly bytes: number }
  readonly appends: RingProducer
  readonly reads: RingProducer
  readonly answers: RingConsumer
  readonly sequencer: WakeSignal
}

export interface SequencerRingsParts {
  readonly words: Int32Array
  readonly lanes: readonly LaneEnds[]
  after(ms: number, wake: () => void): void
}

/** The rings from a network worker to the sequencers, and the connections that wait for room in them. */
export class SequencerRings {
  /** By lane. */
  readonly lanes: readonly LaneEnds[]
  readonly #parts: SequencerRingsParts
  readonly #waiting = new PausedGates('ring-full')
  #isRetrying = false

  constructor(parts: SequencerRingsParts) {
    this.#parts = parts
    this.lanes = parts.lanes
  }

  /** Whether the append ring of every lane has room for its number of batches. */
  hasRoomForAppends(batches: ArrayLike<number>): boolean {
    return this.lanes.every(({ appends }, lane) => batches[lane] === 0 || appends.hasRoom(batches[lane]!, append.words))
  }

  /** Whether some lane takes a batch: if none does, it is useless to read a Produce request. */
  get mayHaveRoomForAppends(): boolean {
    return this.lanes.some(({ appends }) => appends.hasRoom(1, append.words))
  }

  /** Whether the read ring of every lane has room for a fetch of this many partitions. */
  hasRoomForFetch(partitions: number): boolean {
    return this.lanes.every(({ reads }) => reads.hasRoom(1, fetch.words + partitions * fetchPart.words))
  }

  publish(): void {
    for (const { appends, reads, sequencer } of this.lanes) {
      const appended = appends.publish()
      if (reads.publish() || appended) sequencer.ring()
    }
  }

  /** Sends a message by the read ring of a lane, and retries if the ring is full. The sequencer answers every fetch exactly once. */
  notify(lane: number, kind: number, ...body: readonly number[]): void {
    const at = this.lanes[lane]!.reads.claim(kind, body.length)
    if (at < 0) {
      this.#parts.after(retryMs, () => this.notify(lane, kind, ...body))
      return
    }
    this.#parts.words.set(body, at)
    // No flush: it would process deferred frames of other connections within the current one, and fill the ring that has room for it.
    this.publish()
  }

  /** Pauses a connection until a sequencer has consumed messages. */
  pause(gate: ReadGate): void {
    this.#waiting.pause(gate)
    this.#retry()
  }

  /** Resumes the waiting connections in order, until one finds a ring full again. */
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
