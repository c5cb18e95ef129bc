import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Checkpoint, checkpointBatches, checkpointIdOf, checkpointName, readCheckpoint } from '../../../src/metadata/checkpoint.ts'
import { DamagedRecord } from '../../../src/metadata/fields.ts'
import { readRaftBatches } from '../../../src/wire/raft-batches.ts'

const id = { offset: 345, epoch: 6 }
const voters = [1, 2, 3].map((voterId) => ({
  voterId,
  voterDirectoryId: 'JsnUlBPkTTGYmEkjpSbhxQ',
  endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 9093 }],
  kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
}))
const encode = (checkpoint: Checkpoint): Buffer => Buffer.concat([...checkpointBatches(id, checkpoint)])
const plain = (checkpoint: Checkpoint): unknown => ({
  ...checkpoint,
  records: checkpoint.records.map((each) => Buffer.from(each).toString('hex')),
})

test('checkpoint: any image is read back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 50 }),
      fc.boolean(),
      fc.nat(2 ** 41),
      (records, hasVoters, time) => {
        const checkpoint: Checkpoint = { lastContainedLogTimestamp: time, kraftVersion: 1, voters: hasVoters ? voters : null, records }
        expect(plain(readCheckpoint(id, encode(checkpoint)))).toEqual(plain(checkpoint))
      },
    ),
  )
})

test('checkpoint: batches have at most 1 MiB and 1,000 records, and offsets without a gap', () => {
  const records = [...Array.from({ length: 2500 }, () => Buffer.from('small')), ...Array.from({ length: 5 }, () => Buffer.alloc(400 << 10))]
  const bytes = encode({ lastContainedLogTimestamp: 0, kraftVersion: 1, voters, records })
  const { batches, because } = readRaftBatches(bytes, { offset: 0, epoch: id.epoch })
  expect(because).toBeUndefined()
  expect(batches.map(({ endOffset, baseOffset }) => endOffset - baseOffset)).toEqual([3, 1000, 1000, 502, 2, 1, 1])
  expect(batches.every((batch) => batch.bytes.length <= 1 << 20 && batch.epoch === id.epoch)).toBe(true)
  expect(readCheckpoint(id, bytes).records).toHaveLength(2505)
})

test('checkpoint: bytes after the footer, and control batches in between, are damage', () => {
  const checkpoint = { lastContainedLogTimestamp: 0, kraftVersion: 1, voters: null, records: [Buffer.from('x')] }
  const whole = encode(checkpoint)
  expect(() => readCheckpoint(id, Buffer.concat([whole, Buffer.alloc(1)]))).toThrow(
    `damaged at byte ${whole.length}: 1 bytes hold no batch`,
  )
  const [head, data, foot] = [...checkpointBatches(id, checkpoint)] as [Buffer, Buffer, Buffer]
  expect(() => readCheckpoint(id, Buffer.concat([data, foot]))).toThrow(DamagedRecord)
  const place = (batch: Buffer, offset: number): Buffer => {
    const copy = Buffer.from(batch)
    copy.writeBigInt64BE(BigInt(offset))
    return copy
  }
  expect(() => readCheckpoint(id, Buffer.concat([head, place(foot, 2), place(foot, 3)]))).toThrow('batch 1 is a control batch')
  expect(() => readCheckpoint(id, Buffer.concat([place(data, 0), place(foot, 1)]))).toThrow('no snapshot header')
  expect(() => readCheckpoint({ ...id, epoch: 5 }, whole)).toThrow('batch 0 has epoch 6, expected 5')
})

test('checkpoint: the name is that of Kafka, and other names are none', () => {
  expect(checkpointName(id)).toBe('00000000000000000345-0000000006.checkpoint')
  expect(checkpointIdOf(checkpointName(id))).toEqual(id)
  for (const name of [
    '00000000000000000345.log',
    '345-6.checkpoint',
    `${checkpointName(id)}.part`,
    '99999999999999999999-0000000000.checkpoint',
  ])
    expect(checkpointIdOf(name), name).toBeUndefined()
})
