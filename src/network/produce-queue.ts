import { assert } from '../base/assert.ts'
import type { ValidationResult } from '../pipeline/validation/validator.ts'
import { type Produce, sequence, validated } from './00-produce.ts'
import type { ProduceValidation } from './produce-validation.ts'
import type { RequestQueue } from './request-queue.ts'
import type { SequencerRings } from './sequencer-rings.ts'

/** Delay in milliseconds before a request that found the append ring full is retried. */
const retryMs = 2

export interface ProduceQueueParts {
  readonly words: Int32Array
  readonly rings: SequencerRings
  readonly validation: ProduceValidation
  after(ms: number, wake: () => void): void
  /** Every batch of the request was rejected: no part of it is sent to the sequencer. */
  onRejected(produce: Produce): void
  /** Batches have been put into the append ring. */
  onSequenced(): void
}

/** Produce requests that are not in the append ring yet. The requests of a connection keep their order, however long validation takes. */
export class ProduceQueue {
  readonly #parts: ProduceQueueParts
  /** By request queue: a request with batches at validator threads, and the requests after it. */
  readonly #waiting = new Map<RequestQueue, Produce[]>()

  constructor(parts: ProduceQueueParts) {
    this.#parts = parts
  }

  /** Adds a request for which the append rings have room. */
  add(produce: Produce): void {
    const { words, rings, validation, onRejected } = this.#parts
    const { queue } = produce
    const produces = this.#waiting.get(queue)
    if (produces === undefined && produce.validating === 0) {
      assert(sequence(produce, words, rings), 'a request that was accepted finds room in the append ring')
      return
    }
    if (produces === undefined) this.#waiting.set(queue, [produce])
    else produces.push(produce)
    for (const batch of produce.batches) {
      const { address, bytes, rules } = batch
      if (rules === undefined) continue
      const onResult = (result: ValidationResult): void => {
        validated(produce, batch, result)
        if (produce.outstanding === 0) onRejected(produce)
        if (produce.validating === 0) this.#sequenceNext(queue)
      }
      validation.offer({ address, bytes, rules, onResult })
    }
  }

  /** Puts the requests at the head of the queue that are validated into the ring. */
  #sequenceNext(queue: RequestQueue): void {
    const { words, rings, after, onSequenced } = this.#parts
    const produces = this.#waiting.get(queue)
    if (produces === undefined) return
    while (produces.length > 0 && produces[0]!.validating === 0) {
      if (!sequence(produces[0]!, words, rings)) {
        after(retryMs, () => this.#sequenceNext(queue))
        break
      }
      produces.shift()
    }
    if (produces.length === 0) this.#waiting.delete(queue)
    onSequenced()
  }
}
