import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Checkpoints } from '../../../native-free-io/disk/checkpoints.ts'
import { DiskRoom } from '../../../native-free-io/disk/disk-room.ts'
import { type QuorumState, readQuorumState, writeQuorumState } from '../../../native-free-io/disk/quorum-state.ts'
import { RaftLogFile } from '../../../native-free-io/disk/raft-log-file.ts'
import type { OffsetAndEpoch, RaftBatch } from '../../../src/ports/raft-log.ts'
import { raftBatch, raftBatches } from '../../support/raft-batches.ts'
import { UnsyncedFolder, unsyncedMissing } from '../../support/unsynced-folder.ts'

const missing = unsyncedMissing()
if (missing !== undefined) console.warn(`power loss of the Raft log is not tried: ${missing}`)

let disk: UnsyncedFolder
beforeAll(async () => {
  if (missing === undefined) disk = await UnsyncedFolder.mount()
})
afterAll(() => disk?.unmount())

function newFolder(): string {
  const folder = join(mkdtempSync(join(disk.path, 'node-')), '__cluster_metadata-0')
  disk.keepRoot()
  return folder
}

/** Runs a node until its power fails during a write. */
async function runUntilPowerFails(
  folder: string,
  snapshots: readonly OffsetAndEpoch[],
  work: (log: RaftLogFile) => Promise<void>,
): Promise<void> {
  let isFailing = false
  const failures: Error[] = []
  const { log } = await RaftLogFile.open({
    folder,
    snapshots,
    room: new DiskRoom(() => {}),
    failed: (error) => failures.push(error),
    atPoint: (point) => {
      if (isFailing && point === 'metadata log written') throw new Error('the power fails')
    },
  })
  await work(log)
  isFailing = true
  void log.append([raftBatch(log.end.offset, 99)])
  await expect.poll(() => failures.length).toBe(1)
  await log.close()
  disk.cutPower()
}

async function contents(folder: string, snapshots: readonly OffsetAndEpoch[]): Promise<[OffsetAndEpoch, Buffer]> {
  const failed = (error: Error): void => {
    throw error
  }
  const { log } = await RaftLogFile.open({ folder, snapshots, room: new DiskRoom(() => {}), failed })
  const found = log.read(log.start.offset, log.end.offset, 2 ** 30)
  await log.close()
  return [log.start, found]
}

const bytesOf = (batches: readonly RaftBatch[]): Buffer => Buffer.concat(batches.map(({ bytes }) => bytes))
const start = { offset: 0, epoch: 0 }
const four = raftBatches(0, 1, 4)

test.skipIf(missing !== undefined)('raft log: what was acknowledged survives a power failure, in all segments', async () => {
  const folder = newFolder()
  await runUntilPowerFails(folder, [], async (log) => {
    await log.append(four.slice(0, 2))
    await log.roll()
    await log.append(four.slice(2))
  })
  expect(await contents(folder, [])).toEqual([start, bytesOf(four)])
  disk.cutPower()
  await runUntilPowerFails(folder, [], (log) => log.append(raftBatches(4, 2, 2)))
  expect(await contents(folder, [])).toEqual([start, bytesOf([...four, ...raftBatches(4, 2, 2)])])
})

test.skipIf(missing !== undefined)('raft log: truncated batches do not return after a power failure', async () => {
  const folder = newFolder()
  await runUntilPowerFails(folder, [], async (log) => {
    await log.append(four.slice(0, 2))
    await log.roll()
    await log.append(four.slice(2))
    await log.truncateTo(1)
  })
  expect(await contents(folder, [])).toEqual([start, four[0]!.bytes])
  await runUntilPowerFails(folder, [], async (log) => {
    void log.truncateTo(0)
    await log.append(raftBatches(0, 7, 1))
  })
  expect(await contents(folder, [])).toEqual([start, raftBatch(0, 7).bytes])
})

test.skipIf(missing !== undefined)('raft log: checkpoints, removals and quorum-state survive a power failure', async () => {
  const folder = newFolder()
  const id = { offset: 4, epoch: 1 }
  const later = { offset: 9, epoch: 5 }
  const state: QuorumState = { leaderId: -1, leaderEpoch: 3, votedId: 2, votedDirectoryId: 'JsnUlBPkTTGYmEkjpSbhxQ' }
  const checkpoint = { lastContainedLogTimestamp: 0, kraftVersion: 1, voters: null, records: [Buffer.from('image')] }
  const newest = async (): Promise<number | undefined> => (await Checkpoints.open(folder)).newest?.id.offset
  await runUntilPowerFails(folder, [], async (log) => {
    await log.append(four)
    await log.roll()
    await log.append([raftBatch(4, 2)])
    await writeQuorumState(folder, state)
    await (await Checkpoints.open(folder)).checkpoints.write(id, checkpoint)
  })
  expect(await newest()).toBe(id.offset)
  await runUntilPowerFails(folder, [id], (log) => log.dropBelow(id.offset))
  expect(await contents(folder, [id])).toEqual([id, raftBatch(4, 2).bytes])
  expect(await readQuorumState(folder)).toEqual(state)
  await runUntilPowerFails(folder, [id], async (log) => {
    await (await Checkpoints.open(folder)).checkpoints.write(later, checkpoint)
    await log.reset(later)
    await log.append([raftBatch(9, 6)])
  })
  expect(await newest()).toBe(later.offset)
  expect(await contents(folder, [id, later])).toEqual([later, raftBatch(9, 6).bytes])
})
