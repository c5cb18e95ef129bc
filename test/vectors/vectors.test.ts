import { expect, test } from 'vitest'
import { longIf } from '../support/long.ts'
import { readArchive } from './archive.ts'
import { checkBatches } from './batches.ts'
import { type MessageVectors, parseJson } from './kafka-json.ts'
import { agrees, checkMessages, rejectsPrefixes } from './messages.ts'
import { tables } from './tables.ts'
import { Tally } from './tally.ts'

const vectors = readArchive()

const messages = 3314
const groups = 16
/** A message of some kilobytes is read once for each of its bytes. */
const prefixesMs = 20_000

/** Files of message vectors, each with the number of cases in the files before it: large cases are spread over the groups. */
const files = Object.entries(vectors.messages).map(([file, content]) => ({
  ...{ file, content, before: 0 },
  count: content.cases.length,
}))
files.forEach((each, i) => {
  if (i > 0) each.before = files[i - 1]!.before + files[i - 1]!.count
})

function checkGroup(group: number, check: typeof agrees): void {
  const tally = new Tally()
  for (const { file, content, before } of files)
    checkMessages(file, content, tally, (index) => (before + index) % groups === group, [check])
  expect(tally.failures).toEqual([])
  expect(tally.passed).toBe(Math.ceil((messages - group) / groups))
}

for (let group = 0; group < groups; group++) {
  test(`golden vectors: messages that Kafka wrote are read with their values and written with the same bytes (group ${group})`, () =>
    checkGroup(group, agrees))
  test(`golden vectors: no message that lacks its end is read (group ${group})`, longIf(group >= 4, prefixesMs), () =>
    checkGroup(group, rejectsPrefixes),
  )
}

test('golden vectors: the groups contain every message', () => {
  expect(files.reduce((sum, { count }) => sum + count, 0)).toBe(messages)
})

test('golden vectors: record batches that Kafka built are read with their values, and damaged ones are rejected', () => {
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
  checkMessages('b', parseJson<MessageVectors>(wrong), tally)
  expect(tally.passed).toBe(0)
  expect(tally.failures).toEqual([
    'a: no table describes a message called NoSuchRequest',
    'b case 0: interpret: ResponseHeader.correlationId: expected 8, found 7',
    'b case 1: ResponseHeader has no version 9, only 0 to 1',
  ])
})
