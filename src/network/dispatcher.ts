import { ByteBudget } from '../base/byte-budget.ts'
import { laneHeader, widen } from '../pipeline/lane-words.ts'
import { answerKind, append, appended, fetched, readKind } from '../pipeline/ring-messages.ts'
import type { ColdRead } from '../ports/cold-reads.ts'
import type { RingConsumer, RingProducer } from '../ring/ring.ts'
import type { WakeSignal } from '../ring/wake-signal.ts'
import { ProduceResponse } from '../wire/api/00-produce.ts'
import { FetchResponse } from '../wire/api/01-fetch.ts'
import { apiByKey, headerVersions } from '../wire/apis.ts'
import { codec } from '../wire/codec.ts'
import { type Codec, MalformedMessage, Reader } from '../wire/cursor.ts'
import { type RequestHeader, ResponseHeader, readRequestHeader } from '../wire/headers.ts'
import { Slices } from '../wire/slices.ts'
import { appendAnswered, beginProduce, hasFailed, type Produce, tickMs, timeOut } from './00-produce.ts'
import { beginFetch, type Fetch, fetchAnswered, fetchError, fetchResponse, hasRecords, type PartitionRead } from './01-fetch.ts'
import { logLease, withBlocks } from './buffer-leases.ts'
import type { FetchSessions } from './fetch-session.ts'
import { ProduceQueue } from './produce-queue.ts'
import type { ProduceValidation } from './produce-validation.ts'
import { PausedGates, type PauseReason } from './read-gate.ts'
import { largeBytesMax, largeRequestBytes } from './request-limits.ts'
import { type ClientConnection, type HeldBytes, type Pending, RequestQueue } from './request-queue.ts'
import { RequestTable } from './request-table.ts'
import { ScatterWriter } from './scatter-writer.ts'
import type { TopicRouting } from './topic-routing.ts'

const produceKey = 0
const fetchKey = 1
const answersPerTurn = 1024
/** Delay before a request that found a full ring is retried. */
const retryMs = 2
const responseBytesMax = 64 << 20

/** Functions that the dispatcher requires from other components. */
export interface DispatcherPorts {
  /**
   * Forwards any request but Produce and Fetch to the main thread; the response arrives in `answered`. For a large request,
   * `parsed` is called when the main thread no longer needs the whole frame.
   */
  forward(request: { token: number; listener: string; host: string; frame: Buffer }): void
  /** Reads records for a fetch; they arrive in `loaded`. */
  load(request: { token: number; index: number; load: ColdRead }): void
  /** Releases block cache memory of a cold read. */
  giveBack(pin: number): void
  /** Calls `wake` after a delay; the returned function cancels. */
  after(ms: number, wake: () => void): () => void
  now(): number
}

export interface DispatcherCounters {
  add(row: 'requests' | 'produce_requests' | 'fetch_requests' | 'refused_frames', by: number): void
}

export interface DispatcherParts {
  readonly words: Int32Array
  readonly memory: Buffer
  /** Index of the lane's words. */
  readonly lane: number
  readonly appends: RingProducer
  readonly reads: RingProducer
  readonly answers: RingConsumer
  readonly sequencer: WakeSignal
  readonly routing: TopicRouting
  readonly sessions: FetchSessions
  readonly validation: ProduceValidation
  readonly ports: DispatcherPorts
  readonly counters: DispatcherCounters
  /** `fetch.max.bytes` */
  readonly fetchBytesMax: number
  /** Whether the receive buffers have room for more batches that wait for the log. */
  hasRoom(): boolean
}

interface Forwarded extends Pending {
  readonly kind: 'forwarded'
}
type Request = Produce | Fetch | Forwarded

/** Whether a frame was accepted, or deferred. */
export type Admission = 'taken' | 'later' | 'closed'

/**
 * The request dispatcher of a network worker: reads frames, sends batches and fetches to the sequencer and other requests to
 * the main thread, and sends the responses of each connection in the order of its requests.
 */
