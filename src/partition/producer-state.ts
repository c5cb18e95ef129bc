import type { ProducerBatch, ProducerSnapshot } from '../ports/producers.ts'
import { errors } from '../wire/errors.ts'

/** Maximum number of batches in flight of a Java producer; a retry of any of them is detected. Source: KIP-98, KAFKA-5494. */
const remembered = 5
const sequenceMax = 0x7fff_ffff
export const noProducer = -1

/** State of one producer in a partition. */
class Producer {
  epoch: number
  lastTimestamp = 0
  /** Oldest first. */
  batches: ProducerBatch[] = []

  constructor(epoch: number) {
    this.epoch = epoch
  }
}

/** Result of a check. `duplicate` is the batch that was appended before. */
export type SequenceCheck = { readonly error: number; readonly duplicate: ProducerBatch | undefined }

const fine: SequenceCheck = { error: 0, duplicate: undefined }
const fenced: SequenceCheck = { error: errors.INVALID_PRODUCER_EPOCH.code, duplicate: undefined }
const outOfOrder: SequenceCheck = { error: errors.OUT_OF_ORDER_SEQUENCE_NUMBER.code, duplicate: undefined }

/** The sequence number `delta` after another; it wraps to 0 after the maximum. */
export const sequenceAfter = (sequence: number, delta: number): number =>
  sequence > sequenceMax - delta ? delta - (sequenceMax - sequence) - 1 : sequence + delta

/** The idempotent producers of one partition. Source: KIP-98, KIP-360. */
export class ProducerState {
  readonly #byId = new Map<number, Producer>()
  readonly #max: number

  /** Above `max` producers, the producer that has been idle longest is removed, as if it had expired. */
  constructor(max: number) {
    this.#max = max
  }

  get count(): number {
    return this.#byId.size
  }

  check(id: number, epoch: number, firstSequence: number, count: number): SequenceCheck {
    const known = this.#byId.get(id)
    // The producer has expired, or its batches were deleted: any first sequence number is valid.
    if (known === undefined) return fine
    if (epoch < known.epoch) return fenced
    // A producer without an epoch had no sequence either.
    if (known.epoch >= 0 && epoch > known.epoch) return firstSequence === 0 ? fine : outOfOrder
    const lastSequence = sequenceAfter(firstSequence, count - 1)
    for (const batch of known.batches) {
      if (batch.firstSequence === firstSequence && batch.lastSequence === lastSequence) return { error: 0, duplicate: batch }
    }
    if (known.epoch < 0) return fine
    const last = known.batches.at(-1)
    const next = last === undefined ? 0 : sequenceAfter(last.lastSequence, 1)
    return firstSequence === next ? fine : outOfOrder
  }

  /** Records a batch that `check` has accepted and that now has its offset. */
  append(id: number, epoch: number, firstSequence: number, count: number, baseOffset: number, timestamp: number, end: number): void {
    let known = this.#byId.get(id)
    if (known === undefined) {
      if (this.#byId.size >= this.#max) this.#forgetIdlest()
      known = new Producer(epoch)
      this.#byId.set(id, known)
    }
    if (known.epoch !== epoch) {
      known.epoch = epoch
      known.batches = []
    }
    if (known.batches.length === remembered) known.batches.shift()
    known.batches.push({ firstSequence, lastSequence: sequenceAfter(firstSequence, count - 1), baseOffset, timestamp, end })
    known.lastTimestamp = timestamp
  }

  /** Replays a batch that a snapshot may already contain. */
  replay(id: number, epoch: number, firstSequence: number, count: number, baseOffset: number, timestamp: number): void {
    const last = this.#byId.get(id)?.batches.at(-1)
    if (last !== undefined && last.baseOffset >= baseOffset) return
    this.append(id, epoch, firstSequence, count, baseOffset, timestamp, 0)
  }

  /** Removes the producers that have been idle since before `time`. */
  expire(time: number): void {
    for (const [id, producer] of this.#byId) if (producer.lastTimestamp < time) this.#byId.delete(id)
  }

  snapshot(): ProducerSnapshot[] {
    return Array.from(this.#byId, ([id, { epoch, batches }]) => ({ id, epoch, batches }))
  }

  /**
   * Merges a snapshot with the batches found by replay. A snapshot may be ahead of the log: its batches at offsets from `end` on were never
   * durable.
   */
  restore(snapshot: readonly ProducerSnapshot[], end: number): void {
    for (const { id, epoch, batches } of snapshot) {
      const known = this.#byId.get(id)
      if (known !== undefined && known.epoch !== epoch) continue
      const before = Math.min(end, known?.batches[0]?.baseOffset ?? end)
      const older = batches.filter((batch) => batch.baseOffset < before).map((batch) => ({ ...batch, end: 0 }))
      const kept = [...older, ...(known?.batches ?? [])].slice(-remembered)
      // An epoch without batches is retained: it fences producers with older epochs.
      if (kept.length === 0 && batches.length > 0) continue
      const producer = new Producer(epoch)
      producer.batches = kept
      producer.lastTimestamp = kept.at(-1)?.timestamp ?? 0
      this.#byId.set(id, producer)
    }
  }

  #forgetIdlest(): void {
    let idlest: number | undefined
    let since = Number.POSITIVE_INFINITY
    for (const [id, producer] of this.#byId) {
      if (producer.lastTimestamp < since) [idlest, since] = [id, producer.lastTimestamp]
    }
    if (idlest !== undefined) this.#byId.delete(idlest)
  }
}
