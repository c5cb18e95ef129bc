import { assert } from '../base/assert.ts'
import { laneHeader, widen } from '../pipeline/lane-words.ts'
import { answerKind } from '../pipeline/ring-messages.ts'
import { apiByKey } from '../wire/apis.ts'
import { type RequestHeader, readRequestHeader } from '../wire/headers.ts'
import { MalformedMessage } from '../wire/primitives.ts'
import { Reader } from '../wire/reader.ts'
import type { PartitionRead } from './01-fetch.ts'
import { FetchRequests, type FetchRequestsParts } from './fetch-requests.ts'
import type { FetchSessions } from './fetch-session.ts'
import { ForwardedRequests, type ForwardedRequestsParts } from './forwarded-requests.ts'
import { ProduceRequests } from './produce-requests.ts'
import type { ProduceValidation } from './produce-validation.ts'
import { type Admission, type ClientConnection, type HeldBytes, type Pending, RequestQueue } from './request-queue.ts'
import { ResponseWriter } from './response-writer.ts'
import { type LaneEnds, SequencerRings } from './sequencer-rings.ts'
import type { TopicRouting } from './topic-routing.ts'

const produceKey = 0
const fetchKey = 1
const answersPerTurn = 1024

/** Functions that the dispatcher requires from other components. */
export interface DispatcherPorts
  extends Pick<ForwardedRequestsParts, 'forward'>,
    Pick<FetchRequestsParts, 'load' | 'releasePin' | 'after' | 'now'> {}

export interface DispatcherCounters {
  add(row: 'requests' | 'produce_requests' | 'fetch_requests' | 'refused_frames', by: number): void
}

export interface DispatcherParts {
  readonly words: Int32Array
  /** The arena. */
  readonly memory: Buffer
  readonly lanes: readonly LaneEnds[]
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

/**
 * The request dispatcher of a network worker: reads frames, sends batches and fetches to the sequencer and other requests to
 * the main thread, and sends the responses of each connection in the order of its requests.
 */
export class RequestDispatcher {
  readonly #parts: DispatcherParts
  readonly #reader: Reader
  readonly #rings: SequencerRings
  readonly #produces: ProduceRequests
  readonly #fetches: FetchRequests
  readonly #forwarded: ForwardedRequests
  /** Connections with a complete response that may be sent. */
  readonly #dirty = new Set<RequestQueue>()
  /** Durable position of each lane. */
  readonly #durable: number[]

