import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { noDirectoryId, type QuorumState, readQuorumState, writeQuorumState } from '../../../../native-free-io/disk/quorum-state.ts'
import { StartRefused } from '../../../../native-free-io/process/start-refused.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quorum-state-'))
  path = join(folder, 'quorum-state')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const voted: QuorumState = { leaderId: -1, leaderEpoch: 7, votedId: 2, votedDirectoryId: 'JsnUlBPkTTGYmEkjpSbhxQ' }
const elected: QuorumState = { leaderId: 3, leaderEpoch: 7, votedId: -1, votedDirectoryId: noDirectoryId }

test('quorum state: a written state is read back, and there is none at first', async () => {
  expect(await readQuorumState(folder)).toBeUndefined()
  for (const state of [voted, elected, { ...elected, leaderEpoch: 2 ** 31 - 1 }]) {
    await writeQuorumState(folder, state)
    expect(await readQuorumState(folder)).toEqual(state)
  }
})

test('quorum state: the file is the JSON of Kafka, with version 1', async () => {
  await writeQuorumState(folder, voted)
  expect(readFileSync(path, 'utf8')).toBe(
    '{"leaderId":-1,"leaderEpoch":7,"votedId":2,"votedDirectoryId":"JsnUlBPkTTGYmEkjpSbhxQ","data_version":1}',
  )
})

test('quorum state: a file that was cut off at any byte is refused with its place', async () => {
  await writeQuorumState(folder, voted)
  const whole = readFileSync(path)
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length))
    const reading = readQuorumState(folder)
    await expect(reading, `${length} bytes`).rejects.toThrow(StartRefused)
    await expect(reading).rejects.toThrow(`${path} is not JSON from character ${length} of ${length} on`)
  }
})

test('quorum state: a crash while the next state is written leaves the former one', async () => {
  await writeQuorumState(folder, voted)
  writeFileSync(`${path}.tmp`, '{"leaderId":-1,"lead')
  expect(await readQuorumState(folder)).toEqual(voted)
  await writeQuorumState(folder, elected)
  expect(await readQuorumState(folder)).toEqual(elected)
  expect(existsSync(`${path}.tmp`)).toBe(false)
})

const valid = { leaderId: 1, leaderEpoch: 2, votedId: -1, votedDirectoryId: noDirectoryId, data_version: 1 }
const { leaderEpoch: _, ...withoutEpoch } = valid

test.each<[string, unknown, string]>([
  ['version 0', { ...valid, data_version: 0 }, "the value 0 of 'data_version': expected 1"],
  ['another version', { ...valid, data_version: 2 }, "the value 2 of 'data_version': expected 1"],
  ['a missing field', withoutEpoch, "has no field 'leaderEpoch'"],
  ['an unknown field', { ...valid, clusterId: 'x' }, "has the unknown field 'clusterId'"],
  ['an epoch below 0', { ...valid, leaderEpoch: -1 }, "the value -1 of 'leaderEpoch': expected an integer from 0 to 2147483647"],
  ['a fraction', { ...valid, leaderId: 1.5 }, "the value 1.5 of 'leaderId'"],
  ['a number as text', { ...valid, votedId: '1' }, `the value "1" of 'votedId'`],
  ['a large id', { ...valid, votedId: 2 ** 31 }, "of 'votedId'"],
  ['a short uuid', { ...valid, votedDirectoryId: 'AAAA' }, "of 'votedDirectoryId': expected a uuid of 22 characters"],
  ['a directory without a vote', { ...valid, votedDirectoryId: voted.votedDirectoryId }, "without 'votedId'"],
  ['a list', [valid], 'contains no JSON object'],
  ['null', null, 'contains no JSON object'],
])('quorum state: %s is refused', async (_name, value, because) => {
  writeFileSync(path, JSON.stringify(value))
  await expect(readQuorumState(folder)).rejects.toThrow(because)
})

test('quorum state: bytes after the object are refused with their place', async () => {
  const text = JSON.stringify(valid)
  writeFileSync(path, `${text}{}`)
  await expect(readQuorumState(folder)).rejects.toThrow(`is not JSON from character ${text.length} of ${text.length + 2} on`)
})
