import { Allowance } from '../base/allowance.ts'
import { answerKind, append, appended, fetched, readKind } from '../pipeline/frames.ts'
import { laneHeader, widen } from '../pipeline/lane.ts'
import type { Bell } from '../ring/bell.ts'
import type { RingConsumer, RingProducer } from '../ring/ring.ts'
import { ProduceResponse } from '../wire/api/00-produce.ts'
import { FetchResponse } from '../wire/api/01-fetch.ts'
import { apiByKey, headerVersions } from '../wire/apis.ts'
import { type Codec, codec } from '../wire/codec.ts'
import { MalformedMessage, Reader } from '../wire/cursor.ts'
import { type RequestHeader, ResponseHeader, readRequestHeader } from '../wire/headers.ts'
import { appendAnswered, beginProduce, hasFailed, type Produce, tickMs, timeOut } from './00-produce.ts'
import { beginFetch, type Fetch, fetchAnswered, fetchError, fetchResponse, hasRecords, type Load, type Wish } from './01-fetch.ts'
import { Channel, type Held, type Peer, type Pending } from './channel.ts'
import type { FetchSessions } from './fetch-session.ts'
import { logLoan, withBlocks } from './loans.ts'
import { ProduceQueue } from './produce-queue.ts'
import type { ProduceValidation } from './produce-validation.ts'
import { largeBytesMax, largeRequestBytes } from './request-limits.ts'
import { RequestTable } from './request-table.ts'
import type { Routing } from './routing.ts'
import { asRecords, ScatterWriter, Slices } from './scatter.ts'

const produceKey = 0
const fetchKey = 1
const answersPerTurn = 1024
/** Delay before a request that found a full ring is retried. */
const retryMs = 2
const responseBytesMax = 64 << 20

/** Functions that the dispatcher requires from other components. */
export interface FrontendPorts {
  /**
   * Forwards any request but Produce and Fetch to the main thread; the response arrives in `answered`. For a large request,
   * `parsed` is called when the main thread no longer needs the whole frame.
   */
  forward(request: { token: number; listener: string; host: string; frame: Buffer }): void
  /** Reads records for a fetch; they arrive in `loaded`. */
  load(request: { token: number; index: number; load: Load }): void
  /** Releases block cache memory of a cold read. */
  giveBack(pin: number): void
  /** Calls `wake` after a time; the result cancels. */
  after(ms: number, wake: () => void): () => void
  now(): number
}

export interface FrontendCounters {
  add(row: 'requests' | 'produce_requests' | 'fetch_requests' | 'refused_frames', by: number): void
}

export interface FrontendParts {
  readonly words: Int32Array
  readonly memory: Buffer
  /** Index of the lane's words. */
  readonly lane: number
  readonly appends: RingProducer
  readonly reads: RingProducer
  readonly answers: RingConsumer
  readonly sequencer: Bell
  readonly routing: Routing
  readonly sessions: FetchSessions
  readonly validation: ProduceValidation
  readonly ports: FrontendPorts
  readonly counters: FrontendCounters
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
export type Taken = 'taken' | 'later' | 'closed'

/**
 * The request dispatcher of a network worker: reads frames, sends batches and fetches to the sequencer and other requests to
 * the main thread, and sends the responses of each connection in the order of its requests.
 */
export class Frontend {
  readonly #parts: FrontendParts
  readonly #reader: Reader
  readonly #writer = new ScatterWriter(Buffer.allocUnsafeSlow(4096), responseBytesMax)
  readonly #requests = new RequestTable<Request>()
  /** Answered by the sequencer but not durable yet; in the order of the answers. */
  #undurable: Produce[] = []
  #durable = 0
  readonly #produces: ProduceQueue
  readonly #dirty = new Set<Channel>()
  /** Connections whose frames found a full ring. */
  readonly #blocked = new Set<Channel>()
  /** Connections without memory for their batches or large requests. */
  readonly #roomless = new Set<Channel>()
  /** Large requests that the main thread has not parsed yet. */
  readonly #large = new Allowance(largeBytesMax)
  /** Counted only while produce requests wait. */
  #tick = 0
  #isTicking = false

