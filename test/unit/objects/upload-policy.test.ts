import { expect, test } from 'vitest'
import { LogAges, localPolicy, nextSeal, remotePolicy } from '../../../src/objects/upload-policy.ts'

const MiB = 1 << 20
const policy = localPolicy(2048 * MiB)
const seal = (waiting: number, isQuiet: boolean, isStoring: boolean): number | undefined =>
  nextSeal(policy, { stored: 100 * MiB, durable: (100 + waiting) * MiB, due: 0, isQuiet, isStoring })

test('upload policy: a burst of up to three quarters of the log is not disturbed', () => {
  expect(seal(1535, false, false)).toBeUndefined()
  expect(seal(1536, false, false)).toBe(132 * MiB)
})

test('upload policy: an urgent upload continues until a quarter of the WAL is free, however busy the log is', () => {
  expect(seal(1152, false, true)).toBe(132 * MiB)
  expect(seal(1151, false, true)).toBeUndefined()
})

test('upload policy: a pause empties the log to an eighth, and ends with the pause', () => {
  expect(seal(511, true, false)).toBeUndefined()
  expect(seal(512, true, false)).toBe(132 * MiB)
  expect(seal(256, true, true)).toBe(132 * MiB)
  expect(seal(255, true, true)).toBeUndefined()
  expect(seal(512, false, true)).toBeUndefined()
})

test('upload policy: an object never goes beyond what is durable', () => {
  const small = localPolicy(64 * MiB)
  expect(nextSeal(small, { stored: 0, durable: 17 * MiB, due: 0, isQuiet: true, isStoring: false })).toBe(4 * MiB)
  expect(nextSeal({ ...small, objectBytes: 32 * MiB }, { stored: 0, durable: 17 * MiB, due: 0, isQuiet: true, isStoring: false })).toBe(
    17 * MiB,
  )
})

const remote = remotePolicy(512 * MiB, null, 60_000)
const send = (waiting: number, due: number, isStoring: boolean): number | undefined =>
  nextSeal(remote, { stored: 100 * MiB, durable: (100 + waiting) * MiB, due: (100 + due) * MiB, isQuiet: true, isStoring })

test('upload policy: a store elsewhere gets an object as soon as there is enough for one, and no smaller ones while it is at it', () => {
  expect(send(31, 0, false)).toBeUndefined()
  expect(send(32, 0, false)).toBe(132 * MiB)
  expect(send(31, 0, true)).toBeUndefined()
  expect(send(33, 0, true)).toBe(132 * MiB)
})

test('upload policy: what is due is stored, however little it is', () => {
  expect(send(1, 1, false)).toBe(101 * MiB)
  expect(send(1, 0, false)).toBeUndefined()
})

test('upload policy: a threshold larger than the log can bear is cut to half of it', () => {
  expect(remotePolicy(512 * MiB, 4096 * MiB, null).urgentBytes).toBe(256 * MiB)
})

test('upload policy: a position is due when the log has reached it for the configured age', () => {
  const ages = new LogAges(1000)
  ages.note(0, 10)
  ages.note(50, 20)
  ages.note(500, 30)
  expect(ages.due(999)).toBe(0)
  expect(ages.due(1000)).toBe(10)
  expect(ages.due(1499)).toBe(10)
  expect(ages.due(1500)).toBe(30)
  expect(ages.due(9000)).toBe(30)
})
