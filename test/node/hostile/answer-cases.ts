import { type BatchOptions, batchAt, encodeBatch, type OutRecord } from '../../support/batch.ts'
import { Writer } from '../../support/bytes.ts'
import * as requests from '../../support/requests.ts'
import { api, requestFrame } from '../../support/requests.ts'
import {
  type Case,
  closes,
  creates,
  describes,
  fetches,
  fetchesById,
  type Ground,
  kafkaDiffers,
  lists,
  produces,
  producesOld,
} from './cases.ts'

const one: readonly OutRecord[] = [{ key: Buffer.from('k'), value: Buffer.from('value') }]
const two: readonly OutRecord[] = [...one, ...one]
const produceOf = (records: Uint8Array | null, topic = 'plain', partition = 0, acks = -1): Buffer =>
  requestFrame(api.produce, requests.produce([{ topic, partition, records }], acks), 1)
const batchOf = (options: BatchOptions, records = one): Buffer => produceOf(encodeBatch(records, options))
const hour = 3_600_000n
const now = BigInt(Date.now())

/** Produce in its oldest supported version, which has no tags and no zstd. */
const produceV3 = (records: Uint8Array): Buffer =>
  requestFrame(
    { key: 0, version: 3, flexible: false },
    new Writer().string(null).int16(-1).int32(1000).int32(1).string('plain').int32(1).int32(0).bytes(records),
    1,
  )

const truncated = (): Buffer => {
  const batch = encodeBatch(one)
  return batch.subarray(0, batch.length - 3)
}

const batches: readonly Case[] = [
  produces('acks of 2', 21, produceOf(encodeBatch(one), 'plain', 0, 2)),
  produces('acks of -2', 21, produceOf(encodeBatch(one), 'plain', 0, -2)),
  closes('acks of 0 for a topic that does not exist', produceOf(encodeBatch(one), 'nowhere', 0, 0)),
  closes('acks of 0 with a wrong checksum', produceOf(encodeBatch(one, { crc: 1 }), 'plain', 0, 0)),
  produces('a wrong checksum', 2, batchOf({ crc: 0xdeadbeef })),
  produces('a batch above max.message.bytes', 10, produceOf(encodeBatch([{ value: Buffer.alloc(2000) }]), 'small')),
  kafkaDiffers('is silent', produces('no records at all', 87, produceOf(null))),
  produces('records of no bytes', 87, produceOf(Buffer.alloc(0))),
  produces('two batches at once', 87, produceOf(Buffer.concat([encodeBatch(one), encodeBatch(one)]))),
  produces('magic 1', 87, batchOf({ magic: 1 })),
  produces('magic 3', [2, 87], batchOf({ magic: 3 })),
  produces('half a batch', 87, produceOf(truncated())),
  produces('ten bytes that are no batch', 87, produceOf(Buffer.alloc(10, 0x41))),
  producesOld('zstd before version 7', 76, produceV3(encodeBatch(one, { attributes: 4 }))),
  produces('more records than offsets', 87, batchOf({ recordCount: 5 })),
  produces('fewer records than offsets', 87, batchOf({ lastOffsetDelta: 4 })),
  produces('a negative count of records', 87, batchOf({ recordCount: -1 })),
  produces('no records by the count', 87, batchOf({ recordCount: 0 })),
  produces('a batch that ends before it begins', 87, batchOf({ lastOffsetDelta: -1 })),
  produces('a control batch from a client', 87, batchOf({ attributes: 0x20 })),
  produces('an unknown codec', [-1, 2, 76, 87], batchOf({ attributes: 7 })),
  produces('gzip that is no gzip', [-1, 0, 2, 87], batchOf({ attributes: 1, payload: Buffer.from('no gzip, but 20 bytes') })),
  produces('lz4 that is no lz4', [-1, 0, 2, 87], batchOf({ attributes: 3, payload: Buffer.from('no lz4, but 20 bytes.') })),
  produces('records that are no records', [-1, 2, 87], batchOf({ payload: Buffer.alloc(30, 0xff) })),
  produces(
    'a record longer than its batch',
    87,
    batchOf({
      payload: new Writer()
        .varint(1 << 20)
        .raw(Buffer.alloc(8))
        .finish(),
    }),
  ),
  produces(
    'bytes behind the last record',
    87,
    batchOf({ payload: Buffer.concat([encodeBatch(one).subarray(batchAt.records), Buffer.alloc(9)]) }),
  ),
  produces('a null key on a compacted topic', 87, produceOf(encodeBatch([{ value: Buffer.from('v') }]), 'compacted')),
  produces('a record too old', 32, produceOf(encodeBatch(one, { baseTimestamp: now - hour }), 'recent')),
  produces('a record too far in the future', 32, produceOf(encodeBatch(one, { baseTimestamp: now + hour }), 'recent')),
  produces('the last timestamp there is', 32, batchOf({ baseTimestamp: 2n ** 63n - 1n })),
  produces('a partition that does not exist', 3, produceOf(encodeBatch(one), 'plain', 2 ** 31 - 1)),
  produces('a negative partition', 3, produceOf(encodeBatch(one), 'plain', -1)),
  produces('a topic that does not exist', 3, produceOf(encodeBatch(one), 'nowhere')),
  produces('a topic name that climbs out of a folder', 3, produceOf(encodeBatch(one), '../../etc/passwd')),
  produces('a topic without a name', 3, produceOf(encodeBatch(one), '')),
]