  constructor(parts: FrontendParts) {
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

  connect(peer: Peer): Channel {
    return new Channel(peer)
  }

  /** The connection is closed: its responses are discarded. */
  disconnect(channel: Channel): void {
    channel.closed = true
    this.#blocked.delete(channel)
    this.#roomless.delete(channel)
    this.#dirty.delete(channel)
    this.#hurry(channel)
    // Complete responses are discarded now, the others when their answers arrive.
    for (const pending of channel.queue) if (pending.response !== undefined) pending.loan?.end()
    channel.queue.length = 0
  }

  /** A whole frame at [start, end) of the arena, without its size. */
  frame(channel: Channel, start: number, end: number, held: Held): Taken {
    if (channel.isFull) return this.#later(channel)
    const reader = this.#reader.reset(start, end)
    try {
      const header = readRequestHeader(reader)
      if (header === undefined) return this.#refuse(channel, 'unsupported API key')
      const taken = this.#dispatch(channel, header, reader, start, end, held)
      if (taken === 'taken') this.#parts.counters.add('requests', 1)
      return taken
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      return this.#refuse(channel, error.message)
    }
  }

  /** Publishes the dispatched requests to the sequencer. Called once after a batch of frames. */
  publish(): void {
    const { appends, reads, sequencer } = this.#parts
    const appended = appends.publish()
    if (reads.publish() || appended) sequencer.ring()
    // Some requests are complete without another stage.
    if (this.#dirty.size > 0) this.#flush()
  }

  /** Processes answers and sends complete responses. Returns the number of both. */
  turn(): number {
    const { answers, words, lane, sequencer } = this.#parts
    const handled = answers.drain((kind, at) => this.#onAnswer(kind, at), answersPerTurn)
    if (handled > 0 && Atomics.load(words, lane + laneHeader.crowded) === 1) sequencer.ring()
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
    this.#retry(this.#roomless)
  }

  /** The main thread's response to a forwarded request: header and body; null to close the connection. */
  answered(token: number, response: Uint8Array | null): void {
    const pending = this.#requests.get(token) as Forwarded | undefined
    if (pending === undefined) return
    this.#requests.forget(token)
    pending.channel.exclusive = false
    if (response === null) {
      pending.channel.peer.close('the request cannot be answered')
      return
    }
    const size = Buffer.allocUnsafe(4)
    size.writeInt32BE(response.length)
    pending.response = [size, response]
    this.#complete(pending)
    this.#flush()
  }

  /**
   * Result of `ports.load`, in pieces; null when the read failed. `pin` must be released when the block cache memory is no
   * longer read; -1 for pieces in memory of their own.
   */
  loaded(token: number, index: number, records: readonly Uint8Array[] | null, error: number, pin = -1): void {
    const pending = this.#requests.get(token) as Fetch
    const response = pending.responses[index]!
    if (records === null) response.errorCode = error
    // Sent without a copy: a copy of megabytes would delay all requests of the thread.
    else response.records = asRecords(new Slices(records))
    if (pin >= 0) pending.loan = withBlocks(pending.loan, () => this.#parts.ports.giveBack(pin))
    this.#loadedOne(pending)
  }

  /** There is no memory for the read of `ports.load`: the fetch continues without it, unless it has no other records. */
  crowded(token: number, wish: Wish): void {
    const pending = this.#requests.get(token) as Fetch
    pending.crowded ??= wish
    this.#loadedOne(pending)
  }

  #loadedOne(pending: Fetch): void {
    const { crowded, token } = pending
    pending.loading--
    if (pending.loading > 0) return
    pending.crowded = undefined
    if (crowded !== undefined && !hasRecords(pending) && !pending.channel.closed) {
      // It occupies no memory that others wait for, so it may wait itself.
      pending.loading = 1
      this.#parts.ports.load({ token, index: crowded.index, load: { ...crowded.load, isPatient: true } })
      return
    }
    this.#finishFetch(pending)
    this.#flush()
  }

  #dispatch(channel: Channel, header: RequestHeader, reader: Reader, start: number, end: number, held: Held): Taken {
    const { requestApiKey: key, requestApiVersion: version } = header
    if (key === produceKey || key === fetchKey) {
      const api = apiByKey[key]!
      if (version < api.oldest || version > api.latest) return this.#refuse(channel, `version ${version} of API key ${key}`)
      return key === produceKey ? this.#produce(channel, header, reader, held) : this.#fetch(channel, header, reader)
    }
    if (channel.queue.length > 0) {
      this.#hurry(channel)
      return this.#later(channel)
    }
    if (end - start > largeRequestBytes && !this.#large.take(end - start)) {
      this.#roomless.add(channel)
      channel.blocked = true
      return 'later'
    }
    const token = this.#requests.take()
    const pending: Forwarded = {
      kind: 'forwarded',
      channel,
      correlationId: header.correlationId,
      version,
      token,
      response: undefined,
      loan: undefined,
    }
    this.#requests.add(pending)
    channel.exclusive = true
    channel.queue.push(pending)
    const { listener, host } = channel.peer
    const frame = Buffer.allocUnsafeSlow(end - start)
    frame.set(this.#parts.memory.subarray(start, end))
    this.#parts.ports.forward({ token, listener, host, frame })
    return 'taken'
  }

  #produce(channel: Channel, header: RequestHeader, reader: Reader, held: Held): Taken {
    const { routing, validation, appends, counters, ports, hasRoom } = this.#parts
    if (!hasRoom()) {
      this.#hurry(channel)
      channel.blocked = true
      // A connection with pending responses is retried by its own flush.
      if (channel.queue.length === 0) this.#roomless.add(channel)
      return 'later'
    }
    // Checked before the request is read, which would be in vain.
    if (!appends.hasRoom(1, append.words)) {
      this.#hurry(channel)
      return this.#later(channel)
    }
    const token = this.#requests.take()
    const request = {
      channel,
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
      this.#hurry(channel)
      return this.#later(channel)
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

  /** No part of the request reached the sequencer, so that no answer follows; the request may have timed out already. */
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

  #fetch(channel: Channel, header: RequestHeader, reader: Reader): Taken {
    if (channel.fetching !== undefined) {
      this.#hurry(channel)
      return this.#later(channel)
    }
    const { routing, sessions, words, reads, counters, ports, fetchBytesMax } = this.#parts
    const token = this.#requests.take()
    const { correlationId, requestApiVersion: version } = header
    const request = { channel, correlationId, version, token, now: ports.now(), fetchBytesMax }
    const begun = this.#orForget(token, () => beginFetch(request, reader, { routing, sessions, words, ring: reads }))
    if (begun === 'full') {
      this.#requests.giveBack(token)
      return this.#later(channel)
    }
    counters.add('fetch_requests', 1)
    if ('error' in begun) {
      const pending: Forwarded = { kind: 'forwarded', channel, correlationId, version, token, response: undefined, loan: undefined }
      this.#enqueue(pending)
      this.#requests.forget(token)
      pending.response = this.#encode(fetchKey, version, correlationId, codec(FetchResponse, version), fetchError(begun.error))
      this.#complete(pending)
      return 'taken'
    }
    this.#enqueue(begun.fetch)
    channel.fetching = begun.fetch
    if (begun.answer === 'now') this.#finishFetch(begun.fetch)
    else if (begun.fetch.waitMs > 0)
      this.#requests.waits(
        token,
        ports.after(begun.fetch.waitMs, () => this.#expire(token)),
      )
    return 'taken'
  }

  #enqueue(pending: Request): void {
    const { channel } = pending
    this.#requests.add(pending)
    this.#hurry(channel)
    channel.queue.push(pending)
  }

  /** Responses are ordered: a fetch that waits for more records must not delay later responses. */
  #hurry(channel: Channel): void {
    const fetching = channel.fetching as Fetch | undefined
    if (!fetching?.parked) return
    fetching.parked = false
    this.#expire(fetching.token)
  }

  #expire(token: number): void {
    this.#requests.stopWaiting(token)
    this.#tellReader(readKind.expire, token)
  }

