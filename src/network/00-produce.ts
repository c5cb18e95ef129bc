import { assert } from '../base/assert.ts'
import type { Mutable } from '../base/mutable.ts'
import { isInternal } from '../metadata/topic-names.ts'
import { append, appended, appendFlags, appendKind, reason, reasons, rejectedRecord } from '../pipeline/ring-messages.ts'
import { oneBatchError } from '../pipeline/sequencing/one-batch.ts'
import type { RecordRules } from '../pipeline/sequencing/rejected-records.ts'
import type { ValidationResult } from '../pipeline/validation/validator.ts'
import { laneOf } from '../ports/lanes.ts'
import { getLong } from '../ring/ring.ts'
import { ProduceRequest, type ProduceResponse } from '../wire/api/00-produce.ts'
import { codec } from '../wire/codec.ts'
import { errors } from '../wire/errors.ts'
import { MalformedMessage } from '../wire/primitives.ts'
import type { Reader } from '../wire/reader.ts'
import { isResult, type ProduceValidation } from './produce-validation.ts'
import type { HeldBytes, Pending, RequestQueue } from './request-queue.ts'
import type { SequencerRings } from './sequencer-rings.ts'
import type { TopicRouting } from './topic-routing.ts'
import { zstdVersion } from './versions.ts'

type PartitionResponse = Mutable<ProduceResponse['responses'][number]['partitionResponses'][number]>

/** A batch that is not in the append ring yet. */
export interface UnsequencedBatch {
  readonly part: number
  readonly lane: number
  readonly partitionId: number
  readonly address: number
  readonly bytes: number
  flags: number
  /** Rules for the check by a validator thread; undefined once the batch is checked. */
  rules: RecordRules | undefined
  rejected: boolean
}

/**
 * A Produce request in progress, with the responses of its batches and the log position that must be durable before the response is sent.
 */
export interface Produce extends Pending {
  readonly acks: number
  readonly answer: ProduceResponse
  readonly parts: PartitionResponse[]
  /** In the order of the request, until they are in the append ring. */
  batches: UnsequencedBatch[]
  /** Batches that validator threads have. */
  validating: number
  /** Batches without a result. */
  outstanding: number
  /** Position of the log of `lane` that must be durable. */
  durableAt: number
  lane: number
  /** The same positions of other lanes, by lane. Undefined if all batches are of one lane. */
  others: Map<number, number> | undefined
  /** Number of lanes that are not durable up to their position yet, once every batch has a result. */
  undurable: number
  held: HeldBytes | undefined
  /** Tick at which the request times out. */
  readonly due: number
}

/** Interval in milliseconds at which waiting requests are checked: one tick. */
export const tickMs = 250
/**
 * Minimum wait. In Kafka a write that waits only for its leader cannot time out, so clients may request a timeout of 0. Here every write
 * waits, for the disk or the object store.
 */
const timeoutMsMin = 1000

/** The ring messages of a request are published together. */
const batchesMax = 4096

/**
 * Reads a Produce request and validates its compressed batches inline, within the time limit for that. The batches to append are left in
 * `batches`. Returns undefined when a ring has no room for them: then nothing has changed, and the caller offers the request again.
 */
