import { expect, test } from 'vitest'
import { nodeTime } from '../../../native-free-io/process/node-time.ts'
import { createArena, openArena } from '../../../native-free-io/threads/arena.ts'
import { encodeIndex } from '../../../src/objects/object-format.ts'
import { ObjectMap } from '../../../src/objects/object-map.ts'
import type { ObjectJobs } from '../../../src/ports/object-jobs.ts'
import type { DataBlock } from '../../../src/ports/stored-objects.ts'
import { ObjectReader } from '../../../src/storage/object-reader.ts'
import { encodeBatch } from '../../support/batch.ts'

const partitionId = 3
const objectId = 9

/** A reader of one object whose blocks are one batch each, and the loads that it waits for, by position. */
function readerOf(values: readonly string[]) {
  const memory = openArena(createArena(2))
  const batches = values.map((value, offset) => {
    const batch = encodeBatch([{ value: Buffer.from(value) }])
    batch.writeBigInt64BE(BigInt(offset))
    return batch
  })
  const blocks: DataBlock[] = []
  let position = 0
  for (const [offset, { length: bytes }] of batches.entries()) {
    blocks.push({ baseOffset: offset, end: offset + 1, position, bytes, crc: 0, maxTimestamp: 0 })
    position += bytes
  }
  const index = encodeIndex([{ partitionId, start: 0, end: values.length, blocks }], position)
  const objects = new ObjectMap(() => 0)
  const part = { partitionId, start: 0, end: values.length, bytes: position, maxTimestamp: 0 }
  objects.add({ objectId, bytes: position + index.length, parts: [part] })
  const loads = new Map<number, { finish(): void; fail(error: Error): void }>()
  const loadBlocks: ObjectJobs['loadBlocks'] = (_, { position: from, address, blocks: requested }) =>
    new Promise((resolve, reject) => {
      const finish = (): void => {
        const first = blocks.findIndex((block) => block.position === from)
        Buffer.concat(batches.slice(first, first + requested.length)).copy(memory.bytes, address)
        resolve()
      }
      loads.set(from, { finish, fail: reject })
    })
  const jobs = { readTail: async () => index, loadBlocks }
  const reader = new ObjectReader({ objects, jobs, memory: { ...memory, base: 0, size: 64 << 10 }, time: nodeTime, counters: { add() {} } })
  return { reader, loads, blocks }
}

/** Everything that can continue without a load has done so. */
const settled = (): Promise<void> => new Promise(setImmediate)

test('object reader: a read of several loads fails when one of them does, also while it waits for another', async () => {
  const { reader, loads, blocks } = readerOf(['first', 'second'])
  const first = reader.read(partitionId, 0, 1)
  await settled()
  const both = reader.read(partitionId, 0, 4096)
  both.catch(() => {})
  await settled()
  expect([...loads.keys()]).toEqual(blocks.map(({ position }) => position))
  loads.get(blocks[1]!.position)!.fail(new Error('the store refuses'))
  await settled()
  loads.get(0)!.finish()
  expect((await first)!.end).toBe(1)
  await expect(both).rejects.toThrow('the store refuses')
})

test('object reader: a request for blocks that are being loaded waits for the same load', async () => {
  const { reader, loads } = readerOf(['only'])
  const reads = [reader.read(partitionId, 0, 4096), reader.read(partitionId, 0, 4096)]
  await settled()
  expect(loads.size).toBe(1)
  loads.get(0)!.finish()
  expect((await Promise.all(reads)).map((found) => found!.end)).toEqual([1, 1])
})
