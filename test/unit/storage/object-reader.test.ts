import { expect, test } from 'vitest'
import { nodeTime } from '../../../native-free-io/process/node-time.ts'
import { MemStore } from '../../../native-free-io/store/mem-store.ts'
import { createArena, openArena } from '../../../native-free-io/threads/arena.ts'
import { prng } from '../../../src/base/prng.ts'
import { StoreFailed } from '../../../src/object-store/store-faults.ts'
import { encodeIndex } from '../../../src/objects/object-format.ts'
import { ObjectKeys } from '../../../src/objects/object-key.ts'
import { ObjectMap } from '../../../src/objects/object-map.ts'
import { Lanes } from '../../../src/ports/lanes.ts'
import type { BlockMemory } from '../../../src/ports/object-jobs.ts'
import type { ObjectStore, StoreFault } from '../../../src/ports/object-store.ts'
import type { DataBlock } from '../../../src/ports/stored-objects.ts'
import { ObjectReader } from '../../../src/storage/object-reader.ts'
import { crc32c } from '../../../src/wire/crc32c.ts'
import { LaneModel, WalDisk } from '../../sim/storage/lane-model.ts'
import { SimulatedJobs } from '../../sim/storage/simulated-jobs.ts'
import { VirtualTime } from '../../sim/storage/virtual-time.ts'
import { encodeBatch } from '../../support/batch.ts'

const partitionId = 3
const objectId = 9
let stores = 0

/** A get that waits for the test. */
interface HeldGet {
  finish(): void
  /** The store rejects it. */
  fail(): void
}

/** A store in memory that delays each get of blocks. The index ends at the end of its object, and is read at once. */
class HeldStore extends MemStore {
  /** By position of the first block. */
  readonly gets = new Map<number, HeldGet>()

  override async get(key: string, start: number, end: number, into?: Uint8Array): Promise<Uint8Array | StoreFault> {
    if (end === (await this.size(key))) return super.get(key, start, end, into)
    return new Promise((resolve) => {
      const fault: StoreFault = { fault: 'unavailable', operation: 'get', key, detail: 'rejected', attempts: 1, mayBeDone: false }
      this.gets.set(start, { finish: () => resolve(super.get(key, start, end, into)), fail: () => resolve(fault) })
    })
  }
}

/** A reader of one object whose blocks are one batch each, and the gets that it waits for, by position. */
async function readerOf(values: readonly string[]) {
  const memory = { ...openArena(createArena(2)), base: 0, size: 64 << 10, copies: { base: 0, size: 0 } }
  const batches = values.map((value, offset) => {
    const batch = encodeBatch([{ value: Buffer.from(value) }])
    batch.writeBigInt64BE(BigInt(offset))
    return batch
  })
  const blocks: DataBlock[] = []
  let position = 0
  for (const [offset, batch] of batches.entries()) {
    const { length: bytes } = batch
    blocks.push({ baseOffset: offset, end: offset + 1, position, bytes, crc: crc32c(batch, 0, bytes) | 0, maxTimestamp: 0 })
    position += bytes
  }
  const index = encodeIndex([{ partitionId, start: 0, end: values.length, blocks }], position)
  const keys = new ObjectKeys({ clusterId: 'c', foundingId: 'f', firstObjectId: 1 })
  const store = new HeldStore({ scheme: 'mem', name: `object-reader-${++stores}` })
  await store.put(keys.key(objectId), [...batches, index])
  const objects = new ObjectMap(() => 0)
  const part = { partitionId, start: 0, end: values.length, bytes: position, maxTimestamp: 0 }
  objects.add({ objectId, bytes: position + index.length, parts: [part] })
  const reader = new ObjectReader({ objects, jobs: jobsOver(store, keys, memory), memory, time: nodeTime, counters: { add() {} } })
  return { reader, gets: store.gets, blocks }
}

/** The jobs of the object workers over this store. The WAL is empty. */
function jobsOver(store: ObjectStore, keys: ObjectKeys, memory: BlockMemory): SimulatedJobs {
  const time = new VirtualTime()
  const incarnation = { isAlive: true }
  const lane = new LaneModel(new WalDisk(1 << 20), time, prng(1), {
    ...{ index: 0, incarnation, start: 1 },
    ...{ onAppended() {}, onTrim() {}, onReply: () => undefined },
  })
  const lanes = new Lanes([lane])
  return new SimulatedJobs({ store, keys, lanes, memory, time, incarnation, mapBytesMax: 0, onClean() {}, onCleaned() {} })
}

/** Everything that can continue without a load has done so. */
const settled = (): Promise<void> => new Promise(setImmediate)

test('object reader: a read of several loads fails when one of them does, also while it waits for another', async () => {
  const { reader, gets, blocks } = await readerOf(['first', 'second'])
  const first = reader.read(partitionId, 0, 1)
  await settled()
  const both = reader.read(partitionId, 0, 4096)
  both.catch(() => {})
  await settled()
  expect([...gets.keys()]).toEqual(blocks.map(({ position }) => position))
  gets.get(blocks[1]!.position)!.fail()
  await settled()
  gets.get(0)!.finish()
  expect((await first)!.end).toBe(1)
  await expect(both).rejects.toThrow(StoreFailed)
})

test('object reader: a request for blocks that are being loaded waits for the same load', async () => {
  const { reader, gets } = await readerOf(['only'])
  const reads = [reader.read(partitionId, 0, 4096), reader.read(partitionId, 0, 4096)]
  await settled()
  expect(gets.size).toBe(1)
  gets.get(0)!.finish()
  expect((await Promise.all(reads)).map((found) => found!.end)).toEqual([1, 1])
})
