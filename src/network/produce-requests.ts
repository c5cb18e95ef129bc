import { assert } from '../base/assert.ts'
import { appended } from '../pipeline/ring-messages.ts'
import { ProduceResponse } from '../wire/api/00-produce.ts'
import type { RequestHeader } from '../wire/headers.ts'
import type { Reader } from '../wire/reader.ts'
import { appendAnswered, beginProduce, durableAtOf, hasFailed, type Produce, tickMs, timeOut } from './00-produce.ts'
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
  /** By lane: answered by the sequencers but not durable yet; in the order of the last answers. */
  readonly #undurable: Produce[][]
  /** Durable position of each lane. */
  readonly #durable: number[]
  readonly #awaitingMemory = new PausedGates('batch-memory')
  /** Counted only while requests wait. */
  #tick = 0
  #isTicking = false

  constructor(parts: ProduceRequestsParts) {
    this.#parts = parts
    const { words, rings, validation, after, flush } = parts
    this.#undurable = rings.lanes.map(() => [])
    this.#durable = rings.lanes.map(() => 0)
    this.#queue = new ProduceQueue({
      words,
      rings,
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
    const produce = rings.mayHaveRoomForAppends ? this.#begin(queue, header, body, held) : undefined
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

  /** The answer of a lane's sequencer for one batch, at `at` of the words. */
  answered(lane: number, at: number): void {
    const { words } = this.#parts
    const produce = this.#requests.get(words[at + appended.request]!)
    assert(produce !== undefined, 'the sequencer answers requests in progress')
    if (!appendAnswered(produce, lane, words, at)) return
    if (produce.response !== undefined) this.#requests.forget(produce.token)
    else if (!this.#awaitDurable(produce)) this.#finish(produce)
  }

  /** Every batch has a result: waits until the lanes of the batches are durable. Returns false if they are. */
  #awaitDurable(produce: Produce): boolean {
    for (let lane = 0; lane < this.#durable.length; lane++) {
      if (durableAtOf(produce, lane) <= this.#durable[lane]!) continue
      this.#undurable[lane]!.push(produce)
      produce.undurable++
    }
    return produce.undurable > 0
  }

  /** The log of a lane is durable up to a position. Returns the number of requests that wait for it no longer. */
  advanceDurable(lane: number, durable: number): number {
    this.#durable[lane] = durable
    const waiting = this.#undurable[lane]!
    let reached = 0
    while (reached < waiting.length && durableAtOf(waiting[reached]!, lane) <= durable) {
      const produce = waiting[reached++]!
      produce.undurable--
      if (produce.undurable === 0) this.#finish(produce)
    }
    if (reached > 0) this.#undurable[lane] = waiting.slice(reached)
    return reached
  }

  /** A position of the lane that becomes durable may complete requests. */
  awaitsDurable(lane: number): boolean {
    return this.#undurable[lane]!.length > 0
  }

  /** Resumes connections that wait for memory, if there is some. */
  resume(): void {
    if (this.#awaitingMemory.count > 0 && this.#parts.hasRoom()) this.#awaitingMemory.resumeUntilExhausted()
  }

  /** The connection of the gate is closed. */
  disconnect(gate: ReadGate): void {
    this.#awaitingMemory.delete(gate)
  }

  /** Returns undefined if an append ring has no room for all batches of the request. */
  #begin(queue: RequestQueue, header: RequestHeader, body: Reader, held: HeldBytes): Produce | undefined {
    const { routing, rings, validation, now } = this.#parts
    const { correlationId, requestApiVersion: version } = header
    const parts = { routing, rings, validation }
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
    this.#undurable.forEach((waiting, lane) => {
      this.#undurable[lane] = waiting.filter(({ response }) => response === undefined)
    })
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