const sequenced = (ground: Ground, baseSequence: number, producerEpoch = ground.producer.epoch): Buffer =>
  batchOf({ producerId: ground.producer.producerId, producerEpoch, baseSequence }, two)

const sequences: readonly Case[] = [
  produces('a producer id without a sequence', 87, (ground) => sequenced(ground, -1)),
  produces('a producer id without an epoch', [0, 47, 87], (ground) => sequenced(ground, 0, -1)),
  produces('a gap in the sequence', 45, (ground) => [sequenced(ground, 0), sequenced(ground, 3)]),
  produces('a step back in the sequence', 45, (ground) => [sequenced(ground, 0), sequenced(ground, 1)]),
  produces('the same batch again', 0, (ground) => [sequenced(ground, 0), sequenced(ground, 0)]),
  produces('the batch before the last again', 0, (ground) => [sequenced(ground, 0), sequenced(ground, 2), sequenced(ground, 0)]),
  produces('a batch older than the last five', 45, (ground) => [
    ...[0, 2, 4, 6, 8, 10, 12].map((sequence) => sequenced(ground, sequence)),
    sequenced(ground, 0),
  ]),
  produces('an epoch that is over', 47, (ground) => [sequenced(ground, 0, 1), sequenced(ground, 0, 0)]),
  produces('a new epoch that does not begin at 0', 45, (ground) => [sequenced(ground, 0), sequenced(ground, 2, ground.producer.epoch + 1)]),
]

const fetchOf = (offset: bigint, limits: requests.FetchLimits = {}, part: Partial<requests.FetchPart> = {}): Buffer =>
  requestFrame(api.fetch, requests.fetchRequest([{ topic: 'plain', partition: 0, offset, ...part }], limits), 1)

const fetchById = (id: Buffer): Buffer => {
  const body = new Writer()
    .int32(0)
    .int32(1)
    .int32(1 << 20)
    .int8(0)
    .int32(0)
    .int32(-1)
    .uvarint(2)
    .raw(id)
  body
    .uvarint(2)
    .int32(0)
    .int32(-1)
    .int64(0)
    .int32(-1)
    .int64(-1)
    .int32(1 << 20)
    .noTags()
    .noTags()
  return requestFrame(
    { key: 1, version: 13, flexible: true },
    new Writer().int32(-1).raw(body.finish()).uvarint(1).compactString('').noTags(),
    1,
  )
}

