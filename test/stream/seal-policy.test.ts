import { expect, test } from 'vitest'
import { nextSeal, sealPolicy } from '../../src/stream/seal-policy.ts'

const MiB = 1 << 20
const policy = sealPolicy(2048 * MiB)
const seal = (waiting: number, isQuiet: boolean, isStoring: boolean): number | undefined =>
  nextSeal(policy, { stored: 100 * MiB, durable: (100 + waiting) * MiB, isQuiet, isStoring })

test('a burst of up to three quarters of the log is not disturbed', () => {
  expect(seal(1535, false, false)).toBeUndefined()
  expect(seal(1536, false, false)).toBe(132 * MiB)
})

test('an urgent storing goes on until a quarter of the way back, however busy the log is', () => {
  expect(seal(1152, false, true)).toBe(132 * MiB)
  expect(seal(1151, false, true)).toBeUndefined()
})

test('a pause empties the log to an eighth, and ends with the pause', () => {
  expect(seal(511, true, false)).toBeUndefined()
  expect(seal(512, true, false)).toBe(132 * MiB)
  expect(seal(256, true, true)).toBe(132 * MiB)
  expect(seal(255, true, true)).toBeUndefined()
  expect(seal(512, false, true)).toBeUndefined()
})

test('an object never goes beyond what is durable', () => {
  const small = sealPolicy(64 * MiB)
  expect(nextSeal(small, { stored: 0, durable: 17 * MiB, isQuiet: true, isStoring: false })).toBe(4 * MiB)
  expect(nextSeal({ ...small, objectBytes: 32 * MiB }, { stored: 0, durable: 17 * MiB, isQuiet: true, isStoring: false })).toBe(17 * MiB)
})
