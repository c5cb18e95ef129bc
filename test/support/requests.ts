import { type Reader, Writer } from './bytes.ts'

/** The requests used by tests over the network, each in one version; old versions where they have the same content in fewer bytes. */
export const api = {
  produce: { key: 0, version: 9, flexible: true },
  fetch: { key: 1, version: 12, flexible: true },
  listOffsets: { key: 2, version: 2, flexible: false },
  metadata: { key: 3, version: 4, flexible: false },
  apiVersions: { key: 18, version: 0, flexible: false },
  createTopics: { key: 19, version: 4, flexible: false },
  deleteTopics: { key: 20, version: 3, flexible: false },
  initProducerId: { key: 22, version: 1, flexible: false },
} as const

export interface Api {
  readonly key: number
  readonly version: number
  readonly flexible: boolean
}

export function requestFrame(api: Api, body: Writer, correlation: number, clientId: string | null = 'outside'): Buffer {
  const header = new Writer().int16(api.key).int16(api.version).int32(correlation).string(clientId)
  if (api.flexible) header.noTags()
  return framed(header.raw(body.finish()))
}

export function framed(message: Writer): Buffer {
  return new Writer().int32(message.length).raw(message.finish()).finish()
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly configs?: Record<string, string>
  readonly replicas?: number
}

export function createTopics(topics: readonly TopicSpec[]): Writer {
  const out = new Writer()
  out.array(topics, (topic) => {
    out
      .string(topic.name)
      .int32(topic.partitions)
      .int16(topic.replicas ?? 1)
      .int32(0)
    out.array(Object.entries(topic.configs ?? {}), ([key, value]) => out.string(key).string(value))
  })
  return out.int32(30_000).bool(false)
}

export function readNamedErrors(answer: Reader, withMessage: boolean): Map<string, number> {
  answer.int32()
  const rows = answer.array(() => {
    const row = [answer.string()!, answer.int16()] as const
    if (withMessage) answer.string()
    return row
  })
  return new Map(rows)
}

export const deleteTopics = (names: readonly string[]): Writer => {
  const out = new Writer()
  return out.array(names, (name) => out.string(name)).int32(30_000)
}

export interface ProducePart {
  readonly topic: string
  readonly partition: number
  readonly records: Uint8Array | null
}

/** One topic and one partition per part; there may be many parts. */
export function produce(parts: readonly ProducePart[], acks = -1, transactionalId: string | null = null, timeoutMs = 30_000): Writer {
  const out = new Writer().compactString(transactionalId).int16(acks).int32(timeoutMs)
  out.compactArray(parts, (part) => {
    out.compactString(part.topic)
    out.compactArray([part], () => out.int32(part.partition).compactBytes(part.records).noTags())
    out.noTags()
  })
  return out.noTags()
}

export interface ProduceAnswer {
  readonly topic: string
  readonly partition: number
  readonly error: number
  readonly baseOffset: bigint
}

export function readProduce(answer: Reader): ProduceAnswer[] {
  return answer
    .compactArray(() => {
      const topic = answer.compactString()!
      const parts = answer.compactArray(() => {
        const part = { topic, partition: answer.int32(), error: answer.int16(), baseOffset: answer.int64() }
        answer.raw(16)
        answer.compactArray(() => [answer.int32(), answer.compactString(), answer.skipTags()])
        answer.compactString()
        answer.skipTags()
        return part
      })
      answer.skipTags()
      return parts
    })
    .flat()
}

export interface FetchPart {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly leaderEpoch?: number
}

export interface FetchLimits {
  readonly waitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
  readonly sessionId?: number
  readonly sessionEpoch?: number
  readonly replicaId?: number
}

export function fetchRequest(parts: readonly FetchPart[], limits: FetchLimits = {}): Writer {
  const out = new Writer()
    .int32(limits.replicaId ?? -1)
    .int32(limits.waitMs ?? 0)
    .int32(limits.minBytes ?? 1)
  out
    .int32(limits.maxBytes ?? 64 << 20)
    .int8(0)
    .int32(limits.sessionId ?? 0)
    .int32(limits.sessionEpoch ?? -1)
  const topics = [...new Set(parts.map((part) => part.topic))]
  out.compactArray(topics, (topic) => {
    out.compactString(topic)
    out.compactArray(
      parts.filter((part) => part.topic === topic),
      (part) => {
        out
          .int32(part.partition)
          .int32(part.leaderEpoch ?? -1)
          .int64(part.offset)
          .int32(-1)
          .int64(-1)
        out.int32(limits.partitionMaxBytes ?? 8 << 20).noTags()
      },
    )
    out.noTags()
  })
  return out.uvarint(1).compactString('').noTags()
}

export interface FetchAnswer {
  readonly topic: string
  readonly partition: number
  readonly error: number
  readonly highWatermark: bigint
  readonly logStartOffset: bigint
  readonly records: Buffer
}

export function readFetch(answer: Reader): { readonly error: number; readonly sessionId: number; readonly parts: readonly FetchAnswer[] } {
  answer.int32()
  const error = answer.int16()
  const sessionId = answer.int32()
  const topics = answer.compactArray(() => {
    const topic = answer.compactString()!
    const parts = answer.compactArray(() => readFetchPart(answer, topic))
    answer.skipTags()
    return parts
  })
  return { error, sessionId, parts: topics.flat() }
}

function readFetchPart(answer: Reader, topic: string): FetchAnswer {
  const head = { topic, partition: answer.int32(), error: answer.int16(), highWatermark: answer.int64() }
  answer.int64()
  const logStartOffset = answer.int64()
  answer.compactArray(() => [answer.raw(16), answer.skipTags()])
  answer.int32()
  const records = answer.compactBytes() ?? Buffer.alloc(0)
  answer.skipTags()
  return { ...head, logStartOffset, records }
}

export function listOffsets(topic: string, partition: number, timestamp: bigint): Writer {
  return new Writer().int32(-1).int8(0).int32(1).string(topic).int32(1).int32(partition).int64(timestamp)
}

export function readListOffsets(answer: Reader): { readonly error: number; readonly timestamp: bigint; readonly offset: bigint } {
  answer.int32()
  answer.int32()
  answer.string()
  answer.int32()
  answer.int32()
  return { error: answer.int16(), timestamp: answer.int64(), offset: answer.int64() }
}

export const initProducerId = (transactionalId: string | null = null): Writer => new Writer().string(transactionalId).int32(60_000)

export function readInitProducerId(answer: Reader): { readonly error: number; readonly producerId: bigint; readonly epoch: number } {
  answer.int32()
  return { error: answer.int16(), producerId: answer.int64(), epoch: answer.int16() }
}

export interface MetadataTopic {
  readonly error: number
  readonly name: string
  readonly partitions: readonly { readonly error: number; readonly index: number; readonly leader: number }[]
}

export const metadata = (topics: readonly string[] | null, autoCreate = false): Writer => {
  const out = new Writer()
  if (topics === null) out.int32(-1)
  else out.array(topics, (topic) => out.string(topic))
  return out.bool(autoCreate)
}

export function readMetadata(answer: Reader): readonly MetadataTopic[] {
  answer.int32()
  answer.array(() => [answer.int32(), answer.string(), answer.int32(), answer.string()])
  answer.string()
  answer.int32()
  return answer.array(() => {
    const head = { error: answer.int16(), name: answer.string()! }
    answer.int8()
    const partitions = answer.array(() => {
      const part = { error: answer.int16(), index: answer.int32(), leader: answer.int32() }
      answer.array(() => answer.int32())
      answer.array(() => answer.int32())
      return part
    })
    return { ...head, partitions }
  })
}