const reads: readonly Case[] = [
  fetches('Fetch at offset -5', 1, fetchOf(-5n)),
  fetches('Fetch behind the end', 1, ({ end }) => fetchOf(end + 1000n)),
  fetches('Fetch at the last offset there is', 1, fetchOf(2n ** 63n - 1n)),
  fetches('Fetch in a session that does not exist', 70, fetchOf(0n, { sessionId: 12_345, sessionEpoch: 3 })),
  fetches('Fetch of more bytes than the most bytes', 0, ({ end }) => fetchOf(end - 1n, { minBytes: 1000, maxBytes: 1, waitMs: 100 })),
  fetches('Fetch of no bytes at most', 0, ({ end }) => fetchOf(end - 1n, { maxBytes: 0, partitionMaxBytes: 0 })),
  fetches('Fetch of fewer than no bytes', [-1, 0, 42], ({ end }) =>
    fetchOf(end - 1n, { maxBytes: -1, partitionMaxBytes: -1, minBytes: -1 }),
  ),
  fetches('Fetch with a leader epoch to come', 75, fetchOf(0n, {}, { leaderEpoch: 1000 })),
  fetches('Fetch of a partition that does not exist', 3, fetchOf(0n, {}, { partition: 2 ** 31 - 1 })),
  fetches('Fetch of a topic that does not exist', 3, fetchOf(0n, {}, { topic: 'nowhere' })),
  fetchesById('Fetch of an unknown topic id', 100, fetchById(Buffer.alloc(16, 0x5a))),
  lists('ListOffsets of a partition that does not exist', 3, requestFrame(api.listOffsets, requests.listOffsets('plain', 99, -1n), 1)),
  lists(
    'ListOffsets at the last timestamp there is',
    0,
    requestFrame(api.listOffsets, requests.listOffsets('plain', 0, 2n ** 63n - 1n), 1),
  ),
  describes('Metadata of a topic name that climbs', 17, requestFrame(api.metadata, requests.metadata(['../x'], true), 1)),
  describes('Metadata of a topic without a name', 17, requestFrame(api.metadata, requests.metadata([''], true), 1)),
  describes('Metadata of a topic of 250 letters', 17, requestFrame(api.metadata, requests.metadata(['x'.repeat(250)], true), 1)),
  describes('Metadata of a topic that does not exist', 3, requestFrame(api.metadata, requests.metadata(['nowhere'], false), 1)),
]

const createOf = (...specs: requests.TopicSpec[]): Buffer => requestFrame(api.createTopics, requests.createTopics(specs), 1)

const topicsToCreate: readonly Case[] = [
  creates('a topic whose name collides in metrics', 17, createOf({ name: 'a.b', partitions: 1 })),
  creates('a topic of 250 letters', 17, createOf({ name: 'x'.repeat(250), partitions: 1 })),
  creates('a topic called ..', 17, createOf({ name: '..', partitions: 1 })),
  creates('a topic with a blank', 17, createOf({ name: 'a topic', partitions: 1 })),
  creates('a topic that exists', 36, createOf({ name: 'plain', partitions: 1 })),
  creates('a topic of no partitions', 37, createOf({ name: 'new', partitions: 0 })),
  creates('a topic of -7 partitions', 37, createOf({ name: 'new', partitions: -7 })),
  creates('a topic with too many partitions', [37, 42, 44], createOf({ name: 'new', partitions: 2 ** 31 - 1 })),
  creates('a replication factor of 0', 38, createOf({ name: 'new', partitions: 1, replicas: 0 })),
  creates('an unknown config', 40, createOf({ name: 'new', partitions: 1, configs: { 'no.such.config': '1' } })),
  creates('a config with a wrong value', 40, createOf({ name: 'new', partitions: 1, configs: { 'retention.ms': 'soon' } })),
  creates('a config below its bounds', 40, createOf({ name: 'new', partitions: 1, configs: { 'max.message.bytes': '-1' } })),
  creates('the same topic twice', 42, createOf({ name: 'new', partitions: 1 }, { name: 'new', partitions: 1 })),
]

export const answerCases: readonly Case[] = [...batches, ...sequences, ...reads, ...topicsToCreate]
