import { expect, test } from 'vitest'
import { controlKey } from '../../../src/wire/batch-builder.ts'
import { buildControlBatch, type ControlRecord, leaderChangeVersion, readControlRecord } from '../../../src/wire/control-batches.ts'
import { MalformedMessage } from '../../../src/wire/primitives.ts'
import { batchAt, isBatchError } from '../../../src/wire/record-batch.ts'
import { readRecords } from '../../../src/wire/records.ts'

const directory = 'JsnUlBPkTTGYmEkjpSbhxQ'
const voter = { voterId: 1, voterDirectoryId: directory }
const withoutDirectory = { ...voter, voterDirectoryId: 'AAAAAAAAAAAAAAAAAAAAAA' }
const records: readonly ControlRecord[] = [
  { type: 'leaderChange', value: { version: 1, leaderId: 1, voters: [voter], grantingVoters: [voter] } },
  { type: 'leaderChange', value: { version: leaderChangeVersion, leaderId: 1, voters: [withoutDirectory], grantingVoters: [] } },
  { type: 'snapshotHeader', value: { version: 0, lastContainedLogTimestamp: 1_700_000_000_000n } },
  { type: 'kraftVersion', value: { version: 0, kRaftVersion: 1 } },
  {
    type: 'kraftVoters',
    value: {
      version: 0,
      voters: [
        {
          ...voter,
          endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 9093 }],
          kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
        },
      ],
    },
  },
  { type: 'snapshotFooter', value: { version: 0 } },
]
const nothing = (): never => {
  throw new Error('not compressed')
}
const codecs = { gzip: nothing, zstd: nothing, unpack: nothing }

test('control batches: every control record of Raft is read back', () => {
  const batch = buildControlBatch(records, 1_700_000_000_000)
  const header = batchAt(batch, 0)
  if (isBatchError(header)) throw new Error(header.because)
  const found = readRecords(batch, 0, header, codecs, batch.length)
  expect(header.attributes).toBe(0x20)
  expect(found.map(({ timestamp }) => timestamp)).toEqual(records.map(() => 1_700_000_000_000n))
  expect(found.map(({ key, value }) => readControlRecord(key, value))).toEqual(records)
})

test('control batches: a value has the bytes that Kafka writes', () => {
  // Version 0, leader 1, voters [1, 2] and granting voters [1], each with its tagged fields.
  const value = Buffer.from('000000000001030000000100000000020002000000010000', 'hex')
  expect(readControlRecord(controlKey('leaderChange'), value)).toEqual({
    type: 'leaderChange',
    value: {
      version: 0,
      leaderId: 1,
      voters: [1, 2].map((voterId) => ({ voterId, voterDirectoryId: 'AAAAAAAAAAAAAAAAAAAAAA' })),
      grantingVoters: [withoutDirectory],
    },
  })
})

test('control batches: a value that does not match its type is malformed', () => {
  const key = controlKey('kraftVersion')
  for (const value of [null, Buffer.alloc(1), Buffer.from([0, 1, 0, 1, 0]), Buffer.from([0, 0, 0]), Buffer.from([0, 0, 0, 1, 0, 0])])
    expect(() => readControlRecord(key, value), String(value?.toString('hex'))).toThrow(MalformedMessage)
  expect(() => readControlRecord(controlKey('leaderChange'), Buffer.from([0, 2]))).toThrow('version 2 of leaderChange is not supported')
  expect(readControlRecord(controlKey('commit'), Buffer.alloc(6))).toBeUndefined()
  expect(readControlRecord(null, null)).toBeUndefined()
})