  /** Sends a ring message to the sequencer, with a retry if the ring is full. The sequencer answers every fetch exactly once. */
  #tellReader(kind: number, ...body: readonly number[]): void {
    const { reads, words, ports } = this.#parts
    const at = reads.claim(kind, body.length)
    if (at < 0) {
      ports.after(retryMs, () => this.#tellReader(kind, ...body))
      return
    }
    words.set(body, at)
    this.publish()
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
    if (pending === undefined || pending.kind !== 'fetch' || pending.channel.closed) {
      this.#unpin(pin)
      if (pending !== undefined) this.#requests.forget(token)
      return
    }
    this.#requests.stopWaiting(token)
    if (pin >= 0) pending.loan = logLoan((start, bytes) => this.#tellReader(readKind.release, pin, start, bytes))
    for (const { index, load } of fetchAnswered(pending, words, memory, at)) ports.load({ token, index, load })
    if (pending.loading === 0) this.#finishFetch(pending)
  }

  #unpin(pin: number): void {
    if (pin >= 0) this.#tellReader(readKind.release, pin, 0, 0)
  }

  #finishProduce(produce: Produce): void {
    this.#requests.forget(produce.token)
    this.#answerProduce(produce)
  }

  #answerProduce(produce: Produce): void {
    const { acks, version, correlationId } = produce
    produce.response = acks === 0 ? [] : this.#encode(produceKey, version, correlationId, codec(ProduceResponse, version), produce.answer)
    if (acks === 0 && hasFailed(produce)) produce.channel.peer.close('a batch of a request with acks=0 was rejected')
    else this.#complete(produce)
  }

  #finishFetch(pending: Fetch): void {
    this.#requests.forget(pending.token)
    const { version, correlationId } = pending
    pending.response = this.#encode(fetchKey, version, correlationId, codec(FetchResponse, version), fetchResponse(pending))
    if (pending.channel.fetching === pending) pending.channel.fetching = undefined
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
    if (pending.channel.closed) pending.loan?.end()
    else this.#dirty.add(pending.channel)
  }

  #flush(): void {
    for (const channel of this.#dirty) {
      this.#dirty.delete(channel)
      channel.flush()
    }
    this.#retry(this.#blocked)
    if (this.#roomless.size > 0 && this.#parts.hasRoom()) this.#retry(this.#roomless)
  }

  #retry(channels: Set<Channel>): void {
    if (channels.size === 0) return
    const waiting = [...channels]
    channels.clear()
    for (const channel of waiting) channel.peer.retry()
  }

  #later(channel: Channel): Taken {
    channel.blocked = true
    // A connection with a full queue is retried by its own flush; one that found a full ring, by a timer.
    if (!channel.isFull && channel.queue.length === 0) {
      if (this.#blocked.size === 0) this.#parts.ports.after(retryMs, () => this.#flush())
      this.#blocked.add(channel)
    }
    return 'later'
  }

  #refuse(channel: Channel, why: string): Taken {
    this.#parts.counters.add('refused_frames', 1)
    channel.peer.close(why)
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