export function beginProduce(
  request: { queue: RequestQueue; correlationId: number; version: number; token: number; held: HeldBytes; tick: number; now: number },
  body: Reader,
  { routing, rings, validation }: { routing: TopicRouting; rings: SequencerRings; validation: ProduceValidation },
): Produce | undefined {
  const { version, held } = request
  const { acks, timeoutMs, topicData } = codec(ProduceRequest, version).read(body)
  const valid = acks === 0 || acks === 1 || acks === -1
  const produce = newProduce(request, acks, timeoutMs)
  let batches = 0
  for (const { partitionData } of topicData) batches += partitionData.length
  if (batches > batchesMax) throw new MalformedMessage(`expected at most ${batchesMax} partitions in a produce request, found ${batches}`)
  const lanes = rings.lanes.length
  if (!rings.hasRoomForAppends(lanes === 1 ? [batches] : batchesByLane(topicData, version, routing, lanes))) return undefined
  for (const { name, topicId, partitionData } of topicData) {
    const topic = version >= 13 ? routing.identified(topicId) : routing.named(name)
    const isCoordinators = topic !== undefined && isInternal(topic.name)
    if (partitionData.length === 0) continue
    const partitionResponses: PartitionResponse[] = []
    produce.answer.responses.push({ name, topicId, partitionResponses })
    for (const { index, records } of partitionData) {
      const part = blankPart(index)
      partitionResponses.push(part)
      produce.parts.push(part)
      const unrouted = topic === undefined ? errors.UNKNOWN_TOPIC_OR_PARTITION.code : routing.error(topic, index)
      if (topic === undefined && version >= 13) reject(part, errors.UNKNOWN_TOPIC_ID.code, 0)
      else if (topic === undefined || unrouted !== 0)
        reject(part, unrouted, unrouted === errors.UNKNOWN_TOPIC_OR_PARTITION.code ? reason.unknown : 0)
      else if (isCoordinators) reject(part, errors.INVALID_TOPIC_EXCEPTION.code, 0)
      else if (records === null || records.length === 0) reject(part, errors.INVALID_RECORD.code, reason.notOneBatch)
      else if (!valid) reject(part, batchShapeError(records, version) ?? errors.INVALID_REQUIRED_ACKS.code, 0)
      else {
        const partitionId = routing.partitionId(topic, index)
        const lane = laneOf(partitionId, lanes)
        const { byteOffset: address, length: bytes } = records
        const flags = version < zstdVersion ? appendFlags.beforeZstd : 0
        const checked = validation.check(address, bytes, topic.settings, flags, request.now)
        if (!isResult(checked)) addBatch(produce, { lane, partitionId, address, bytes, flags }, checked)
        else if (checked.error !== 0) rejectBatch(part, checked)
        else addBatch(produce, { lane, partitionId, address, bytes, flags: flags | checked.flags }, undefined)
      }
    }
  }
  if (produce.outstanding > 0) {
    held.hold()
    produce.held = held
  }
  return produce
}

function newProduce(
  request: Pick<Produce, 'queue' | 'correlationId' | 'version' | 'token'> & { tick: number },
  acks: number,
  timeoutMs: number,
): Produce {
  const { queue, correlationId, version, token, tick } = request
  return {
    queue: queue,
    correlationId,
    version,
    token,
    response: undefined,
    lease: undefined,
    acks,
    answer: { responses: [], throttleTimeMs: 0, nodeEndpoints: [] },
    parts: [],
    batches: [],
    validating: 0,
    outstanding: 0,
    durableAt: 0,
    lane: 0,
    others: undefined,
    undurable: 0,
    held: undefined,
    // Up to one tick has passed since the start of the tick in which the request arrived.
    due: tick + 1 + Math.ceil(Math.max(timeoutMs, timeoutMsMin) / tickMs),
  }
}

type Located = Pick<UnsequencedBatch, 'lane' | 'partitionId' | 'address' | 'bytes' | 'flags'>

function addBatch(produce: Produce, { lane, partitionId, address, bytes, flags }: Located, rules: RecordRules | undefined): void {
  produce.batches.push({ part: produce.parts.length - 1, lane, partitionId, address, bytes, flags, rules, rejected: false })
  if (rules !== undefined) produce.validating++
  produce.outstanding++
}

/** Puts all batches of a request into the append rings of their lanes together. Returns false when a ring has no room. */
export function sequence(produce: Produce, words: Int32Array, rings: SequencerRings): boolean {
  const { lanes } = rings
  const counts = lanes.length === 1 ? [produce.batches.length] : lanes.map((_, index) => batchesOf(produce, index))
  if (!rings.hasRoomForAppends(counts)) return false
  for (const { part, lane, partitionId, address, bytes, flags, rejected } of produce.batches) {
    if (rejected) continue
    const at = lanes[lane]!.appends.claim(appendKind, append.words)
    words[at + append.request] = produce.token
    words[at + append.part] = part
    words[at + append.partitionId] = partitionId
    words[at + append.address] = address
    words[at + append.bytes] = bytes
    words[at + append.flags] = flags
  }
  produce.batches = []
  return true
}

const batchesOf = (produce: Produce, lane: number): number => produce.batches.filter((batch) => batch.lane === lane).length

/** Number of batches for each lane. Unknown partitions count for the first one. */
function batchesByLane(topicData: ProduceRequest['topicData'], version: number, routing: TopicRouting, lanes: number): number[] {
  const counts = Array.from({ length: lanes }, () => 0)
  for (const { name, topicId, partitionData } of topicData) {
    const topic = version >= 13 ? routing.identified(topicId) : routing.named(name)
    for (const { index } of partitionData) {
      const lane = topic === undefined || routing.error(topic, index) !== 0 ? 0 : laneOf(routing.partitionId(topic, index), lanes)
      counts[lane]!++
    }
  }
  return counts
}

