import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  commandRecordsMax,
  decodeBatch,
  encodeCommand,
  encodeValues,
  isControlBatch,
  OversizedCommand,
  valuesOf,
} from '../../../src/metadata/batches.ts'
import { DamagedRecord } from '../../../src/metadata/fields.ts'
import { encodeRecord, type MetadataRecord } from '../../../src/metadata/records.ts'
import { buildBatch } from '../../../src/wire/batch-builder.ts'
import { buildControlBatch } from '../../../src/wire/control-batches.ts'
import { placeBatch, raftBatchBytesMax, readRaftBatches } from '../../../src/wire/raft-batches.ts'
import { attribute, batchHeader } from '../../../src/wire/record-batch.ts'

const topicId = 'AAAAAAAAAAAAAAAAAAAAAQ'
const arbitraryRecord: fc.Arbitrary<MetadataRecord> = fc.oneof(
  fc.record({ type: fc.constant('clusterFormatted' as const), clusterId: fc.string() }),
  fc.record({
    type: fc.constant('topicCreated' as const),
    name: fc.string(),
    topicId: fc.constant(topicId),
    replicationFactor: fc.nat(5),
    partitionIds: fc.array(fc.nat()),
    configs: fc.array(fc.tuple(fc.string(), fc.string())).map((rows) => new Map(rows)),
    replicas: fc.array(fc.array(fc.nat())),
  }),
  fc.record({ type: fc.constant('logStartMoved' as const), partitionId: fc.nat(), offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }) }),
  fc.record({ type: fc.constant('objectsRemoved' as const), objectIds: fc.array(fc.nat()) }),
  fc.record({ type: fc.constant('brokerRegistered' as const), brokerId: fc.nat(), brokerEpoch: fc.nat() }),
)

test('metadata batches: the records of any command are read back from its batch', () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryRecord, { minLength: 1, maxLength: 30 }),
      fc.nat(2 ** 40),
      fc.nat(2 ** 31 - 1),
      (records, offset, epoch) => {
        const placed = placeBatch(encodeCommand(records, 1_700_000_000_000), offset, epoch)
        const { batches, because } = readRaftBatches(placed.bytes, { offset, epoch })
        expect([batches, because]).toEqual([[placed], undefined])
        expect([placed.endOffset, isControlBatch(placed.bytes)]).toEqual([offset + records.length, false])
        expect(decodeBatch(batches[0]!)).toEqual({ type: 'data', records })
      },
    ),
  )
})

test('metadata batches: records of older versions are read as those of the current one', () => {
  // topicCreated and walMarked of version 0, as msgpack: [2, 0, "t", ID, 1, [7], []] and [33, 0, 1, 2, 3, 4].
  const topic = Buffer.concat([Buffer.from([0x97, 2, 0, 0xa1, 0x74, 0xb6]), Buffer.from(topicId), Buffer.from([1, 0x91, 7, 0x90])])
  const mark = Buffer.from([0x96, 33, 0, 1, 2, 3, 4])
  expect(decodeBatch(placeBatch(encodeValues([topic, mark], 0), 5, 1))).toEqual({
    type: 'data',
    records: [
      { type: 'topicCreated', name: 't', topicId, replicationFactor: 1, partitionIds: [7], configs: new Map(), replicas: [] },
      { type: 'walMarked', secret: 1, incarnation: 2, stored: 3, durable: 4, lane: 0 },
    ],
  })
})

test('metadata batches: encoded records are returned without being decoded', () => {
  const values = [Buffer.from('one'), Buffer.alloc(0), Buffer.from('three')]
  expect(valuesOf(placeBatch(encodeValues(values, 0), 0, 0)).map((value) => Buffer.from(value))).toEqual(values)
})

test('metadata batches: a command beyond the limits is rejected', () => {
  const record: MetadataRecord = { type: 'brokerRegistered', brokerId: 1, brokerEpoch: 2 }
  const most = Array.from({ length: commandRecordsMax }, () => record)
  expect(decodeBatch(placeBatch(encodeCommand(most, 0), 0, 0)).records).toHaveLength(commandRecordsMax)
  expect(() => encodeCommand([...most, record], 0)).toThrow(OversizedCommand)
  expect(() => encodeCommand([...most, record], 0)).toThrow('10001 metadata records is invalid: at most 10000')
  const overhead = encodeValues([Buffer.alloc(raftBatchBytesMax / 2)], 0).length - raftBatchBytesMax / 2
  expect(encodeValues([Buffer.alloc(raftBatchBytesMax - overhead)], 0).length).toBe(raftBatchBytesMax)
  expect(() => encodeValues([Buffer.alloc(raftBatchBytesMax - overhead + 1)], 0)).toThrow('at most 8388608 bytes')
})

test('metadata batches: a record that cannot be read is reported with its offset', () => {
  const good = encodeRecord({ type: 'brokerRegistered', brokerId: 1, brokerEpoch: 2 })
  const bad = (value: Uint8Array): (() => unknown) => {
    const placed = placeBatch(encodeValues([good, value], 0), 100, 3)
    return () => decodeBatch(placed)
  }
  expect(bad(Buffer.from([0x92, 14]))).toThrow(DamagedRecord)
  expect(bad(Buffer.from([0x92, 14]))).toThrow('the record at offset 101 cannot be read: not msgpack')
  expect(bad(Buffer.from([7]))).toThrow('the record at offset 101 cannot be read: expected a list')
  expect(bad(Buffer.from([0x92, 14, 9]))).toThrow('offset 101 cannot be read: version 9 of brokerRegistered is not supported')
  expect(bad(Buffer.from([0x92, 99, 0]))).toThrow('offset 101 cannot be read: unknown metadata record id 99')
  const withoutValue = placeBatch(buildBatch([{ value: null }]), 7, 0)
  expect(() => decodeBatch(withoutValue)).toThrow('the record at offset 7 cannot be read: expected a value, found null')
  const unknownCount = placeBatch(encodeValues([good, good], 0), 7, 0)
  unknownCount.bytes.writeInt32BE(1, batchHeader.recordsCount)
  expect(() => decodeBatch(unknownCount)).toThrow('the record at offset 8 cannot be read')
})

test('metadata batches: control records are read by their type, and those of later releases are left out', () => {
  const control = placeBatch(buildControlBatch([{ type: 'kraftVersion', value: { version: 0, kRaftVersion: 1 } }], 0), 4, 2)
  expect(decodeBatch(control)).toEqual({ type: 'control', records: [{ type: 'kraftVersion', value: { version: 0, kRaftVersion: 1 } }] })
  const later = buildBatch([{ key: Buffer.from([0, 0, 0, 99]), value: Buffer.from('?') }], { attributes: attribute.control })
  expect(decodeBatch(placeBatch(later, 4, 2))).toEqual({ type: 'control', records: [] })
})
