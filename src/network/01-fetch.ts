import { assert } from '../base/assert.ts'
import type { Mutable } from '../base/mutable.ts'
import { fetch, fetched, fetchedPart, fetchedRange, fetchedSlice, fetchPart, readKind, where } from '../pipeline/ring-messages.ts'
import type { ColdRead } from '../ports/cold-reads.ts'
import { laneOf } from '../ports/lanes.ts'
import type { PartitionId } from '../ports/partitions.ts'
import { getLong, putLong } from '../ring/ring.ts'
import { FetchRequest, type FetchResponse } from '../wire/api/01-fetch.ts'
import { codec } from '../wire/codec.ts'
import { errors } from '../wire/errors.ts'
import type { Reader } from '../wire/reader.ts'
import { Slices } from '../wire/slices.ts'
import type { Context, FetchSessions, SessionPartition, Wanted } from './fetch-session.ts'
import type { Pending, RequestQueue } from './request-queue.ts'
import type { SequencerRings } from './sequencer-rings.ts'
import type { TopicRouting } from './topic-routing.ts'
import { fetchByIdVersion } from './versions.ts'

type PartitionResponse = Mutable<FetchResponse['responses'][number]['partitions'][number]>

/** Partitions of one fetch; the session rotates, so that partitions that are left out come first next time. */
const partitionsMax = 8192
/** Smaller pieces are copied together: passing on a separate piece costs more than copying it. */
const sliceBytesMin = 2048
const nothing = Buffer.alloc(0)
const readCommitted = 1

/** The read of one partition, by its index among those of the fetch. */
export interface PartitionRead {
  readonly index: number
  readonly load: ColdRead
}

/** The part of a fetch that the sequencer of one lane answers. */
export interface LaneFetch {
  readonly lane: number
  /** Indexes of the partitions, in the order in which they were sent to the sequencer. */
  readonly requested: number[]
  readonly partitionIds: PartitionId[]
  isAnswered: boolean
}

/** A fetch in progress. */
export interface Fetch extends Pending {
  readonly context: Exclude<Context, { type: 'error' }>
  readonly readCommitted: boolean
  readonly partitions: readonly Wanted[]
  readonly responses: PartitionResponse[]
  /** The lanes of the requested partitions. */
  readonly lanes: readonly LaneFetch[]
  /** Maximum bytes of records, as far as the first batch allows. */
  readonly maxBytes: number
  /** Maximum wait in milliseconds, set by the client. */
  readonly waitMs: number
  /** A sequencer keeps the fetch until there are records; no request to complete it earlier has been sent. */
  parked: boolean
  /** Number of lanes that have not answered. */
  unanswered: number
  loading: number
  /** A partition whose cold read found no memory. The first one is enough for a second attempt. */
  outOfMemory: PartitionRead | undefined
}

/** Result of `beginFetch`. `answer` needs no sequencer. */
export type Begun = { readonly fetch: Fetch; readonly answer: 'now' | 'later' } | { readonly error: number; readonly token: number }

/** Reads a Fetch request and sends it to the sequencers. Returns undefined when a ring has no room for it: then nothing has changed. */
export function beginFetch(
  request: { queue: RequestQueue; correlationId: number; version: number; token: number; now: number; fetchBytesMax: number },
  body: Reader,
  parts: { routing: TopicRouting; sessions: FetchSessions; words: Int32Array; rings: SequencerRings },
): Begun | undefined {
  const { queue, correlationId, version, token } = request
  if (!parts.rings.hasRoomForFetch(partitionsMax)) return undefined
  const message = codec(FetchRequest, version).read(body)
  const byId = version >= fetchByIdVersion
  const wanted: Wanted[] = message.topics.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((p) => ({
      topic,
      topicId,
      partition: p.partition,
      offset: p.fetchOffset,
      maxBytes: p.partitionMaxBytes,
      leaderEpoch: p.currentLeaderEpoch,
      lastFetchedEpoch: p.lastFetchedEpoch,
    })),
  )
  const session = { id: message.sessionId, epoch: message.sessionEpoch, byId, partitions: wanted, forgotten: message.forgottenTopicsData }
  const context = parts.sessions.open(session, request.now)
  if (context.type === 'error') return { error: context.error, token }

  const follower = message.replicaId >= 0 || message.replicaState.replicaId >= 0
  const partitions = context.partitions.slice(0, partitionsMax)
  const responses = partitions.map((p) => blankPartition(p.partition, message.isolationLevel === readCommitted))
  const lanes: LaneFetch[] = []
  let failed = false
  partitions.forEach((p, index) => {
    const topic = byId ? parts.routing.identified(p.topicId) : parts.routing.named(p.topic)
    const error = topic === undefined ? unknownTopic(byId) : parts.routing.error(topic, p.partition) || followerError(follower)
    if (error === 0) {
      const partitionId = parts.routing.partitionId(topic!, p.partition)
      const { requested, partitionIds } = inLane(lanes, laneOf(partitionId, parts.rings.lanes.length))
      requested.push(index)
      partitionIds.push(partitionId)
    } else {
      failed = true
      responses[index]!.errorCode = error
      // A partition whose fetch did not reach its log has an empty list of transactions; one that the log rejected has null.
      responses[index]!.abortedTransactions = []
    }
  })
  const waitMs = failed ? 0 : Math.max(0, message.maxWaitMs)
  const begun: Fetch = {
    queue: queue,
    correlationId,
    version,
    token,
    response: undefined,
    lease: undefined,
    context,
    readCommitted: message.isolationLevel === readCommitted,
    partitions,
    responses,
    lanes,
    maxBytes: Math.min(message.maxBytes, request.fetchBytesMax),
    waitMs,
    parked: false,
    unanswered: 0,
    loading: 0,
    outOfMemory: undefined,
  }
  // The response is complete: every partition has an error, or there is none.
  if (lanes.length === 0) return { fetch: begun, answer: 'now' }
  const limits = { minBytes: waitMs === 0 ? 0 : message.minBytes, maxBytes: Math.ceil(begun.maxBytes / lanes.length) }
  for (const laneFetch of lanes) sendFetch(begun, laneFetch, limits, parts.words, parts.rings)
  return { fetch: begun, answer: 'later' }
}

