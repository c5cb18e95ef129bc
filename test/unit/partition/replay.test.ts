import { expect, test } from 'vitest'
import type { Partition } from '../../../src/partition/partition.ts'
import { replay } from '../../../src/partition/replay.ts'
import type { LostRange } from '../../../src/ports/partitions.ts'
import { WalCorrupt } from '../../../src/wal/wal-recovery.ts'
import { encodeBatch } from '../../support/batch.ts'

const partitionId = 7
const epochAt = 12

/** Replays batches of one record each, given as [leader epoch, offset]. */
function recovered(batches: readonly (readonly [epoch: number, offset: number])[], lost: readonly LostRange[] = []): Partition {
  const partitions = new Map<number, Partition>()
  batches.forEach(([epoch, baseOffset], at) => {
    const bytes = encodeBatch([{ key: null, value: null }], { producerId: 5n, producerEpoch: 0, baseSequence: baseOffset })
    bytes.writeInt32BE(epoch, epochAt)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const batch = { partitionId, baseOffset, position: at * 4096, bytes: bytes.length, address: 0 }
    replay(partitions, view, batch, new Map([[partitionId, lost]]))
  })
  return partitions.get(partitionId)!
}

const offsets = ({ index }: Partition): number[] => Array.from({ length: index.length }, (_, at) => index.base(at))

test('partition replay: batches continue at the end of the partition', () => {
  const partition = recovered([
    [0, 5],
    [0, 6],
  ])
  expect([offsets(partition), partition.next, partition.leaderEpoch]).toEqual([[5, 6], 7, 0])
})

test('partition replay: a gap within a leader epoch is rejected, unless it is a lost range', () => {
  const gap = [
    [0, 5],
    [0, 9],
  ] as const
  expect(() => recovered(gap)).toThrow(WalCorrupt)
  expect(offsets(recovered(gap, [{ start: 6, end: 9 }]))).toEqual([5, 9])
})

test('partition replay: a higher leader epoch continues the log without a gap, and keeps its producers', () => {
  const partition = recovered([
    [0, 5],
    [1, 6],
  ])
  expect([offsets(partition), partition.leaderEpoch, partition.producers.count]).toEqual([[5, 6], 1, 1])
})

test('partition replay: a higher leader epoch may begin beyond the end, and drops the batches and producers before it', () => {
  const partition = recovered([
    [0, 5],
    [2, 90],
    [2, 91],
  ])
  expect([offsets(partition), partition.next, partition.leaderEpoch]).toEqual([[90, 91], 92, 2])
  expect(partition.producers.snapshot().map(({ batches }) => batches.map(({ firstSequence }) => firstSequence))).toEqual([[90, 91]])
})

test('partition replay: a higher leader epoch never begins before the end, and epochs never decrease', () => {
  const before = [
    [0, 5],
    [0, 6],
    [1, 6],
  ] as const
  expect(() => recovered(before)).toThrow(WalCorrupt)
  const lower = [
    [2, 5],
    [1, 6],
  ] as const
  expect(() => recovered(lower)).toThrow(WalCorrupt)
})
