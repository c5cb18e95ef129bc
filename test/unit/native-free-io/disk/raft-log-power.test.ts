import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DiskRoom } from '../../../../native-free-io/disk/disk-room.ts'
import { RaftLogFile } from '../../../../native-free-io/disk/raft-log-file.ts'
import { segmentName } from '../../../../native-free-io/disk/raft-log-recovery.ts'
import { chance, prng } from '../../../../src/base/prng.ts'
import type { RaftBatch } from '../../../../src/ports/raft-log.ts'
import { raftBatch } from '../../../support/raft-batches.ts'

const failed = (error: Error): void => {
  throw error
}
const open = (folder: string, atPoint: () => void = () => {}): ReturnType<typeof RaftLogFile.open> =>
  RaftLogFile.open({ folder, snapshots: [], room: new DiskRoom(() => {}), failed, atPoint })
const bytesOf = (batches: readonly RaftBatch[]): Buffer => Buffer.concat(batches.map(({ bytes }) => bytes))

/** Each sector is as it was before the write or after it. What is after the end of a file are zeros. */
function mixed(before: Buffer, after: Buffer, keepsSize: boolean, isWritten: () => boolean): Buffer {
  const sectorBytes = 512
  const disk = Buffer.alloc(keepsSize ? before.length : after.length)
  before.copy(disk)
  for (let at = 0; at < disk.length; at += sectorBytes) if (isWritten()) after.copy(disk, at, at, at + sectorBytes)
  return disk
}

const arbitraryWrite = fc.array(fc.integer({ min: 600, max: 3000 }), { minLength: 1, maxLength: 4 })
const arbitraryFailure = fc.record({
  writes: fc.array(arbitraryWrite, { minLength: 1, maxLength: 4 }),
  seed: fc.nat(),
  kept: fc.constantFrom(0, 300, 500, 700, 900, 1000),
  keepsSize: fc.boolean(),
  markAge: fc.nat(4),
})

test('raft log file: after a power failure during any write, a whole prefix with all durable batches is read', async () => {
  let torn = 0
  await fc.assert(
    fc.asyncProperty(arbitraryFailure, async ({ writes, seed, kept, keepsSize, markAge }) => {
      const root = mkdtempSync(join(tmpdir(), 'raft-log-power-'))
      try {
        const folder = join(root, 'log')
        const copy = join(root, 'copy')
        const { log } = await open(folder, () => cpSync(folder, copy, { recursive: true }))
        const marks = [readFileSync(join(folder, 'synced-end'))]
        const batches: RaftBatch[] = []
        let durable = 0
        let before = Buffer.alloc(0)
        for (const sizes of writes) {
          before = readFileSync(join(folder, segmentName(0)))
          durable = batches.length
          const added = sizes.map((valueBytes, index) => raftBatch(durable + index, writes.length, { valueBytes }))
          batches.push(...added)
          await log.append(added)
          marks.push(readFileSync(join(folder, 'synced-end')))
        }
        await log.close()
        const random = prng(seed)
        const path = join(copy, segmentName(0))
        writeFileSync(
          path,
          mixed(before, readFileSync(path), keepsSize, () => chance(random, kept)),
        )
        writeFileSync(join(copy, 'synced-end'), marks.at(-2 - markAge) ?? marks[0]!)
        const { log: next, tornBytes } = await open(copy)
        const found = next.read(0, next.end.offset, 2 ** 30)
        await next.close()
        const count = next.end.offset
        expect(count).toBeGreaterThanOrEqual(durable)
        expect(found.equals(bytesOf(batches.slice(0, count)))).toBe(true)
        if (tornBytes > 0) torn++
      } finally {
        rmSync(root, { recursive: true, force: true })
      }
    }),
    { numRuns: 40 },
  )
  expect(torn).toBeGreaterThan(0)
  // Hundreds of syncs, on any disk.
}, 60_000)