  constructor(parts: DispatcherParts) {
    this.#parts = parts
    const { memory, ports } = parts
    this.#durable = parts.lanes.map(() => 0)
    this.#reader = new Reader(memory)
    const { after } = ports
    this.#rings = new SequencerRings({ ...parts, after })
    const writer = new ResponseWriter()
    const complete = (pending: Pending): void => this.#complete(pending)
    const completeParkedFetch = (queue: RequestQueue): void => this.#fetches.completeParked(queue)
    const shared = { ...parts, ...ports, rings: this.#rings, writer, complete, completeParkedFetch, flush: () => this.#flush() }
    this.#fetches = new FetchRequests(shared)
    this.#produces = new ProduceRequests(shared)
    this.#forwarded = new ForwardedRequests(shared)
  }

  connect(peer: ClientConnection): RequestQueue {
    return new RequestQueue(peer)
  }

  /** The connection is closed: its responses are discarded. */
  disconnect(queue: RequestQueue): void {
    assert(!queue.closed, 'a connection is closed once')
    queue.closed = true
    for (const paused of [this.#rings, this.#produces, this.#forwarded]) paused.disconnect(queue.gate)
    this.#dirty.delete(queue)
    this.#fetches.completeParked(queue)
    // Complete responses are discarded now, the others when their answers arrive.
    for (const pending of queue.pending) if (pending.response !== undefined) pending.lease?.end()
    queue.pending.length = 0
  }

  /** A whole frame at [start, end) of the arena, without its size. */
  frame(queue: RequestQueue, start: number, end: number, held: HeldBytes): Admission {
    assert(start < end, 'a frame has bytes')
    assert(!queue.closed, 'frames of a closed connection are not processed')
    const { limit } = queue
    if (limit !== undefined) {
      queue.gate.pause(limit)
      return 'later'
    }
    const reader = this.#reader.reset(start, end)
    try {
      const header = readRequestHeader(reader)
      if (header === undefined) return this.#reject(queue, 'unsupported API key')
      const taken = this.#dispatch(queue, header, reader, start, end, held)
      if (taken === 'taken') this.#count(header.requestApiKey)
      return taken
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      return this.#reject(queue, error.message)
    }
  }

  /** Publishes the dispatched requests to the sequencer. Called once after a batch of frames. */
  publish(): void {
    this.#rings.publish()
    // Some requests are complete without another stage.
    if (this.#dirty.size > 0) this.#flush()
  }

  /** Processes answers and sends complete responses. Returns the number of both. */
  turn(): number {
    let work = 0
    for (let lane = 0; lane < this.#durable.length; lane++) work += this.#turn(lane)
    this.#flush()
    return work
  }

  #turn(lane: number): number {
    const { words, lanes } = this.#parts
    const { answers, header, sequencer } = lanes[lane]!
    const handled = answers.drain((kind, at) => this.#onAnswer(lane, kind, at), answersPerTurn)
    if (handled > 0 && Atomics.load(words, header + laneHeader.answersBlocked) === 1) sequencer.ring()
    const durable = this.#durableOf(lane)
    assert(durable >= this.#durable[lane]!, 'the durable position advances')
    assert(handled <= answersPerTurn, 'a turn is bounded')
    this.#durable[lane] = durable
    return handled + this.#produces.advanceDurable(lane, durable)
  }

  get idle(): boolean {
    return this.#parts.lanes.every(
      ({ answers }, lane) => answers.empty && (!this.#produces.awaitsDurable(lane) || this.#durableOf(lane) === this.#durable[lane]),
    )
  }

  #durableOf(lane: number): number {
    const { words, lanes } = this.#parts
    return widen(Atomics.load(words, lanes[lane]!.header + laneHeader.durable), this.#durable[lane]!)
  }

  /** The main thread has parsed a large request of this size: it no longer needs the whole frame. */
  parsed(bytes: number): void {
    this.#forwarded.parsed(bytes)
  }

  /** The main thread's response to a forwarded request: header and body; null to close the connection. */
  answered(token: number, response: Uint8Array | null): void {
    this.#forwarded.answered(token, response)
    this.#flush()
  }

  /** Result of `ports.load`; see `FetchRequests`. */
  loaded(token: number, index: number, records: readonly Uint8Array[] | null, error: number, pin = -1): void {
    this.#fetches.loaded(token, index, records, error, pin)
    this.#flush()
  }

  /** There is no memory for the read of `ports.load`. */
  outOfMemory(token: number, partitionRead: PartitionRead): void {
    this.#fetches.outOfMemory(token, partitionRead)
    this.#flush()
  }

  #dispatch(queue: RequestQueue, header: RequestHeader, reader: Reader, start: number, end: number, held: HeldBytes): Admission {
    const { requestApiKey: key, requestApiVersion: version } = header
    if (key !== produceKey && key !== fetchKey) return this.#forwarded.accept(queue, header, start, end)
    const api = apiByKey[key]!
    if (version < api.oldest || version > api.latest) return this.#reject(queue, `version ${version} of API key ${key}`)
    return key === produceKey ? this.#produces.accept(queue, header, reader, held) : this.#fetches.accept(queue, header, reader)
  }

  #count(key: number): void {
    const { counters } = this.#parts
    counters.add('requests', 1)
    if (key === produceKey) counters.add('produce_requests', 1)
    else if (key === fetchKey) counters.add('fetch_requests', 1)
  }

  #onAnswer(lane: number, kind: number, at: number): true {
    assert(kind === answerKind.appended || kind === answerKind.fetched, 'an answer is for a Produce or a Fetch')
    if (kind === answerKind.appended) this.#produces.answered(lane, at)
    else this.#fetches.answered(lane, at)
    return true
  }

  #complete(pending: Pending): void {
    if (pending.queue.closed) pending.lease?.end()
    else this.#dirty.add(pending.queue)
  }

  /** Sends complete responses, and resumes connections that wait for a ring or for memory. */
  #flush(): void {
    for (const queue of this.#dirty) {
      assert(!queue.closed, 'a closed connection has no complete response')
      this.#dirty.delete(queue)
      queue.flush()
    }
    this.#rings.resume()
    this.#produces.resume()
  }

  #reject(queue: RequestQueue, why: string): Admission {
    this.#parts.counters.add('refused_frames', 1)
    queue.connection.close(why)
    return 'closed'
  }
}
