import { errors } from '../wire/errors.ts'

/** As many batches as a Java producer keeps in flight; a retry of any of them is recognised. Source: KIP-98, KAFKA-5494. */
const remembered = 5
const sequenceMax = 0x7fff_ffff
export const noProducer = -1

export interface ProducerBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly timestamp: number
  /** Position in the write-ahead log up to which must be durable before the batch may be acknowledged again. */
  readonly end: number
}

/** What a partition knows of one producer. */
class Producer {
  epoch: number
  lastTimestamp = 0
  /** Oldest first. */
  batches: ProducerBatch[] = []

  constructor(epoch: number) {
    this.epoch = epoch
  }
}

export interface ProducerSnapshot {
  readonly id: number
  readonly epoch: number
  readonly batches: readonly ProducerBatch[]
}

/** What the check of a batch found. `duplicate` is the batch that is already there. */
export type SequenceCheck = { readonly error: number; readonly duplicate: ProducerBatch | undefined }

const fine: SequenceCheck = { error: 0, duplicate: undefined }
const fenced: SequenceCheck = { error: errors.INVALID_PRODUCER_EPOCH.code, duplicate: undefined }
const outOfOrder: SequenceCheck = { error: errors.OUT_OF_ORDER_SEQUENCE_NUMBER.code, duplicate: undefined }

/** The sequence number `delta` behind another; it wraps to 0 behind the greatest. */
export const sequenceAfter = (sequence: number, delta: number): number =>
  sequence > sequenceMax - delta ? delta - (sequenceMax - sequence) - 1 : sequence + delta

/** The idempotent producers of one partition. Source: KIP-98, KIP-360. */
export class ProducerState {
  readonly #byId = new Map<number, Producer>()
  readonly #max: number

  /** Beyond `max` producers the longest idle is forgotten, as if it had expired. */
  constructor(max: number) {
    this.#max = max
  }

  get count(): number {
    return this.#byId.size
  }

  check(id: number, epoch: number, firstSequence: number, count: number): SequenceCheck {
    const known = this.#byId.get(id)
    // Expired, or its batches were deleted: whatever comes first is the beginning.
    if (known === undefined) return fine
    if (epoch < known.epoch) return fenced
    // Who had no epoch had no order either.
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

  /** Remembers a batch that `check` let pass and that now has its offset. */
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

  /** Replay of a batch that a snapshot may hold already. */
  replay(id: number, epoch: number, firstSequence: number, count: number, baseOffset: number, timestamp: number): void {
    const last = this.#byId.get(id)?.batches.at(-1)
    if (last !== undefined && last.baseOffset >= baseOffset) return
    this.append(id, epoch, firstSequence, count, baseOffset, timestamp, 0)
  }

  /** Forgets who has been idle since before `time`. */
  expire(time: number): void {
    for (const [id, producer] of this.#byId) if (producer.lastTimestamp < time) this.#byId.delete(id)
  }

  snapshot(): ProducerSnapshot[] {
    return Array.from(this.#byId, ([id, { epoch, batches }]) => ({ id, epoch, batches }))
  }

  /**
   * Takes in a snapshot, under what replay has found since. A snapshot may be ahead of the log: what it says of offsets
   * from `end` on was never durable.
   */
  restore(snapshot: readonly ProducerSnapshot[], end: number): void {
    for (const { id, epoch, batches } of snapshot) {
      const known = this.#byId.get(id)
      if (known !== undefined && known.epoch !== epoch) continue
      const before = Math.min(end, known?.batches[0]?.baseOffset ?? end)
      const older = batches.filter((batch) => batch.baseOffset < before).map((batch) => ({ ...batch, end: 0 }))
      const kept = [...older, ...(known?.batches ?? [])].slice(-remembered)
      // An epoch without batches is kept: it fences the producers of older ones.
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
