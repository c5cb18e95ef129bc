import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ProduceRequest, ProduceResponse } from '../../../src/wire/api/00-produce.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../src/wire/api/02-list-offsets.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/wire/api/03-metadata.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/wire/api/19-create-topics.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../src/wire/api/21-delete-records.ts'
import { batchHeader } from '../../../src/wire/record-batch.ts'
import { type BatchOptions, encodeBatch, encodeRecords } from '../../support/batch.ts'
import { lateMs, zstdBombBeforeLateRecord } from '../../support/bombs.ts'
import { type Broker, brokerKind, startBroker } from '../../support/broker.ts'
import { WireClient } from '../../support/wire-client.ts'
import { smallLog } from './storage-world.ts'

/** Location of the records during a lookup by time: in the WAL, or only in objects. */
const places = ['log', 'store'] as const
const limitMs = 60_000
/** Record timestamps that retention does not affect. */
const base = 1_000n

let broker: Broker
let client: WireClient

beforeAll(async () => {
  const settings = { ...smallLog, 'log.retention.ms': '-1', 'compressed.record.validation.enable': 'false' }
  broker = await startBroker({ settings: brokerKind() === 'millrace' ? settings : { 'log.retention.ms': '-1' } })
  client = await WireClient.open(broker.port)
}, limitMs)

afterAll(async () => {
  client?.close()
  await broker?.remove()
})

let topics = 0

/** Creates a topic with these batches, each a list of record timestamps after `base`. */
async function topicWith(place: (typeof places)[number], batches: readonly Buffer[]): Promise<string> {
  const name = `t${topics++}`
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [topic], timeoutMs: 10_000 })
  for (const records of batches) expect(await produce(name, records)).toBe(0)
  // Records of another partition, which displace these from the WAL into objects.
  if (place === 'store') await outOfTheLog()
  return name
}

async function produce(name: string, records: Buffer): Promise<number> {
  for (let tries = 0; ; tries++) {
    const topicData = [{ name, topicId: 'A'.repeat(22), partitionData: [{ index: 0, records }] }]
    const answer = await client.call(ProduceRequest, ProduceResponse, 9, { transactionalId: null, acks: -1, timeoutMs: 10_000, topicData })
    const { errorCode } = answer.responses[0]!.partitionResponses[0]!
    if (errorCode !== 3 || tries === 100) return errorCode
    await pause(50)
  }
}

async function outOfTheLog(): Promise<void> {
  const name = 'other'
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [topic], timeoutMs: 10_000 })
  for (let i = 0; i < 40; i++) expect(await produce(name, encodeBatch([{ value: Buffer.alloc(900_000) }]))).toBe(0)
}

function batchOf(times: readonly number[], options: BatchOptions = {}): Buffer {
  const [first = 0] = times
  const records = times.map((time) => ({ key: Buffer.from('k'), value: Buffer.from('v'), timestampDelta: time - first }))
  const maxTimestamp = base + BigInt(Math.max(...times))
  return encodeBatch(records, { baseTimestamp: base + BigInt(first), maxTimestamp, ...options })
}

async function trim(name: string, offset: bigint): Promise<void> {
  const partitions = [{ partitionIndex: 0, offset }]
  const answer = await client.call(DeleteRecordsRequest, DeleteRecordsResponse, 2, { topics: [{ name, partitions }], timeoutMs: 10_000 })
  expect(answer.topics[0]!.partitions[0]).toMatchObject({ errorCode: 0 })
}

async function lookUp(name: string, timestamp: bigint): Promise<readonly [error: number, offset: bigint, time: bigint]> {
  const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }]
  const answer = await client.call(ListOffsetsRequest, ListOffsetsResponse, 7, { replicaId: -1, topics: [{ name, partitions }] })
  const { errorCode, offset, timestamp: time } = answer.topics[0]!.partitions[0]!
  return [errorCode, offset, time < 0n ? time : time - base]
}
const latest = -3n

describe.each(places)('list-offsets: records in the %s', (place) => {
  // Kafka 4.3.1 returns the record that was trimmed: [0, 0n, 100n].
  test.runIf(brokerKind() === 'millrace')(
    'the latest record is one that a trim has left',
    async () => {
      const one = await topicWith(place, [batchOf([100, 50])])
      expect(await lookUp(one, latest)).toEqual([0, 0n, 100n])
      await trim(one, 1n)
      expect(await lookUp(one, latest)).toEqual([0, 1n, 50n])
      const two = await topicWith(place, [batchOf([100, 50]), batchOf([60, 70, 20]), batchOf([70])])
      await trim(two, 1n)
      expect(await lookUp(two, latest)).toEqual([0, 3n, 70n])
      await trim(two, 4n)
      expect(await lookUp(two, latest)).toEqual([0, 5n, 70n])
      await trim(two, 6n)
      expect(await lookUp(two, latest)).toEqual([0, -1n, -1n])
    },
    limitMs,
  )

  test.runIf(brokerKind() === 'millrace')(
    'a batch that cannot be unpacked counts by its header, and the connection stays open',
    async () => {
      const payload = Buffer.from(encodeRecords([{ value: Buffer.from('v') }]))
      const whole = gzipSync(payload)
      const bad = batchOf([80, 90], { attributes: 1, payload: whole.subarray(0, whole.length - 9) })
      const name = await topicWith(place, [batchOf([10, 20]), bad, batchOf([30])])
      expect(await lookUp(name, latest)).toEqual([0, 2n, 90n])
      expect(await lookUp(name, base + 85n)).toEqual([0, 2n, 90n])
      await trim(name, 3n)
      expect(await lookUp(name, latest)).toEqual([0, 3n, 90n])
      await trim(name, 4n)
      expect(await lookUp(name, latest)).toEqual([0, 4n, 30n])
      expect(client.isClosed).toBe(false)
    },
    limitMs,
  )

  test(
    'a batch that decodes to gigabytes is searched to its end while the node answers others and takes no memory',
    async () => {
      const bomb = zstdBombBeforeLateRecord(1800 << 20)
      const first = bomb.readBigInt64BE(batchHeader.baseTimestamp)
      const name = await topicWith(place, [bomb])
      const other = await WireClient.open(broker.port)
      const rssBefore = broker.figures().rssMib
      const began = performance.now()
      let isOver = false
      const found = Promise.all([lookUp(name, first + 1n), lookUp(name, latest)]).finally(() => (isOver = true))
      const waits: number[] = []
      while (!isOver) {
        const sent = performance.now()
        // Answered by the thread that searches.
        await other.call(MetadataRequest, MetadataResponse, 9, { topics: [], allowAutoTopicCreation: false })
        waits.push(performance.now() - sent)
      }
      const seconds = (performance.now() - began) / 1000
      other.close()
      const late = [0, 1n, first + BigInt(lateMs) - base]
      expect(await found).toEqual([late, late])
      expect(waits.length).toBeGreaterThan(20)
      // On a busy machine all requests take long, but no single request may wait for the search.
      expect(Math.max(...waits)).toBeLessThan(Math.max(250, seconds * 250))
      expect(broker.figures().rssMib - rssBefore).toBeLessThan(64)
    },
    limitMs,
  )
})