function inLane(lanes: LaneFetch[], lane: number): LaneFetch {
  const known = lanes.find((each) => each.lane === lane)
  if (known !== undefined) return known
  const added = { lane, requested: [], partitionIds: [], isAnswered: false }
  lanes.push(added)
  return added
}

/**
 * Sends the part of a lane to its sequencer, which answers it exactly once, possibly later. A lane waits until its own partitions have
 * `minBytes`: a fetch over several lanes may wait longer than it must, up to its limit, and has never fewer bytes than it may.
 */
function sendFetch(
  begun: Fetch,
  { lane, requested, partitionIds }: LaneFetch,
  limits: { minBytes: number; maxBytes: number },
  words: Int32Array,
  rings: SequencerRings,
): void {
  const { partitions } = begun
  const at = rings.lanes[lane]!.reads.claim(readKind.fetch, fetch.words + requested.length * fetchPart.words)
  words[at + fetch.request] = begun.token
  words[at + fetch.minBytes] = limits.minBytes
  words[at + fetch.maxBytes] = limits.maxBytes
  words[at + fetch.wait] = begun.waitMs > 0 && limits.minBytes > 0 ? 1 : 0
  words[at + fetch.parts] = requested.length
  requested.forEach((index, i) => {
    const to = at + fetch.words + i * fetchPart.words
    const { offset, maxBytes, leaderEpoch, lastFetchedEpoch } = partitions[index]!
    words[to + fetchPart.partitionId] = partitionIds[i]!
    putLong(words, to + fetchPart.offset, within(offset))
    words[to + fetchPart.maxBytes] = maxBytes
    words[to + fetchPart.leaderEpoch] = leaderEpoch
    words[to + fetchPart.lastFetchedEpoch] = lastFetchedEpoch
  })
  begun.parked = true
  begun.unanswered++
}

/** No log has larger offsets. */
const within = (offset: bigint): number => (offset < 0n ? -1 : Math.min(Number(offset), Number.MAX_SAFE_INTEGER))

const unknownTopic = (byId: boolean): number => (byId ? errors.UNKNOWN_TOPIC_ID.code : errors.UNKNOWN_TOPIC_OR_PARTITION.code)

/** There are no followers: a request with a replica id is rejected. */
const followerError = (follower: boolean): number => (follower ? errors.TOPIC_AUTHORIZATION_FAILED.code : 0)

const blankPartition = (partitionIndex: number, committed: boolean): PartitionResponse => ({
  partitionIndex,
  errorCode: 0,
  highWatermark: -1n,
  lastStableOffset: -1n,
  logStartOffset: -1n,
  divergingEpoch: { epoch: -1, endOffset: -1n },
  currentLeader: { leaderId: -1, leaderEpoch: -1 },
  snapshotId: { endOffset: -1n, epoch: -1 },
  abortedTransactions: committed ? [] : null,
  preferredReadReplica: -1,
  records: nothing,
})