export class RequestDispatcher {
  readonly #parts: DispatcherParts
  readonly #reader: Reader
  readonly #writer = new ScatterWriter(Buffer.allocUnsafeSlow(4096), responseBytesMax)
  readonly #requests = new RequestTable<Request>()
  /** Answered by the sequencer but not durable yet; in the order of the answers. */
  #undurable: Produce[] = []
  #durable = 0
  readonly #produces: ProduceQueue
  readonly #dirty = new Set<RequestQueue>()
  readonly #awaitingRing = new PausedGates('ring-full')
  readonly #awaitingBatchMemory = new PausedGates('batch-memory')
  readonly #awaitingLargeMemory = new PausedGates('large-request-memory')
  #isRetrying = false
  /** Large requests that the main thread has not parsed yet. */
  readonly #large = new ByteBudget(largeBytesMax)
  /** Counted only while produce requests wait. */
  #tick = 0
  #isTicking = false

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    this.#reader = new Reader(parts.memory)
    const { words, appends, validation, ports } = parts
    this.#produces = new ProduceQueue({
      words,
      appends,
      validation,
      after: ports.after,
      onRefused: (produce) => this.#onRefused(produce),
      onSequenced: () => this.publish(),
    })
  }

  connect(peer: ClientConnection): RequestQueue {
    return new RequestQueue(peer)
  }

  /** The connection is closed: its responses are discarded. */
  disconnect(queue: RequestQueue): void {
    queue.closed = true
    for (const gates of [this.#awaitingRing, this.#awaitingBatchMemory, this.#awaitingLargeMemory]) gates.delete(queue.gate)
    this.#dirty.delete(queue)
    this.#completeParkedFetch(queue)
    // Complete responses are discarded now, the others when their answers arrive.
    for (const pending of queue.pending) if (pending.response !== undefined) pending.lease?.end()
    queue.pending.length = 0
  }

  /** A whole frame at [start, end) of the arena, without its size. */
  frame(queue: RequestQueue, start: number, end: number, held: HeldBytes): Admission {
    const { limit } = queue
    if (limit !== undefined) return this.#defer(queue, limit)
    const reader = this.#reader.reset(start, end)
    try {
      const header = readRequestHeader(reader)
      if (header === undefined) return this.#refuse(queue, 'unsupported API key')
      const taken = this.#dispatch(queue, header, reader, start, end, held)
      if (taken === 'taken') this.#parts.counters.add('requests', 1)
      return taken
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      return this.#refuse(queue, error.message)
    }
  }

  /** Publishes the dispatched requests to the sequencer. Called once after a batch of frames. */
  publish(): void {
    this.#publishRings()
    // Some requests are complete without another stage.
    if (this.#dirty.size > 0) this.#flush()
  }

  #publishRings(): void {
    const { appends, reads, sequencer } = this.#parts
    const appended = appends.publish()
    if (reads.publish() || appended) sequencer.ring()
  }

  /** Processes answers and sends complete responses. Returns the number of both. */
  turn(): number {
    const { answers, words, lane, sequencer } = this.#parts
    const handled = answers.drain((kind, at) => this.#onAnswer(kind, at), answersPerTurn)
    if (handled > 0 && Atomics.load(words, lane + laneHeader.answersBlocked) === 1) sequencer.ring()
    const durable = widen(Atomics.load(words, lane + laneHeader.durable), this.#durable)
    this.#durable = durable
    let settled = 0
    while (settled < this.#undurable.length && this.#undurable[settled]!.durableAt <= durable)
      this.#finishProduce(this.#undurable[settled++]!)
    if (settled > 0) this.#undurable = this.#undurable.slice(settled)
    this.#flush()
    return handled + settled
  }

  get idle(): boolean {
    const { answers, words, lane } = this.#parts
    if (!answers.empty) return false
    return this.#undurable.length === 0 || widen(Atomics.load(words, lane + laneHeader.durable), this.#durable) === this.#durable
  }

  /** The main thread has parsed a large request of this size. */
  parsed(bytes: number): void {
    this.#large.give(bytes)
    this.#awaitingLargeMemory.resumeAll()
  }

  /** The main thread's response to a forwarded request: header and body; null to close the connection. */
  answered(token: number, response: Uint8Array | null): void {
    const pending = this.#requests.get(token) as Forwarded | undefined
    if (pending === undefined) return
    this.#requests.forget(token)
    pending.queue.exclusive = false
    if (response === null) {
      pending.queue.connection.close('the request cannot be answered')
      return
    }
    const size = Buffer.allocUnsafe(4)
    size.writeInt32BE(response.length)
    pending.response = [size, response]
    this.#complete(pending)
    this.#flush()
  }

  /**
   * Result of `ports.load`, in pieces; null when the read failed. `pin` must be released when the block cache memory is no longer read; -1
   * for pieces that are not in the block cache.
   */
  loaded(token: number, index: number, records: readonly Uint8Array[] | null, error: number, pin = -1): void {
    const pending = this.#requests.get(token) as Fetch
    const response = pending.responses[index]!
    if (records === null) response.errorCode = error
    // Sent without a copy: a copy of megabytes would delay all requests of the thread.
    else response.records = new Slices(records)
    if (pin >= 0) pending.lease = withBlocks(pending.lease, () => this.#parts.ports.giveBack(pin))
    this.#loadedOne(pending)
  }

  /** There is no memory for the read of `ports.load`: the fetch continues without it, unless it has no other records. */
  outOfMemory(token: number, partitionRead: PartitionRead): void {
    const pending = this.#requests.get(token) as Fetch
    pending.outOfMemory ??= partitionRead
    this.#loadedOne(pending)
  }

  #loadedOne(pending: Fetch): void {
    const { outOfMemory, token } = pending
    pending.loading--
    if (pending.loading > 0) return
    pending.outOfMemory = undefined
    if (outOfMemory !== undefined && !hasRecords(pending) && !pending.queue.closed) {
      // The fetch occupies no memory that other requests wait for, so this read may wait.
      pending.loading = 1
      this.#parts.ports.load({ token, index: outOfMemory.index, load: { ...outOfMemory.load, isPatient: true } })
      return
    }
    this.#finishFetch(pending)
    this.#flush()
  }

  #dispatch(queue: RequestQueue, header: RequestHeader, reader: Reader, start: number, end: number, held: HeldBytes): Admission {
    const { requestApiKey: key, requestApiVersion: version } = header
    if (key === produceKey || key === fetchKey) {
      const api = apiByKey[key]!
      if (version < api.oldest || version > api.latest) return this.#refuse(queue, `version ${version} of API key ${key}`)
      return key === produceKey ? this.#produce(queue, header, reader, held) : this.#fetch(queue, header, reader)
    }
    if (queue.pending.length > 0) {
      this.#completeParkedFetch(queue)
      return this.#defer(queue, 'forwarded-request')
    }
    if (end - start > largeRequestBytes && !this.#large.take(end - start)) {
      this.#awaitingLargeMemory.pause(queue.gate)
      return 'later'
    }
    const token = this.#requests.take()
    const pending: Forwarded = {
      kind: 'forwarded',
      queue: queue,
      correlationId: header.correlationId,
      version,
      token,
      response: undefined,
      lease: undefined,
    }
    this.#requests.add(pending)
    queue.exclusive = true
    queue.pending.push(pending)
    const { listener, host } = queue.connection
    const frame = Buffer.allocUnsafeSlow(end - start)
    frame.set(this.#parts.memory.subarray(start, end))
    this.#parts.ports.forward({ token, listener, host, frame })
    return 'taken'
  }

  #produce(queue: RequestQueue, header: RequestHeader, reader: Reader, held: HeldBytes): Admission {
    const { routing, validation, appends, counters, ports, hasRoom } = this.#parts
    if (!hasRoom()) {
      this.#completeParkedFetch(queue)
      this.#awaitingBatchMemory.pause(queue.gate)
      return 'later'
    }
    // Checked before the request is read, to avoid a useless read.
    if (!appends.hasRoom(1, append.words)) {
      this.#completeParkedFetch(queue)
      return this.#awaitRing(queue)
    }
    const token = this.#requests.take()
    const request = {
      queue,
      correlationId: header.correlationId,
      version: header.requestApiVersion,
      token,
      held,
      tick: this.#tick,
      now: ports.now(),
    }
    const produce = this.#orForget(token, () => beginProduce(request, reader, { routing, ring: appends, validation }))
    if (produce === undefined) {
      this.#requests.giveBack(token)
      this.#completeParkedFetch(queue)
      return this.#awaitRing(queue)
    }
    counters.add('produce_requests', 1)
    this.#enqueue(produce)
    if (produce.outstanding === 0) {
      this.#finishProduce(produce)
      return 'taken'
    }
    if (!this.#isTicking) this.#tickLater()
    this.#produces.add(produce)
    return 'taken'
  }

  /** No part of the request reached the sequencer, so no answer follows. The request may have timed out already. */
  #onRefused(produce: Produce): void {
    if (produce.response === undefined) this.#finishProduce(produce)
    else this.#requests.forget(produce.token)
  }

  #tickLater(): void {
    this.#isTicking = true
    this.#parts.ports.after(tickMs, () => this.#onTick())
  }

  /** Answers for batches that are not durable in time, because the log is full or the write is slow. */
  #onTick(): void {
    this.#tick++
    let isWaiting = false
    for (const request of this.#requests) {
      if (request.kind !== 'produce') continue
      isWaiting = true
      if (request.response === undefined && request.due <= this.#tick) this.#timeOut(request)
    }
    this.#undurable = this.#undurable.filter(({ response }) => response === undefined)
    this.#isTicking = false
    if (isWaiting) this.#tickLater()
    this.#flush()
  }

  /** Batches that are not sequenced still await an answer; their token stays allocated until it arrives. */
  #timeOut(produce: Produce): void {
    // A request with acks=0 has no response: it only leaves the queue.
    if (produce.acks !== 0) timeOut(produce, this.#durable)
    this.#answerProduce(produce)
    if (produce.outstanding === 0) this.#requests.forget(produce.token)
  }

  #fetch(queue: RequestQueue, header: RequestHeader, reader: Reader): Admission {
    if (queue.fetching !== undefined) {
      this.#completeParkedFetch(queue)
      return this.#defer(queue, 'earlier-fetch')
    }
    const { routing, sessions, words, reads, counters, ports, fetchBytesMax } = this.#parts
    const token = this.#requests.take()
    const { correlationId, requestApiVersion: version } = header
    const request = { queue, correlationId, version, token, now: ports.now(), fetchBytesMax }
    const begun = this.#orForget(token, () => beginFetch(request, reader, { routing, sessions, words, ring: reads }))
    if (begun === 'full') {
      this.#requests.giveBack(token)
      return this.#awaitRing(queue)
    }
    counters.add('fetch_requests', 1)
    if ('error' in begun) {
      const pending: Forwarded = { kind: 'forwarded', queue: queue, correlationId, version, token, response: undefined, lease: undefined }
      this.#enqueue(pending)
      this.#requests.forget(token)
      pending.response = this.#encode(fetchKey, version, correlationId, codec(FetchResponse, version), fetchError(begun.error))
      this.#complete(pending)
      return 'taken'
    }
    this.#enqueue(begun.fetch)
    queue.fetching = begun.fetch
    if (begun.answer === 'now') this.#finishFetch(begun.fetch)
    else if (begun.fetch.waitMs > 0)
      this.#requests.waits(
        token,
        ports.after(begun.fetch.waitMs, () => this.#expire(token)),
      )
    return 'taken'
  }

  #enqueue(pending: Request): void {
    const { queue } = pending
    this.#requests.add(pending)
    this.#completeParkedFetch(queue)
    queue.pending.push(pending)
  }

  /** Responses are ordered: a fetch that waits for more records must not delay later responses. */
  #completeParkedFetch(queue: RequestQueue): void {
    const fetching = queue.fetching as Fetch | undefined
    if (!fetching?.parked) return
    fetching.parked = false
    this.#expire(fetching.token)
  }

  #expire(token: number): void {
    this.#requests.stopWaiting(token)
    this.#notifySequencer(readKind.expire, token)
  }

  /** Sends a ring message to the sequencer, with a retry if the ring is full. The sequencer answers every fetch exactly once. */
  #notifySequencer(kind: number, ...body: readonly number[]): void {
    const { reads, words, ports } = this.#parts
    const at = reads.claim(kind, body.length)
    if (at < 0) {
      ports.after(retryMs, () => this.#notifySequencer(kind, ...body))
      return
    }
    words.set(body, at)
    // No flush: it would process deferred frames of other connections within the current one, and fill the ring that has room for it.
    this.#publishRings()
  }

  #onAnswer(kind: number, at: number): boolean {
    const { words } = this.#parts
    if (kind === answerKind.appended) {
      const produce = this.#requests.get(words[at + appended.request]!) as Produce
      if (!appendAnswered(produce, words, at)) return true
      if (produce.response !== undefined) this.#requests.forget(produce.token)
      else if (produce.durableAt <= this.#durable) this.#finishProduce(produce)
      else this.#undurable.push(produce)
      return true
    }
    this.#onFetched(at)
    return true
  }

  #onFetched(at: number): void {
    const { words, memory, ports } = this.#parts
    const token = words[at + fetched.request]!
    const pin = words[at + fetched.pin]!
    const pending = this.#requests.get(token) as Fetch | undefined
    if (pending === undefined || pending.kind !== 'fetch' || pending.queue.closed) {
      this.#unpin(pin)
      if (pending !== undefined) this.#requests.forget(token)
      return
    }
    this.#requests.stopWaiting(token)
    if (pin >= 0) pending.lease = logLease((start, bytes) => this.#notifySequencer(readKind.release, pin, start, bytes))
    for (const { index, load } of fetchAnswered(pending, words, memory, at)) ports.load({ token, index, load })
    if (pending.loading === 0) this.#finishFetch(pending)
  }

  #unpin(pin: number): void {
    if (pin >= 0) this.#notifySequencer(readKind.release, pin, 0, 0)
  }

  #finishProduce(produce: Produce): void {
    this.#requests.forget(produce.token)
    this.#answerProduce(produce)
  }

  #answerProduce(produce: Produce): void {
    const { acks, version, correlationId } = produce
    produce.response = acks === 0 ? [] : this.#encode(produceKey, version, correlationId, codec(ProduceResponse, version), produce.answer)
    if (acks === 0 && hasFailed(produce)) produce.queue.connection.close('a batch of a request with acks=0 was rejected')
    else this.#complete(produce)
  }

  #finishFetch(pending: Fetch): void {
    this.#requests.forget(pending.token)
    const { version, correlationId } = pending
    pending.response = this.#encode(fetchKey, version, correlationId, codec(FetchResponse, version), fetchResponse(pending))
    if (pending.queue.fetching === pending) pending.queue.fetching = undefined
    this.#complete(pending)
  }

  #encode<T>(key: number, version: number, correlationId: number, body: Codec<T>, message: T): Uint8Array[] {
    const writer = this.#writer.reset()
    writer.int32(0)
    codec(ResponseHeader, headerVersions(apiByKey[key]!, version)[2]).write(writer, { correlationId })
    body.write(writer, message)
    return writer.gather()
  }

  #complete(pending: Pending): void {
    if (pending.queue.closed) pending.lease?.end()
    else this.#dirty.add(pending.queue)
  }

  #flush(): void {
    for (const queue of this.#dirty) {
      this.#dirty.delete(queue)
      queue.flush()
    }
    this.#awaitingRing.resumeUntilExhausted()
    if (this.#awaitingBatchMemory.count > 0 && this.#parts.hasRoom()) this.#awaitingBatchMemory.resumeUntilExhausted()
  }

  /** Defers the frame until a flush of its own queue removes the reason. */
  #defer(queue: RequestQueue, reason: PauseReason): Admission {
    queue.gate.pause(reason)
    return 'later'
  }

  /** Defers the frame until the sequencer has consumed ring messages. */
  #awaitRing(queue: RequestQueue): Admission {
    this.#awaitingRing.pause(queue.gate)
    this.#retryRing()
    return 'later'
  }

  #retryRing(): void {
    if (this.#isRetrying || this.#awaitingRing.count === 0) return
    this.#isRetrying = true
    this.#parts.ports.after(retryMs, () => {
      this.#isRetrying = false
      this.#flush()
      this.#retryRing()
    })
  }

  #refuse(queue: RequestQueue, why: string): Admission {
    this.#parts.counters.add('refused_frames', 1)
    queue.connection.close(why)
    return 'closed'
  }

  /** The token of a request that cannot be read is released. */
  #orForget<T>(token: number, begin: () => T): T {
    try {
      return begin()
    } catch (error) {
      this.#requests.giveBack(token)
      throw error
    }
  }
}
