import { expect, test } from 'vitest'
import { footerBytes, ObjectDamaged, ObjectIndex, readFooter, segmentFormat, writeFooter } from '../../../src/objects/object-format.ts'
import { encodeSegmentIndex } from '../../../src/objects/segment-index.ts'
import { segmentRow } from '../../../src/ports/segment-rows.ts'
import type { DataBlock } from '../../../src/ports/stored-objects.ts'

type Row = readonly [partitionId: number, baseOffset: number, end: number, position: number, bytes: number, maxTimestamp: number]

const segmentBytes = 1 << 20
const storedMs = 77_000
const rowsOf = (...rows: readonly Row[]): Float64Array => new Float64Array(rows.flat())
const encode = (...rows: readonly Row[]) => encodeSegmentIndex({ rows: rowsOf(...rows), bytes: segmentBytes }, storedMs)

function read(encoded: Buffer): ObjectIndex {
  const footer = readFooter(encoded.subarray(encoded.length - footerBytes), segmentBytes + encoded.length)
  expect(footer.indexPosition).toBe(segmentBytes)
  return new ObjectIndex(encoded.subarray(0, footer.indexBytes), footer)
}

const blockOf = ([, baseOffset, end, position, bytes, maxTimestamp]: Row): DataBlock => ({
  ...{ baseOffset, end, position, bytes, maxTimestamp },
  crc: null,
})

const far = 2 ** 40
const interleaved: readonly Row[] = [
  [3, 10, 12, 56, 100, 5],
  [3, 12, 13, 4152, 200, 9],
  [3, 13, 20, 900_000, 300, 7],
  [8, far, far + 2 ** 32 - 1, 212, 400, -1],
  [4_000_000_000, 0, 1, 700, 61, 1_700_000_000_000],
]

test('segment index: every batch of a segment is a block without a checksum, at its position in the segment', () => {
  const index = read(encode(...interleaved).index)
  expect([...index.from(3, 0)]).toEqual(interleaved.slice(0, 3).map(blockOf))
  expect([...index.from(3, 12)]).toEqual(interleaved.slice(1, 3).map(blockOf))
  expect([...index.from(3, 20)]).toEqual([])
  expect([...index.from(8, 0)]).toEqual([blockOf(interleaved[3]!)])
  expect([...index.from(4_000_000_000, 0)]).toEqual([blockOf(interleaved[4]!)])
  expect(index.partitions).toEqual([
    { partitionId: 3, start: 10, end: 20 },
    { partitionId: 8, start: far, end: far + 2 ** 32 - 1 },
    { partitionId: 4_000_000_000, start: 0, end: 1 },
  ])
})

test('segment index: a part has the bytes of its batches, and the timestamp of the object if no batch has one', () => {
  expect(encode(...interleaved).parts).toEqual([
    { partitionId: 3, start: 10, end: 20, bytes: 600, maxTimestamp: 9 },
    { partitionId: 8, start: far, end: far + 2 ** 32 - 1, bytes: 400, maxTimestamp: storedMs },
    { partitionId: 4_000_000_000, start: 0, end: 1, bytes: 61, maxTimestamp: 1_700_000_000_000 },
  ])
})

test('segment index: every damaged byte is detected', () => {
  const { index } = encode(...interleaved.slice(0, 2))
  for (let at = 0; at < index.length; at++) {
    const damaged = Buffer.from(index)
    damaged[at]! ^= 0x40
    expect(() => read(damaged), `byte ${at}`).toThrow(ObjectDamaged)
  }
})

test('segment index: an object with an unknown format is rejected', () => {
  const { index } = encode(interleaved[0]!)
  const later = Buffer.from(index)
  writeFooter(later, { format: segmentFormat, dataBytes: segmentBytes, partitionCount: 1, blocks: 1 })
  expect(later).toEqual(index)
  writeFooter(later, { format: segmentFormat + 1, dataBytes: segmentBytes, partitionCount: 1, blocks: 1 })
  expect(() => read(later)).toThrow('an object has format 4; this Millrace reads 2 and 3')
})

test.each<[string, readonly Row[]]>([
  ['no rows', []],
  ['partitions out of order', [interleaved[3]!, interleaved[0]!]],
  ['the rows of a partition apart', [interleaved[0]!, interleaved[3]!, interleaved[1]!]],
  ['offsets out of order', [interleaved[1]!, [3, 11, 12, 5000, 100, 5]]],
  ['positions out of order', [interleaved[0]!, [3, 12, 13, 155, 200, 9]]],
  ['a batch without offsets', [[3, 10, 10, 56, 100, 5]]],
  ['a batch with too many offsets', [[3, 0, 2 ** 32, 56, 100, 5]]],
  ['a batch after the end of the segment', [[3, 10, 12, segmentBytes - 99, 100, 5]]],
])('segment index: rows with %s are rejected', (_, rows) => {
  expect(() => encode(...rows)).toThrow('broken invariant')
})

test('segment index: an incomplete row is rejected', () => {
  const rows = rowsOf(interleaved[0]!).subarray(0, segmentRow.columns - 1)
  expect(() => encodeSegmentIndex({ rows, bytes: segmentBytes }, storedMs)).toThrow('whole rows')
})
