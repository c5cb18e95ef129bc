import { expect, test } from 'vitest'
import { ReadAhead } from '../../../src/objects/read-ahead.ts'

const KiB = 1024

test('read ahead: the window opens with the third read in a row and doubles up to its limit', () => {
  const ahead = new ReadAhead(3000 * KiB)
  const windows = [0, 10, 20, 30, 40, 50].map((offset) => ahead.onRead(1, offset, offset + 10, 0) / KiB)
  expect(windows).toEqual([0, 512, 1024, 2048, 3000, 3000])
})

test('read ahead: a read elsewhere begins anew, and two readers do not disturb each other', () => {
  const ahead = new ReadAhead(4096 * KiB)
  ahead.onRead(1, 0, 10, 0)
  expect(ahead.onRead(1, 500, 510, 0)).toBe(0)
  expect(ahead.onRead(2, 10, 20, 0)).toBe(0)
  expect(ahead.onRead(1, 10, 20, 0)).toBe(512 * KiB)
  expect(ahead.onRead(1, 510, 520, 0)).toBe(512 * KiB)
})

test('read ahead: a partition whose blocks were read ahead for nothing is left alone for a minute', () => {
  const ahead = new ReadAhead(4096 * KiB)
  ahead.onRead(1, 0, 10, 0)
  ahead.wasted(1, 1000)
  expect(ahead.onRead(1, 10, 20, 60_999)).toBe(0)
  expect(ahead.onRead(1, 20, 30, 61_000)).toBe(1024 * KiB)
})

test('read ahead: readers that are gone are forgotten', () => {
  const ahead = new ReadAhead(4096 * KiB)
  ahead.onRead(1, 0, 10, 0)
  for (let partitionId = 2; partitionId < 2000; partitionId++) ahead.onRead(partitionId, 0, 10, 0)
  expect(ahead.onRead(1, 10, 20, 0)).toBe(0)
  expect(ahead.onRead(1999, 10, 20, 0)).toBe(512 * KiB)
})
