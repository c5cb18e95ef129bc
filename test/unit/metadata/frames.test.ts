import { expect, test } from 'vitest'
import { encodeFrames, frameBytesMax, readFrames, signature } from '../../../src/metadata/frames.ts'

const readBack = (records: readonly Uint8Array[]): readonly number[] => {
  const log = Buffer.concat([signature, ...encodeFrames(records)])
  const { records: found, end } = readFrames(log)
  expect(end).toBe(log.length)
  return found.map((each) => each.length)
}

test('frames: an image of more than a frame holds is read back, whether its records are many or large', () => {
  const many = Array.from({ length: 2500 }, (_, index) => Buffer.alloc(index % 7))
  expect(readBack(many)).toEqual(many.map(({ length }) => length))
  const large = Array.from({ length: 3 }, () => Buffer.alloc(frameBytesMax / 2 - 4))
  expect(readBack(large)).toEqual(large.map(({ length }) => length))
  expect(encodeFrames(large)).toHaveLength(2)
})

test('frames: no records are no frames', () => {
  expect(encodeFrames([])).toEqual([])
})
