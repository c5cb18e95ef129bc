import { expect, test } from 'vitest'
import { javaHash, partitionOf } from '../../../src/coordinator/partition-of.ts'

test.each<[string, number]>([
  ['', 0],
  ['a', 97],
  ['group', 98629247],
  ['console-consumer-12345', 158455506],
  ['polygenelubricants', -2147483648],
])('partition of a key: the hash of %j is %d', (text, hash) => {
  expect(javaHash(text)).toBe(hash)
})

test('partition of a key: the smallest hash, which has no absolute value, counts as 0', () => {
  expect([partitionOf('polygenelubricants', 50), partitionOf('group', 50)]).toEqual([0, 47])
})
