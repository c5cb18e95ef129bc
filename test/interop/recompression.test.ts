import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeCodecs } from '../../native-free-io/threads/codecs.ts'
import { ProduceRequest, ProduceResponse } from '../../src/wire/api/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../src/wire/api/01-fetch.ts'
import { type BatchOptions, buildBatch, type NewRecord } from '../../src/wire/batch-builder.ts'
import { batchAt, batchBytes, codecNames, codecOf, isBatchError } from '../../src/wire/record-batch.ts'
import { readRecords } from '../../src/wire/records.ts'
import { inOnePiece } from '../../src/wire/slices.ts'
import { createTopic } from '../support/admin.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { connected } from '../support/connection.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { long } from '../support/long.ts'
import { WireClient } from '../support/wire-client.ts'
import { blankPartition } from '../unit/network/dispatcher-world.ts'
import { shown, textSamples } from './corpus.ts'
import { goldenConversation } from './golden.ts'
import { consoleConsumer } from './java-client.ts'
import { kcatReader, kcatWriter } from './kcat-client.ts'

const limitMs = 120_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: Java reads what compression.type left, ${missing}`)

const kinds = ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd', 'producer'] as const
const time = BigInt(Date.now())
const records: NewRecord[] = [
  { timestamp: time, key: Buffer.from('a'), value: Buffer.alloc(3000, 'again and '), headers: [{ key: 'h', value: Buffer.from('v') }] },
  { timestamp: time + 9n, key: Buffer.from('b'), value: null },
  { timestamp: time - 5n, key: Buffer.from('c'), value: Buffer.alloc(0) },
]

/** What both brokers must agree on: the answer, then what every batch of the log says of itself. */
class Conversation {
  readonly lines: string[] = []
  readonly #client: WireClient

  constructor(client: WireClient) {
    this.#client = client
  }

  async produce(name: string, of: readonly NewRecord[], options: BatchOptions): Promise<void> {
    const batch = buildBatch(of, { codecs: nodeCodecs, ...options })
    const topicData = [{ name, topicId: '', partitionData: [{ index: 0, records: batch }] }]
    const { responses } = await this.#client.call(ProduceRequest, ProduceResponse, 9, { acks: -1, timeoutMs: 10_000, topicData })
    const { errorCode, baseOffset, logAppendTimeMs, recordErrors } = responses[0]!.partitionResponses[0]!
    const blamed = recordErrors.map(({ batchIndex }) => batchIndex)
    // Kafka dates what has been sent twice, whoever's clock counts.
    const isDated = name === 'dated' && logAppendTimeMs > 0n
    this.lines.push(`${name} ${options.codec}: ${errorCode} at ${baseOffset}, dated ${isDated}, blames ${blamed}`)
  }

  async fetch(topic: string): Promise<void> {
    const partition = { ...blankPartition, partitionMaxBytes: 1 << 20 }
    const topics = [{ topic, topicId: '', partitions: [partition] }]
    const { responses } = await this.#client.call(FetchRequest, FetchResponse, 11, { minBytes: 0, maxBytes: 1 << 20, topics })
    const bytes = Buffer.from(inOnePiece(responses[0]!.partitions[0]!.records!))
    for (let at = 0; at < bytes.length; ) {
      const header = batchAt(bytes, at)
      if (isBatchError(header)) throw new Error(header.because)
      const { baseOffset, lastOffsetDelta, attributes, producerId, producerEpoch, baseSequence } = header
      const dates = attributes & 8 ? 'by the log' : `${header.baseTimestamp - time} to ${header.maxTimestamp - time}`
      const producer = `${producerId}/${producerEpoch}/${baseSequence}`
      this.lines.push(
        `  ${baseOffset}+${lastOffsetDelta} ${codecOf(header)} attributes ${attributes}, dated ${dates}, producer ${producer}`,
      )
      for (const record of readRecords(bytes, at, header, nodeCodecs, 1 << 20)) {
        const headers = record.headers.map(({ key, value }) => `${key}=${value}`)
        const date = attributes & 8 ? '' : record.timestamp - time
        this.lines.push(`    ${record.offset} ${date} ${record.key} ${record.value?.length ?? null} ${headers}`)
      }
      at += batchBytes(header)
    }
  }
}

async function conversation(port: number): Promise<string[]> {
  const client = await WireClient.open(port)
  const output = new Conversation(client)
  const topic = (name: string, configs: Record<string, string>): Promise<void> =>
    connected(port, (connection) => createTopic(connection, name, 1, configs))
  try {
    for (const kind of kinds) {
      await topic(kind, { 'compression.type': kind })
      for (const codec of codecNames) await output.produce(kind, records, { codec })
      for (let i = 0; i < 2; i++) await output.produce(kind, records, { codec: 'lz4', producerId: 77n, producerEpoch: 0, baseSequence: 0 })
      await output.fetch(kind)
    }
    await topic('dated', { 'compression.type': 'gzip', 'message.timestamp.type': 'LogAppendTime' })
    await output.produce('dated', records, { codec: 'snappy' })
    await output.fetch('dated')
    await topic('keyed', { 'compression.type': 'zstd', 'cleanup.policy': 'compact' })
    await output.produce('keyed', [records[0]!, { timestamp: time, value: Buffer.from('no key') }], { codec: 'gzip' })
    await topic('young', { 'compression.type': 'lz4', 'message.timestamp.before.max.ms': '3600000' })
    await output.produce('young', [{ timestamp: time - 7_200_000n }, { timestamp: time }], { codec: 'gzip' })
    await topic('small', { 'compression.type': 'uncompressed', 'max.message.bytes': '2000' })
    await output.produce('small', records, { codec: 'gzip' })
    await output.fetch('small')
  } finally {
    client.close()
  }
  return output.lines
}

goldenConversation('recompression', async (kind) => {
  const broker = await startBroker({ kind })
  try {
    return await conversation(broker.port)
  } finally {
    await broker.remove()
  }
})

describe.runIf(missing === null && kcatWriter.missing() === null)('recompression: recompression:', () => {
  let broker: Broker
  beforeAll(async () => {
    broker = await startBroker()
  }, limitMs)
  afterAll(() => broker?.remove())

  test.each(kinds)('leaves every record as it was written, for kcat and for Java, as %s', long(limitMs), async (kind) => {
    const { address, port } = broker
    const topic = `samples-${kind}`
    await connected(port, (connection) => createTopic(connection, topic, 1, { 'compression.type': kind, 'max.message.bytes': '3000000' }))
    await kcatWriter.write(address, topic, 'gzip', textSamples)
    for (const reader of [kcatReader, consoleConsumer]) {
      const found = await reader.read(address, topic, textSamples.length)
      expect(found.map(shown), reader.name).toEqual(textSamples.map(shown))
    }
  })
})
