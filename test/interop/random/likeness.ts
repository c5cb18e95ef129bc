import { createHash } from 'node:crypto'
import { batchAt, batchBytes, batchHeader, codecOf, isBatchError } from '../../../src/wire/record-batch.ts'
import type { BrokerView } from './broker-view.ts'

/** What is each broker's own, in every answer. */
const own = /^(throttleTimeMs|clusterId|port|logDir|partitionSize|totalBytes|usableBytes|replicaDirectoryId)$/
/** And in those of one API. */
const ownOf: Readonly<Record<string, RegExp>> = {
  DescribeQuorum: /^(leaderEpoch|highWatermark|logEndOffset|last\w+Timestamp|listeners)$/,
  ApiVersions: /^(apiKeys|supportedFeatures|finalizedFeatures\w*)$/,
}
const textFields = /^(errorMessage|batchIndexErrorMessage|documentation)$/
const named = ['name', 'topic', 'groupId', 'topicName', 'resourceName'] as const
const hourMs = 3_600_000n

/** An answer with everything in it that the broker made up called by its name, and lists without an order put into one. */
export function likeness(view: BrokerView, api: string, answer: unknown): unknown {
  const part = (key: string, value: unknown): unknown => {
    if (own.test(key) || ownOf[api]?.test(key)) return undefined
    if (Buffer.isBuffer(value)) return key === 'records' ? shownBatches(view, value) : value.toString('latin1')
    if (Array.isArray(value)) return inOrder(joined(value.filter((each) => isOfThisSeed(view, each))).map((each) => part('', each)))
    if (typeof value === 'bigint') return key === 'producerId' ? view.producerName(value) : shownNumber(value)
    if (typeof value === 'string') return textFields.test(key) ? (value === '' ? '' : 'WORDS') : view.named(value)
    if (key === 'sessionId' && (value as number) > 0) return 'SESSION'
    if (typeof value !== 'object' || value === null) return value
    const left = (value as { name?: unknown }).name === 'min.insync.replicas' ? withoutSource(value) : withoutWords(value)
    return Object.fromEntries(
      Object.entries(left).flatMap(([name, each]) => {
        const shown = part(name, each)
        return shown === undefined ? [] : [[name, shown]]
      }),
    )
  }
  return part('', answer)
}

/** Whether an error has words to it. */
const withoutWords = (answer: object): object =>
  ((answer as { errorCode?: number }).errorCode ?? 0) === 0 ? answer : { ...answer, errorMessage: undefined }

/** With its feature `eligible.leader.replicas.version`, which is not here, Kafka gives every cluster a dynamic default of this config. */
const withoutSource = (config: object): object => ({ ...config, configSource: 0, synonyms: [] })

const shownNumber = (value: bigint): string => {
  const now = BigInt(Date.now())
  return value > now - hourMs && value < now + hourMs ? 'NOW' : `${value}`
}

function isOfThisSeed(view: BrokerView, each: unknown): boolean {
  if (typeof each !== 'object' || each === null) return true
  return named.every((key) => {
    const name = (each as Record<string, unknown>)[key]
    return typeof name !== 'string' || !/-s\d+$/.test(name) || name.endsWith(view.suffix)
  })
}

/** Kafka may answer one topic in several places. */
function joined(list: unknown[]): unknown[] {
  const topics = new Map<string, unknown[]>()
  return list.filter((each) => {
    const { name, topic = name, topicId, partitions, partitionResponses = partitions } = (each ?? {}) as Record<string, unknown>
    if (topicId === undefined || !Array.isArray(partitionResponses)) return true
    const before = topics.get(`${topicId} ${topic}`)
    before?.push(...partitionResponses)
    if (before === undefined) topics.set(`${topicId} ${topic}`, partitionResponses)
    return before === undefined
  })
}

function inOrder(list: unknown[]): unknown[] {
  if (!list.every((each) => typeof each === 'object' && each !== null)) return list
  const keyed = list.map((each) => [orderOf(each as Record<string, unknown>), each] as const)
  return keyed.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each)
}

/** By what it is about first, so that what differs stands opposite each other. */
const about = [...named, 'topicId', 'resourceType', 'partitionIndex', 'partition', 'partitionId', 'index', 'memberId']
const orderOf = (each: Record<string, unknown>): string => JSON.stringify([about.map((key) => each[key]), each])

/** Batches by their headers; how records were packed is the packer's own. Kafka may end in the middle of a batch. */
function shownBatches(view: BrokerView, bytes: Buffer): unknown[] {
  const shown: unknown[] = []
  for (let at = 0; at < bytes.length; ) {
    const header = batchAt(bytes, at)
    if (isBatchError(header)) {
      const isCut = bytes.length - at < batchHeader.bytes || bytes.length - at < 12 + bytes.readInt32BE(at + batchHeader.batchLength)
      if (!isCut) shown.push(header.because)
      break
    }
    const end = at + batchBytes(header)
    const { crc: _, batchLength, ...rest } = header
    const body = codecOf(header) === 'none' ? digest(bytes.subarray(at + batchHeader.bytes, end)) : 'PACKED'
    shown.push({
      ...rest,
      baseOffset: `${rest.baseOffset}`,
      baseTimestamp: shownNumber(rest.baseTimestamp),
      maxTimestamp: shownNumber(rest.maxTimestamp),
      producerId: view.producerName(rest.producerId),
      batchLength: body === 'PACKED' ? body : batchLength,
      body,
    })
    at = end
  }
  return shown
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex').slice(0, 12)

/** Where two likenesses differ, and what stands there. */
export function differences(a: unknown, b: unknown, path = ''): string[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return []
  const isDeep = typeof a === 'object' && typeof b === 'object' && a !== null && b !== null && Array.isArray(a) === Array.isArray(b)
  if (!isDeep || (Array.isArray(a) && a.length !== (b as unknown[]).length)) return [`${path}: ${JSON.stringify(a)} / ${JSON.stringify(b)}`]
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...keys].flatMap((key) =>
    differences((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], Array.isArray(a) ? path : `${path}.${key}`),
  )
}