/** Fills in the responses from the answer of a lane's sequencer; returns the cold reads that it requires. */
export function fetchAnswered(pending: Fetch, lane: number, words: Int32Array, memory: Buffer, at: number): PartitionRead[] {
  const loads: PartitionRead[] = []
  const laneFetch = pending.lanes.find((each) => each.lane === lane)
  assert(laneFetch !== undefined && !laneFetch.isAnswered, 'each lane of a fetch answers it once')
  laneFetch.isAnswered = true
  pending.unanswered--
  let from = at + fetched.words
  for (const index of laneFetch.requested) {
    const response = pending.responses[index]!
    const partitionId = words[from + fetchedPart.partitionId]!
    const count = words[from + fetchedPart.count]!
    response.errorCode = words[from + fetchedPart.error]!
    response.highWatermark = BigInt(getLong(words, from + fetchedPart.highWatermark))
    response.lastStableOffset = response.highWatermark
    response.logStartOffset = BigInt(getLong(words, from + fetchedPart.logStartOffset))
    const place = words[from + fetchedPart.where]!
    if (response.errorCode !== 0 || place === where.diverged) response.abortedTransactions = null
    if (place === where.diverged) {
      response.divergingEpoch = { epoch: words[from + fetchedPart.leaderEpoch]!, endOffset: response.highWatermark }
    }
    const allowance = words[from + fetchedPart.allowance]!
    from += fetchedPart.words
    if (place === where.hot) {
      response.records = slicesAt(words, memory, from, count)
      from += count * fetchedSlice.words
    } else if (place === where.warm) {
      loads.push({ index, load: { type: 'ranges', lane, ranges: rangesAt(words, from, count), mayWait: false } })
      from += count * fetchedRange.words
    } else if (place === where.cold) {
      loads.push({
        index,
        load: { type: 'partition', partitionId, offset: Number(pending.partitions[index]!.offset), bytesMax: allowance, mayWait: false },
      })
    }
  }
  pending.loading += loads.length
  return loads
}

function slicesAt(words: Int32Array, memory: Buffer, at: number, count: number): Slices {
  const parts: Uint8Array[] = []
  let small = 0
  for (let i = 0, from = at; i < count; i++, from += fetchedSlice.words) {
    const address = words[from + fetchedSlice.address]!
    const bytes = words[from + fetchedSlice.bytes]!
    parts.push(memory.subarray(address, address + bytes))
    if (bytes < sliceBytesMin) small++
  }
  return new Slices(small > 1 ? [Buffer.concat(parts)] : parts)
}

function rangesAt(words: Int32Array, at: number, count: number): { position: number; bytes: number }[] {
  return Array.from({ length: count }, (_, i) => ({
    position: getLong(words, at + i * fetchedRange.words + fetchedRange.position),
    bytes: words[at + i * fetchedRange.words + fetchedRange.bytes]!,
  }))
}

/**
 * Removes what exceeds the limit of the whole fetch, of which each lane has only a share: as in KIP-74, the first partition that has
 * records keeps them.
 */
function limit({ lanes, maxBytes, responses }: Fetch): void {
  if (lanes.length < 2) return
  let bytes = 0
  for (const response of responses) {
    const added = recordsLength(response)
    if (bytes > 0 && bytes + added > maxBytes) response.records = nothing
    else bytes += added
  }
}

/** The message with all partitions. An incremental response leaves out partitions that have not changed for the client. */
export function fetchResponse(pending: Fetch): FetchResponse {
  limit(pending)
  const { context } = pending
  const responses: FetchResponse['responses'] = []
  const session = context.session
  const previous = session === undefined ? [] : (pending.partitions as readonly SessionPartition[])
  pending.responses.forEach((response, index) => {
    const wanted = pending.partitions[index]!
    if (context.type === 'incremental' && !hasChanged(previous[index]!, response)) return
    if (session !== undefined) remember(previous[index]!, response)
    const last = responses.at(-1)
    if (last !== undefined && last.topic === wanted.topic && last.topicId === wanted.topicId) last.partitions.push(response)
    else responses.push({ topic: wanted.topic, topicId: wanted.topicId, partitions: [response] })
  })
  if (context.type === 'incremental') {
    pending.responses.forEach((response, index) => {
      if (recordsLength(response) > 0) context.session.rotate(previous[index]!)
    })
  }
  return { throttleTimeMs: 0, errorCode: 0, sessionId: session?.id ?? 0, responses, nodeEndpoints: [] }
}

export const hasRecords = ({ responses }: Fetch): boolean => responses.some((response) => recordsLength(response) > 0)

const recordsLength = (response: PartitionResponse): number => response.records?.length ?? 0

const hasChanged = (previous: SessionPartition, response: PartitionResponse): boolean =>
  recordsLength(response) > 0 ||
  response.errorCode !== 0 ||
  response.highWatermark !== previous.highWatermark ||
  response.logStartOffset !== previous.logStartOffset

/** After an error the next response includes the partition again, even if nothing else changes. */
function remember(previous: SessionPartition, response: PartitionResponse): void {
  previous.highWatermark = response.errorCode === 0 ? response.highWatermark : -1n
  previous.logStartOffset = response.logStartOffset
}

export const fetchError = (error: number): FetchResponse => ({
  throttleTimeMs: 0,
  errorCode: error,
  sessionId: 0,
  responses: [],
  nodeEndpoints: [],
})