/** Records the result of a validator thread. */
export function validated(produce: Produce, batch: UnsequencedBatch, result: ValidationResult): void {
  produce.validating--
  batch.flags |= result.flags
  if (result.error === 0) return
  batch.rejected = true
  rejectBatch(produce.parts[batch.part]!, result)
  answeredOne(produce)
}

/** The error for bytes that are not one batch has precedence, as in the sequencer when the request reaches it. */
function batchShapeError(records: Buffer, version: number): number | undefined {
  const view = new DataView(records.buffer, records.byteOffset, records.length)
  return oneBatchError(view, 0, records.length, version < zstdVersion)?.error
}

const blankPart = (index: number): PartitionResponse => ({
  index,
  errorCode: 0,
  baseOffset: -1n,
  logAppendTimeMs: -1n,
  logStartOffset: -1n,
  recordErrors: [],
  errorMessage: null,
  currentLeader: { leaderId: -1, leaderEpoch: -1 },
})

function reject(part: PartitionResponse, error: number, why: number): void {
  part.errorCode = error
  if (why !== reason.none) part.errorMessage = reasons[why]!
}

function rejectBatch(part: PartitionResponse, { error, reason: why, rejected }: ValidationResult): void {
  reject(part, error, why)
  for (const { index, reason: each } of rejected) part.recordErrors.push({ batchIndex: index, batchIndexErrorMessage: reasons[each]! })
}

/** Records the answer of a lane's sequencer for one batch. Returns true when it was the last. */
export function appendAnswered(produce: Produce, lane: number, words: Int32Array, at: number): boolean {
  const part = produce.parts[words[at + appended.part]!]
  assert(part !== undefined, 'a result is for a batch of its request')
  const error = words[at + appended.error]!
  part.logStartOffset = BigInt(getLong(words, at + appended.logStartOffset))
  if (error === 0) {
    part.baseOffset = BigInt(getLong(words, at + appended.baseOffset))
    part.logAppendTimeMs = BigInt(getLong(words, at + appended.logAppendTime))
    awaitDurable(produce, lane, getLong(words, at + appended.durableAt))
  } else {
    const why = words[at + appended.reason]!
    reject(part, error, why)
    for (let i = 0, from = at + appended.words; i < words[at + appended.rejected]!; i++, from += rejectedRecord.words) {
      const message = reasons[words[from + rejectedRecord.reason]!]!
      part.recordErrors.push({ batchIndex: words[from + rejectedRecord.index]!, batchIndexErrorMessage: message })
    }
  }
  return answeredOne(produce)
}

function awaitDurable(produce: Produce, lane: number, position: number): void {
  if (produce.durableAt === 0) produce.lane = lane
  if (produce.lane === lane) produce.durableAt = Math.max(produce.durableAt, position)
  else {
    produce.others ??= new Map()
    produce.others.set(lane, Math.max(produce.others.get(lane) ?? 0, position))
  }
}

/** Position of the log of a lane that must be durable before the response is sent. */
export const durableAtOf = (produce: Produce, lane: number): number =>
  produce.lane === lane ? produce.durableAt : (produce.others?.get(lane) ?? 0)

/** True when every batch has a result: then the bytes of the request are released. */
function answeredOne(produce: Produce): boolean {
  assert(produce.outstanding > 0, 'each batch has one result')
  produce.outstanding--
  if (produce.outstanding > 0) return false
  produce.held?.release()
  produce.held = undefined
  return true
}

/**
 * Returns REQUEST_TIMED_OUT for the batches that are not known to be durable, as Kafka does for batches that are not replicated in time.
 * The batches stay in the log and become durable later. An idempotent producer that sends them again receives their offsets.
 */
export function timeOut(produce: Produce, durable: readonly number[]): void {
  const isDurable = durable.every((position, lane) => durableAtOf(produce, lane) <= position)
  for (const part of produce.parts) {
    if (part.errorCode === 0 && !(isDurable && part.baseOffset >= 0n)) part.errorCode = errors.REQUEST_TIMED_OUT.code
  }
}

export const hasFailed = (produce: Produce): boolean => produce.parts.some((part) => part.errorCode !== 0)
