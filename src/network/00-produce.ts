import { assert } from '../base/assert.ts'
import type { Mutable } from '../base/mutable.ts'
import { isInternal } from '../metadata/topic-names.ts'
import { append, appended, appendFlags, appendKind, reason, reasons, rejectedRecord } from '../pipeline/ring-messages.ts'
import { oneBatchError } from '../pipeline/sequencing/one-batch.ts'
import type { RecordRules } from '../pipeline/sequencing/rejected-records.ts'
import type { ValidationResult } from '../pipeline/validation/validator.ts'
import { getLong, type RingProducer } from '../ring/ring.ts'
import { ProduceRequest, type ProduceResponse } from '../wire/api/00-produce.ts'
import { codec } from '../wire/codec.ts'
import { errors } from '../wire/errors.ts'
import { MalformedMessage } from '../wire/primitives.ts'
import type { Reader } from '../wire/reader.ts'
import { isResult, type ProduceValidation } from './produce-validation.ts'
import type { HeldBytes, Pending, RequestQueue } from './request-queue.ts'
import type { TopicRouting } from './topic-routing.ts'
import { zstdVersion } from './versions.ts'

type PartitionResponse = Mutable<ProduceResponse['responses'][number]['partitionResponses'][number]>

/** A batch that is not in the append ring yet. */
export interface UnsequencedBatch {
  readonly part: number
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
  durableAt: number
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
 * `batches`. Returns undefined when the ring has no room for them: then nothing has changed, and the caller offers the request again.
 */
export function beginProduce(
  request: { queue: RequestQueue; correlationId: number; version: number; token: number; held: HeldBytes; tick: number; now: number },
  body: Reader,
  { routing, ring, validation }: { routing: TopicRouting; ring: RingProducer; validation: ProduceValidation },
): Produce | undefined {
  const { version, held } = request
  const { acks, timeoutMs, topicData } = codec(ProduceRequest, version).read(body)
  const valid = acks === 0 || acks === 1 || acks === -1
  const produce = newProduce(request, acks, timeoutMs)
  let batches = 0
  for (const { partitionData } of topicData) batches += partitionData.length
  if (batches > batchesMax) throw new MalformedMessage(`expected at most ${batchesMax} partitions in a produce request, found ${batches}`)
  if (!ring.hasRoom(batches, append.words)) return undefined
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
        const { byteOffset: address, length: bytes } = records
        const flags = version < zstdVersion ? appendFlags.beforeZstd : 0
        const checked = validation.check(address, bytes, topic.settings, flags, request.now)
        if (!isResult(checked)) addBatch(produce, { partitionId, address, bytes, flags }, checked)
        else if (checked.error !== 0) rejectBatch(part, checked)
        else addBatch(produce, { partitionId, address, bytes, flags: flags | checked.flags }, undefined)
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
    held: undefined,
    // Up to one tick has passed since the start of the tick in which the request arrived.
    due: tick + 1 + Math.ceil(Math.max(timeoutMs, timeoutMsMin) / tickMs),
  }
}

type Located = Pick<UnsequencedBatch, 'partitionId' | 'address' | 'bytes' | 'flags'>

function addBatch(produce: Produce, { partitionId, address, bytes, flags }: Located, rules: RecordRules | undefined): void {
  produce.batches.push({ part: produce.parts.length - 1, partitionId, address, bytes, flags, rules, rejected: false })
  if (rules !== undefined) produce.validating++
  produce.outstanding++
}

/** Puts all batches of a request into the append ring together. Returns false when the ring has no room. */
export function sequence(produce: Produce, words: Int32Array, ring: RingProducer): boolean {
  if (!ring.hasRoom(produce.batches.length, append.words)) return false
  for (const { part, partitionId, address, bytes, flags, rejected } of produce.batches) {
    if (rejected) continue
    const at = ring.claim(appendKind, append.words)
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

/** Records the sequencer's answer for one batch. Returns true when it was the last. */
export function appendAnswered(produce: Produce, words: Int32Array, at: number): boolean {
  const part = produce.parts[words[at + appended.part]!]
  assert(part !== undefined, 'a result is for a batch of its request')
  const error = words[at + appended.error]!
  part.logStartOffset = BigInt(getLong(words, at + appended.logStartOffset))
  if (error === 0) {
    part.baseOffset = BigInt(getLong(words, at + appended.baseOffset))
    part.logAppendTimeMs = BigInt(getLong(words, at + appended.logAppendTime))
    produce.durableAt = Math.max(produce.durableAt, getLong(words, at + appended.durableAt))
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
export function timeOut({ parts, durableAt }: Produce, durable: number): void {
  for (const part of parts) {
    const isDurable = part.baseOffset >= 0n && durableAt <= durable
    if (part.errorCode === 0 && !isDurable) part.errorCode = errors.REQUEST_TIMED_OUT.code
  }
}

export const hasFailed = (produce: Produce): boolean => produce.parts.some((part) => part.errorCode !== 0)
