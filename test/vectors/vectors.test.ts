import { expect, test } from 'vitest'
import { readArchive } from './archive.ts'
import { checkBatches } from './batches.ts'
import { parseJson } from './kafka-json.ts'
import { checkMessages } from './messages.ts'
import { tables } from './tables.ts'
import { Tally } from './tally.ts'

const vectors = readArchive()

test('golden vectors: every message that Kafka wrote reads as it meant it, and is written with the same bytes', { timeout: 60_000 }, () => {
  const tally = new Tally()
  for (const [file, content] of Object.entries(vectors.messages)) checkMessages(file, content, tally)
  expect(tally.failures).toEqual([])
  expect(tally.passed).toBe(3314)
})

test('golden vectors: every record batch that Kafka built reads as it meant it, and damaged ones are refused', () => {
  const tally = new Tally()
  checkBatches('record-batches.json', vectors.batches, tally)
  expect(tally.failures).toEqual([])
  expect(tally.passed).toBe(38)
})

test('golden vectors: there is a vector for every table', () => {
  const tested = new Set(Object.keys(vectors.messages).map((file) => file.replace('.json', '')))
  expect([...tables.keys()].filter((name) => !tested.has(name))).toEqual([])
})

test('golden vectors: the checker fails a message that no table describes, a wrong value and a version that is not there', () => {
  const tally = new Tally()
  checkMessages('a', { name: 'NoSuchRequest', cases: [] }, tally)
  const wrong =
    '{"name":"ResponseHeader","cases":[{"version":0,"hex":"00000007","value":{"correlationId":8}},{"version":9,"hex":"","value":{}}]}'
  checkMessages('b', parseJson(wrong), tally)
  expect(tally.passed).toBe(0)
  expect(tally.failures).toEqual([
    'a: no table describes a message called NoSuchRequest',
    'b case 0: interpret: ResponseHeader.correlationId: expected 8, found 7',
    'b case 1: ResponseHeader has no version 9, only 0 to 1',
  ])
})
