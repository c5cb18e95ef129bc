import { assert } from '../base/assert.ts'
import { fetched, readKind } from '../pipeline/ring-messages.ts'
import type { ColdRead } from '../ports/cold-reads.ts'
import { FetchResponse } from '../wire/api/01-fetch.ts'
import type { RequestHeader } from '../wire/headers.ts'
import type { Reader } from '../wire/reader.ts'
import { Slices } from '../wire/slices.ts'
import { beginFetch, type Fetch, fetchAnswered, fetchError, fetchResponse, hasRecords, type PartitionRead } from './01-fetch.ts'
import { logLease, withBlocks, withLog } from './buffer-leases.ts'
import type { FetchSessions } from './fetch-session.ts'
import type { Admission, Pending, RequestQueue } from './request-queue.ts'
import { RequestTable } from './request-table.ts'
import type { ResponseWriter } from './response-writer.ts'
import type { SequencerRings } from './sequencer-rings.ts'
import type { TopicRouting } from './topic-routing.ts'

export interface FetchRequestsParts {
  readonly words: Int32Array
  /** The arena, which contains the log cache. */
  readonly memory: Buffer
  readonly rings: SequencerRings
  readonly routing: TopicRouting
  readonly sessions: FetchSessions
  readonly writer: ResponseWriter
  /** `fetch.max.bytes` */
  readonly fetchBytesMax: number
  /** Reads records for a fetch; they arrive in `loaded`. */
  load(request: { token: number; index: number; load: ColdRead }): void
  /** Releases block cache memory of a cold read. */
  releasePin(pin: number): void
  /** Calls `wake` after a delay; the returned function cancels. */
  after(ms: number, wake: () => void): () => void
  now(): number
  /** The response is complete. */
  complete(pending: Pending): void
}

/** Fetch requests from their frame to their response: the answer of the sequencer, and cold reads that it requires. */
export class FetchRequests {
  readonly #parts: FetchRequestsParts
  readonly #requests = new RequestTable<Fetch>()

  constructor(parts: FetchRequestsParts) {
    this.#parts = parts
  }

  accept(queue: RequestQueue, header: RequestHeader, body: Reader): Admission {
    if (queue.fetching !== undefined) {
      this.completeParked(queue)
      queue.gate.pause('earlier-fetch')
      return 'later'
    }
    const { routing, sessions, words, rings, writer, complete, after, now, fetchBytesMax } = this.#parts
    const { correlationId, requestApiVersion: version } = header
    const parts = { routing, sessions, words, rings }
    const begun = this.#requests.begin((token) =>
      beginFetch({ queue, correlationId, version, token, now: now(), fetchBytesMax }, body, parts),
    )
    if (begun === undefined) {
      rings.pause(queue.gate)
      return 'later'
    }
    if ('error' in begun) {
      const response = writer.write(FetchResponse, version, correlationId, fetchError(begun.error))
      const pending: Pending = { queue, correlationId, version, token: begun.token, response, lease: undefined }
      this.#requests.release(begun.token)
      queue.pending.push(pending)
      complete(pending)
      return 'taken'
    }
    const { fetch } = begun
    const { token, waitMs } = fetch
    this.#requests.add(fetch)
    queue.pending.push(fetch)
    queue.fetching = fetch
    if (begun.answer === 'now') this.#finish(fetch)
    else if (waitMs > 0)
      this.#requests.waits(
        token,
        after(waitMs, () => this.#expire(fetch)),
      )
    return 'taken'
  }

  /** Responses are ordered: a fetch that waits for more records must not delay later responses. */
  completeParked(queue: RequestQueue): void {
    const fetching = queue.fetching as Fetch | undefined
    if (!fetching?.parked) return
    this.#expire(fetching)
  }

  /** The answer of a lane's sequencer at `at` of the words. */
  answered(lane: number, at: number): void {
    const { words, memory, rings, load } = this.#parts
    const token = words[at + fetched.request]!
    const pin = words[at + fetched.pin]!
    const fetch = this.#requests.get(token)
    assert(fetch !== undefined, 'the sequencers answer requests in progress')
    if (pin >= 0) {
      const lease = logLease(rings.lanes[lane]!.log, (start, bytes) => rings.notify(lane, readKind.release, pin, start, bytes))
      fetch.lease = withLog(fetch.lease, lease)
    }
    const loads = fetchAnswered(fetch, lane, words, memory, at)
    if (fetch.queue.closed) fetch.loading -= loads.length
    else for (const partitionRead of loads) load({ token, ...partitionRead })
    // What one lane has is sent at once.
    if (fetch.parked) this.#expire(fetch)
    this.#settle(fetch)
  }

  /**
   * Result of `load`, in pieces; null when the read failed. `pin` must be released when the block cache memory is no longer read; -1
   * for pieces that are not in the block cache.
   */
  loaded(token: number, index: number, records: readonly Uint8Array[] | null, error: number, pin: number): void {
    const fetch = this.#requests.get(token)
    assert(fetch !== undefined && fetch.loading > 0, 'each cold read has one result')
    const response = fetch.responses[index]
    assert(response !== undefined, 'a cold read is for a partition of its fetch')
    if (records === null) response.errorCode = error
    // Sent without a copy: a copy of megabytes would delay all requests of the thread.
    else response.records = new Slices(records)
    if (pin >= 0) fetch.lease = withBlocks(fetch.lease, () => this.#parts.releasePin(pin))
    this.#loadedOne(fetch)
  }

  /** There is no memory for the read of `load`: the fetch continues without it, unless it has no other records. */
  outOfMemory(token: number, partitionRead: PartitionRead): void {
    const fetch = this.#requests.get(token)
    assert(fetch !== undefined && fetch.loading > 0, 'each cold read has one result')
    fetch.outOfMemory ??= partitionRead
    this.#loadedOne(fetch)
  }

  #loadedOne(fetch: Fetch): void {
    fetch.loading--
    this.#settle(fetch)
  }

  /** Completes a fetch with all its answers and cold reads. */
  #settle(fetch: Fetch): void {
    const { outOfMemory, token, queue } = fetch
    if (fetch.unanswered > 0 || fetch.loading > 0) return
    if (queue.closed) {
      fetch.lease?.end()
      this.#requests.forget(token)
      return
    }
    fetch.outOfMemory = undefined
    if (outOfMemory !== undefined && !hasRecords(fetch)) {
      // The fetch occupies no memory that other requests wait for, so this read may wait.
      fetch.loading = 1
      this.#parts.load({ token, index: outOfMemory.index, load: { ...outOfMemory.load, mayWait: true } })
      return
    }
    this.#finish(fetch)
  }

  /** The sequencers answer with the records that there are. */
  #expire(fetch: Fetch): void {
    const { token, lanes } = fetch
    fetch.parked = false
    this.#requests.stopWaiting(token)
    for (const { lane, isAnswered } of lanes) if (!isAnswered) this.#parts.rings.notify(lane, readKind.expire, token)
  }

  #finish(fetch: Fetch): void {
    const { queue, version, correlationId, token } = fetch
    this.#requests.forget(token)
    fetch.response = this.#parts.writer.write(FetchResponse, version, correlationId, fetchResponse(fetch))
    if (queue.fetching === fetch) queue.fetching = undefined
    this.#parts.complete(fetch)
  }
}
