import { nodeCodecs } from '../../native-free-io/threads/codecs.ts'
import { partitionOf } from '../../src/coordinator/partition-of.ts'
import { FetchRequest, FetchResponse } from '../../src/wire/api/01-fetch.ts'
import { MetadataRequest, MetadataResponse } from '../../src/wire/api/03-metadata.ts'
import { batchAt, batchBytes, isBatchError } from '../../src/wire/record-batch.ts'
import { readRecords } from '../../src/wire/records.ts'
import type { Fields, Message, Wire } from '../../src/wire/schema.ts'
import { inOnePiece } from '../../src/wire/slices.ts'
import { type BrokerKind, startBroker } from '../support/broker.ts'
import { WireClient } from '../support/wire-client.ts'

/** The responses of a broker of a kind to all requests of a conversation. */
export async function answersOf(
  kind: BrokerKind,
  settings: Readonly<Record<string, string>>,
  converse: (port: number) => Promise<string[]>,
): Promise<string[]> {
  const broker = await startBroker({
    kind,
    settings: {
      'group.initial.rebalance.delay.ms': '0',
      'offsets.topic.num.partitions': '4',
      'auto.create.topics.enable': 'false',
      ...settings,
    },
  })
  try {
    return await converse(broker.port)
  } finally {
    await broker.remove()
  }
}

/** Requests and their responses, with the names that each broker makes up replaced by numbers. */
export class Protocol {
  readonly lines: string[] = []
  readonly #names = new Map<string, string>()
  readonly port: number

  constructor(port: number) {
    this.port = port
  }

  /** Sends on a connection of its own, since some responses wait. */
  async call<Q extends Fields, R extends Fields>(
    request: Message<Q>,
    response: Message<R>,
    version: number,
    fields: Partial<Wire<Message<Q>>>,
    label = '',
  ): Promise<Wire<Message<R>>> {
    const client = await WireClient.open(this.port)
    try {
      const answer = await client.call(request, response, version, fields)
      this.note(`${request.name} v${version} ${label}`, answer)
      return answer
    } catch (error) {
      this.lines.push(`${request.name} v${version} ${label}: ${(error as Error).message}`)
      throw error
    } finally {
      client.close()
    }
  }

  /** From here on what the broker made up is shown under this name. */
  nameId(generated: string, name: string): void {
    this.#names.set(generated, name)
  }

  note(what: string, value: unknown): void {
    let named = what
    for (const [generated, name] of this.#names) named = named.replaceAll(generated, name)
    this.lines.push(`${named}: ${this.#shown(value)}`)
  }

  #shown(value: unknown): string {
    const text = JSON.stringify(value, (key, each: unknown) => {
      if (key === 'throttleTimeMs') return undefined
      // Each broker has its own texts for operators.
      if (key === 'errorMessage' && typeof each === 'string' && each.includes(' ')) return 'SENTENCE'
      if (key === 'port') return typeof each === 'number' && each > 0 ? 'PORT' : each
      if (typeof each === 'bigint') return Number(each)
      if (typeof each !== 'string') return shownBuffer(each)
      return this.#names.get(each) ?? (key === 'memberId' && generatedId.test(each) ? 'MADE-UP' : each)
    })
    const named = text.replace(/[a-z]+-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (name) => {
      if (!this.#names.has(name)) this.#names.set(name, `MEMBER-${this.#names.size + 1}`)
      return this.#names.get(name)!
    })
    return JSON.stringify(sorted(JSON.parse(named)))
  }
}

/** Of a classic member of a consumer group. */
const generatedId = /^[A-Za-z0-9_-]{22}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function shownBuffer(value: unknown): unknown {
  const buffer = value as { type?: string; data?: number[] } | null
  return buffer?.type === 'Buffer' ? Buffer.from(buffer.data!).toString('latin1') : value
}

/** Kafka lists what it keeps in hash maps in no order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    const each = value.map(sorted)
    return each.every((one) => typeof one === 'object' && !Array.isArray(one))
      ? each.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : each
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, sorted(one)]))
}

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
const fetchBytesMax = 1 << 24

/** What the offsets topic holds of a group, in its order. */
export async function recordsOfGroup(port: number, groupId: string): Promise<{ readonly key: Buffer; readonly value: Buffer | null }[]> {
  const client = await WireClient.open(port)
  try {
    const asked = { topics: [{ name: '__consumer_offsets', topicId: zeroId }] }
    const { topics } = await client.call(MetadataRequest, MetadataResponse, 8, asked)
    const partition = partitionOf(groupId, topics[0]!.partitions.length)
    const part = { ...wholePartition, partition, partitionMaxBytes: fetchBytesMax }
    const fetched = await client.call(FetchRequest, FetchResponse, 11, {
      maxWaitMs: 100,
      maxBytes: fetchBytesMax,
      sessionEpoch: -1,
      topics: [{ topic: '__consumer_offsets', topicId: zeroId, partitions: [part] }],
    })
    const bytes = fetched.responses[0]!.partitions[0]!.records ?? Buffer.alloc(0)
    return [...recordsIn(inOnePiece(bytes))].flatMap(({ key, value }) => (key?.includes(groupId) ? [{ key, value }] : []))
  } finally {
    client.close()
  }
}

const wholePartition = {
  fetchOffset: 0n,
  currentLeaderEpoch: -1,
  lastFetchedEpoch: -1,
  logStartOffset: -1n,
  replicaDirectoryId: zeroId,
  highWatermark: 2n ** 63n - 1n,
}

function* recordsIn(bytes: Buffer): Generator<{ readonly key: Buffer | null; readonly value: Buffer | null }> {
  for (let at = 0; at < bytes.length; ) {
    const header = batchAt(bytes, at)
    if (isBatchError(header)) return
    yield* readRecords(bytes, at, header, nodeCodecs, fetchBytesMax)
    at += batchBytes(header)
  }
}
