import { expect, test } from 'vitest'
import { readRanges } from '../../../../native-free-io/threads/wal-reads.ts'
import { walRecord } from '../../../../src/wal/wal-record.ts'

const capacity = 1 << 20
const ranges = [{ position: walRecord.bytes, bytes: 100 }]

test.each([
  ['is served', capacity, true],
  ['and that may have been written over while it was read is not', capacity + 4096, false],
])('WAL reads: a batch of the log that was read %s', async (_, publishedThen, isServed) => {
  const log = { published: 4096, stored: 0, wal: { state: { capacity } } }
  const readFile = async () => {
    log.published = publishedThen
    return true
  }
  expect(await readRanges(readFile, log, ranges)).toBe(isServed)
})

test('WAL reads: a batch that is missing, although the log has not overwritten it, is an error and is not retried', async () => {
  const log = { published: 4096, stored: 0, wal: { state: { capacity } } }
  await expect(readRanges(async () => false, log, ranges)).rejects.toThrow('does not hold the batches')
  log.published = capacity + 4096
  expect(await readRanges(async () => false, log, ranges)).toBe(false)
})
