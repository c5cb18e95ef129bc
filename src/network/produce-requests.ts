import { assert } from '../base/assert.ts'
import { append, appended } from '../pipeline/ring-messages.ts'
import { ProduceResponse } from '../wire/api/00-produce.ts'
import type { RequestHeader } from '../wire/headers.ts'
import type { Reader } from '../wire/reader.ts'
import { appendAnswered, beginProduce, hasFailed, type Produce, tickMs, timeOut } from './00-produce.ts'
import { ProduceQueue } from './produce-queue.ts'
import type { ProduceValidation } from './produce-validation.ts'
import { PausedGates, type ReadGate } from './read-gate.ts'
import type { Admission, HeldBytes, Pending, RequestQueue } from './request-queue.ts'
import { RequestTable } from './request-table.ts'
import type { ResponseWriter } from './response-writer.ts'
import type { SequencerRings } from './sequencer-rings.ts'
import type { TopicRouting } from './topic-routing.ts'

export interface ProduceRequestsParts {
  readonly words: Int32Array
  readonly rings: SequencerRings
  readonly routing: TopicRouting
  readonly validation: ProduceValidation
  readonly writer: ResponseWriter
  /** Whether the receive buffers have room for more batches that wait for the log. */
  hasRoom(): boolean
  after(ms: number, wake: () => void): void
  now(): number
  /** Completes a fetch of the connection that only waits for more records. */
  completeParkedFetch(queue: RequestQueue): void
  /** The response is complete. */
  complete(pending: Pending): void
  /** Sends complete responses. */
  flush(): void
}

/** Produce requests from their frame to their response, which is sent when all their batches are durable, or in time. */
export class ProduceRequests {
  readonly #parts: ProduceRequestsParts
  readonly #requests = new RequestTable<Produce>()
  readonly #queue: ProduceQueue
  /** Answered by the sequencer but not durable yet; in the order of the answers. */
  #undurable: Produce[] = []
  #durable = 0
  readonly #awaitingMemory = new PausedGates('batch-memory')
  /** Counted only while requests wait. */
  #tick = 0
  #isTicking = false

  constructor(parts: ProduceRequestsParts) {
    this.#parts = parts
    const { words, rings, validation, after, flush } = parts
    this.#queue = new ProduceQueue({
      words,
      appends: rings.appends,
      validation,
      after,
      onRejected: (produce) => this.#onRejected(produce),
      onSequenced: () => {
        rings.publish()
        flush()
      },
    })
  }

  accept(queue: RequestQueue, header: RequestHeader, body: Reader, held: HeldBytes): Admission {
    const { hasRoom, rings, completeParkedFetch } = this.#parts
    if (!hasRoom()) {
      completeParkedFetch(queue)
      this.#awaitingMemory.pause(queue.gate)
      return 'later'
    }
    // Checked before the request is read, to avoid a useless read.
    const produce = rings.appends.hasRoom(1, append.words) ? this.#begin(queue, header, body, held) : undefined
    completeParkedFetch(queue)
    if (produce === undefined) {
      rings.pause(queue.gate)
      return 'later'
    }
    this.#requests.add(produce)
    queue.pending.push(produce)
    if (produce.outstanding === 0) {
      this.#finish(produce)
      return 'taken'
    }
    if (!this.#isTicking) this.#tickLater()
    this.#queue.add(produce)
    return 'taken'
  }

  /** The sequencer's answer for one batch, at `at` of the words. */
  answered(at: number): void {
    const { words } = this.#parts
    const produce = this.#requests.get(words[at + appended.request]!)
    assert(produce !== undefined, 'the sequencer answers requests in progress')
    if (!appendAnswered(produce, words, at)) return
    if (produce.response !== undefined) this.#requests.forget(produce.token)
    else if (produce.durableAt <= this.#durable) this.#finish(produce)
    else this.#undurable.push(produce)
  }

  /** The log is durable up to a position. Returns the number of completed requests. */
  advanceDurable(durable: number): number {
    this.#durable = durable
    let completed = 0
    while (completed < this.#undurable.length && this.#undurable[completed]!.durableAt <= durable)
      this.#finish(this.#undurable[completed++]!)
    if (completed > 0) this.#undurable = this.#undurable.slice(completed)
    return completed
  }

  /** A position that becomes durable completes requests. */
  get awaitsDurable(): boolean {
    return this.#undurable.length > 0
  }

  /** Resumes connections that wait for memory, if there is some. */
  resume(): void {
    if (this.#awaitingMemory.count > 0 && this.#parts.hasRoom()) this.#awaitingMemory.resumeUntilExhausted()
  }

  /** The connection of the gate is closed. */
  disconnect(gate: ReadGate): void {
    this.#awaitingMemory.delete(gate)
  }

  /** Returns undefined if the append ring has no room for all batches of the request. */
  #begin(queue: RequestQueue, header: RequestHeader, body: Reader, held: HeldBytes): Produce | undefined {
    const { routing, rings, validation, now } = this.#parts
    const { correlationId, requestApiVersion: version } = header
    const parts = { routing, ring: rings.appends, validation }
    const tick = this.#tick
    // No spread of an object: it costs more than all else here.
    return this.#requests.begin((token) => beginProduce({ queue, correlationId, version, token, held, tick, now: now() }, body, parts))
  }

  /** No part of the request reached the sequencer, so no answer follows. The request may have timed out already. */
  #onRejected(produce: Produce): void {
    if (produce.response === undefined) this.#finish(produce)
    else this.#requests.forget(produce.token)
  }

  #tickLater(): void {
    this.#isTicking = true
    this.#parts.after(tickMs, () => this.#onTick())
  }

  /** Answers for batches that are not durable in time, because the log is full or the write is slow. */
  #onTick(): void {
    this.#tick++
    let isWaiting = false
    for (const produce of this.#requests) {
      isWaiting = true
      if (produce.response === undefined && produce.due <= this.#tick) this.#timeOut(produce)
    }
    this.#undurable = this.#undurable.filter(({ response }) => response === undefined)
    this.#isTicking = false
    if (isWaiting) this.#tickLater()
    this.#parts.flush()
  }

  /** Batches that are not sequenced still await an answer; their token stays allocated until it arrives. */
  #timeOut(produce: Produce): void {
    // A request with acks=0 has no response: it only leaves the queue.
    if (produce.acks !== 0) timeOut(produce, this.#durable)
    this.#respond(produce)
    if (produce.outstanding === 0) this.#requests.forget(produce.token)
  }

  #finish(produce: Produce): void {
    this.#requests.forget(produce.token)
    this.#respond(produce)
  }

  #respond(produce: Produce): void {
    const { acks, version, correlationId, answer } = produce
    const { writer, complete } = this.#parts
    produce.response = acks === 0 ? [] : writer.write(ProduceResponse, version, correlationId, answer)
    if (acks === 0 && hasFailed(produce)) produce.queue.connection.close('a batch of a request with acks=0 was rejected')
    else complete(produce)
  }
}
