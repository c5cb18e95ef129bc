import { expect, test } from 'vitest'
import { nextSegment } from '../../../src/storage/next-segment.ts'

const MiB = 1 << 20
const layout = { bytes: 8 * MiB, from: 16 * MiB }
const none = -1

test('next segment: the rest of the circular part is uploaded when the log has left it', () => {
  expect(nextSegment(layout, 10 * MiB, 16 * MiB, none)).toBeUndefined()
  expect(nextSegment(layout, 10 * MiB, 16 * MiB + 4096, none)).toEqual({ until: 16 * MiB, isSegment: false })
})

test('next segment: a segment is next when the log has left it, from any position in it on', () => {
  for (const stored of [16 * MiB, 23 * MiB]) {
    expect(nextSegment(layout, stored, 24 * MiB, none)).toBeUndefined()
    expect(nextSegment(layout, stored, 24 * MiB + 4096, none)).toEqual({ until: 24 * MiB, isSegment: true })
  }
  expect(nextSegment(layout, 24 * MiB, 24 * MiB + 4096, none)).toBeUndefined()
})

test('next segment: one that has to be sorted is uploaded in parts, and the one after it is a segment again', () => {
  expect(nextSegment(layout, 17 * MiB, 40 * MiB, 24 * MiB)).toEqual({ until: 24 * MiB, isSegment: false })
  expect(nextSegment(layout, 24 * MiB, 40 * MiB, 24 * MiB)).toEqual({ until: 32 * MiB, isSegment: true })
})
