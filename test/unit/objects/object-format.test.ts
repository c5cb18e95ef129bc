import { expect, test } from 'vitest'
import { encodeIndex, footerBytes, ObjectDamaged, ObjectIndex, partOf, readFooter } from '../../../src/objects/object-format.ts'
import { planObject, type StagedBatch } from '../../../src/objects/object-plan.ts'
import type { DataBlock } from '../../../src/ports/stored-objects.ts'

const staged = (baseOffset: number, count: number, bytes: number, maxTimestamp = 5): StagedBatch => ({
  baseOffset,
  end: baseOffset + count,
  bytes,
  maxTimestamp,
  address: baseOffset * 10,
})
/** Not a checksum; its value depends on every piece and on their order. */
const sum = (address: number, bytes: number, seed: number): number => (Math.imul(seed, 31) + address + bytes) | 0

function read(encoded: Buffer, dataBytes: number): ObjectIndex {
  const footer = readFooter(encoded.subarray(encoded.length - footerBytes), dataBytes + encoded.length)
  return new ObjectIndex(encoded.subarray(0, footer.indexBytes), footer)
}

test('object format: a plan orders by partition, closes blocks at their limit, and the index finds each', () => {
  const plan = planObject(
    new Map([
      [9, [staged(100, 10, 200_000, 3), staged(110, 10, 50_000, 8), staged(120, 5, 100_000, 4)]],
      [4, [staged(0, 1, 300_000), staged(1, 1, 10)]],
      [5, []],
    ]),
    sum,
  )
  expect(plan.bytes).toBe(650_010)
  expect(plan.batches.map(({ baseOffset }) => baseOffset)).toEqual([0, 1, 100, 110, 120])
  const index = read(encodeIndex(plan.partitions, plan.bytes), plan.bytes)
  expect(index.partitions).toEqual([
    { partitionId: 4, start: 0, end: 2 },
    { partitionId: 9, start: 100, end: 125 },
  ])
  const crc = sum(1100, 50_000, sum(1000, 200_000, 0))
  const [first, second]: DataBlock[] = [
    { baseOffset: 100, end: 120, position: 300_010, bytes: 250_000, crc, maxTimestamp: 8 },
    { baseOffset: 120, end: 125, position: 550_010, bytes: 100_000, crc: sum(1200, 100_000, 0), maxTimestamp: 4 },
  ] as [DataBlock, DataBlock]
  expect([...index.from(9, 0)]).toEqual([first, second])
  expect([...index.from(9, 119)]).toEqual([first, second])
  expect([...index.from(9, 120)]).toEqual([second])
  expect([...index.from(9, 125)]).toEqual([])
  expect([...index.from(7, 0)]).toEqual([])
})

test('object format: the timestamp of a part is that of its latest record, or of its object if no record has one', () => {
  const dated = (timestamp: number) => planObject(new Map([[1, [staged(0, 1, 10, -1), staged(1, 1, 10, timestamp)]]]), sum).partitions[0]!
  expect(partOf(dated(7), 1000).maxTimestamp).toBe(7)
  expect(partOf(dated(-1), 1000).maxTimestamp).toBe(1000)
  expect(partOf({ ...dated(7), blocks: [] }, 1000)).toEqual({ partitionId: 1, start: 0, end: 2, bytes: 0, maxTimestamp: 1000 })
})

test('object format: every damaged byte of an index or a footer is noticed', () => {
  const plan = planObject(new Map([[1, [staged(0, 3, 100)]]]), sum)
  const encoded = encodeIndex(plan.partitions, plan.bytes)
  for (let at = 0; at < encoded.length; at++) {
    const damaged = Buffer.from(encoded)
    damaged[at]! ^= 0x40
    expect(() => read(damaged, plan.bytes), `byte ${at}`).toThrow(ObjectDamaged)
  }
})

test('object format: an object whose size differs from its footer is rejected', () => {
  const plan = planObject(new Map([[1, [staged(0, 3, 100)]]]), sum)
  const encoded = encodeIndex(plan.partitions, plan.bytes)
  expect(() => readFooter(encoded.subarray(-footerBytes), encoded.length + 99)).toThrow(ObjectDamaged)
  expect(() => readFooter(encoded.subarray(0, 10), 10)).toThrow(ObjectDamaged)
})
