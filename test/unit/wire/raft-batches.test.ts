import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildBatch } from '../../../src/wire/batch-builder.ts'
import { crc32c } from '../../../src/wire/crc32c.ts'
import { placeBatch, readRaftBatches } from '../../../src/wire/raft-batches.ts'
import { batchHeader } from '../../../src/wire/record-batch.ts'
import { raftBatch, raftBatches } from '../../support/raft-batches.ts'

const bytesOf = (batches: readonly { bytes: Buffer }[]): Buffer => Buffer.concat(batches.map(({ bytes }) => bytes))

test('raft batches: batches are divided, up to the first one that is not whole', () => {
  const batches = [raftBatch(10, 2, { records: 3 }), raftBatch(13, 2), raftBatch(14, 4, { records: 2 })]
  const whole = bytesOf(batches)
  const ends = batches.map((_, index) => bytesOf(batches.slice(0, index + 1)).length)
  for (let length = 0; length <= whole.length; length++) {
    const found = readRaftBatches(whole.subarray(0, length), { offset: 10, epoch: 2 })
    const count = ends.filter((end) => end <= length).length
    expect(found.batches).toEqual(batches.slice(0, count))
    expect([found.bytes, found.because === undefined]).toEqual([ends[count - 1] ?? 0, length === (ends[count - 1] ?? 0)])
  }
})

test('raft batches: a changed byte anywhere ends the batches before it, or changes the epoch, which no CRC covers', () => {
  const batches = raftBatches(0, 3, 3)
  const whole = bytesOf(batches)
  const each = batches[0]!.bytes.length
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= mask
      const found = readRaftBatches(damaged, { offset: 0, epoch: 3 })
      const inEpoch = at % each >= batchHeader.partitionLeaderEpoch && at % each < batchHeader.magic
      if (inEpoch && found.bytes === whole.length) expect(found.batches.at(-1)!.epoch).toBeGreaterThan(3)
      else expect(found.bytes).toBeLessThanOrEqual(Math.floor(at / each) * each + (inEpoch ? each : 0))
    }),
  )
})

test.each<[string, Buffer, RegExp]>([
  ['a gap', raftBatch(6, 1).bytes, /the base offset is 6, expected 5/],
  ['a repetition', raftBatch(4, 1).bytes, /the base offset is 4, expected 5/],
  ['an earlier epoch', raftBatch(5, 0).bytes, /the epoch is 0, below 1/],
  ['no epoch', placeBatch(buildBatch([{ value: null }]), 5, -1).bytes, /the epoch is -1/],
  ['compression', placeBatch(buildBatch([{ value: Buffer.alloc(100) }], { codec: 'snappy' }), 5, 1).bytes, /compressed by snappy/],
  ['more bytes than the limit', raftBatch(5, 1, { valueBytes: 8 << 20 }).bytes, /exceeds 8388608/],
  ['another count of records', withCount(2), /a batch of 2 records has a last offset delta of 0/],
])('raft batches: a batch with %s does not continue a log', (_, bytes, because) => {
  expect(readRaftBatches(bytes, { offset: 5, epoch: 1 })).toMatchObject({ batches: [], bytes: 0, because: expect.stringMatching(because) })
})

function withCount(count: number): Buffer {
  const { bytes } = raftBatch(5, 1)
  bytes.writeInt32BE(count, batchHeader.recordsCount)
  bytes.writeUInt32BE(crc32c(bytes, batchHeader.attributes), batchHeader.crc)
  return bytes
}

test('raft batches: a batch without records has the offsets of the one that it replaces', () => {
  const header = raftBatch(5, 1, { records: 4 }).bytes.subarray(0, batchHeader.bytes)
  header.writeInt32BE(batchHeader.bytes - batchHeader.partitionLeaderEpoch, batchHeader.batchLength)
  header.writeInt32BE(0, batchHeader.recordsCount)
  header.writeUInt32BE(crc32c(header, batchHeader.attributes), batchHeader.crc)
  expect(readRaftBatches(header, { offset: 5, epoch: 1 })).toMatchObject({ because: undefined, batches: [{ baseOffset: 5, endOffset: 9 }] })
})
