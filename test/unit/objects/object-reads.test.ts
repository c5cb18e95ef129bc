import { expect, test } from 'vitest'
import { MemStore } from '../../../native-free-io/store/mem-store.ts'
import { isFault } from '../../../src/object-store/store-faults.ts'
import { encodeIndex } from '../../../src/objects/object-format.ts'
import { indexOf, tailOf } from '../../../src/objects/object-reads.ts'

const partitions = Array.from({ length: 1200 }, (_, partitionId) => ({
  ...{ partitionId, start: 0, end: 1 },
  blocks: [{ baseOffset: 0, end: 1, position: partitionId, bytes: 1, crc: 0, maxTimestamp: 0 }],
}))
const object = Buffer.concat([Buffer.alloc(partitions.length), encodeIndex(partitions, partitions.length)])

/** A store of one object whose first answers are damaged on the way, one bit each, so far from their end. */
async function damaging(times: number, fromEnd: number): Promise<{ store: MemStore; reads: () => number }> {
  const store = new MemStore({ scheme: 'mem', name: `damaged ${times} ${fromEnd}` })
  await store.put('o', [object])
  const get = store.get.bind(store)
  let reads = 0
  store.get = async (...asked) => {
    const bytes = await get(...asked)
    if (!isFault(bytes) && reads++ < times) bytes[bytes.length - fromEnd]! ^= 1
    return bytes
  }
  return { store, reads: () => reads }
}

test.each([
  ['footer', 5],
  ['index', 1000],
])('object reads: a bit that flips on the way in the %s of an object is read again', async (_, fromEnd) => {
  // The index is longer than what is read of an object at first.
  const { store } = await damaging(2, fromEnd)
  const tail = await tailOf(store, 'o', object.length)
  expect(Buffer.compare(tail as Uint8Array, object.subarray(-(tail as Uint8Array).length))).toBe(0)
  const index = await indexOf(store, 'o', object.length)
  expect(isFault(index) || [...index.from(7, 0)]).toEqual(partitions[7]!.blocks)
})

test('object reads: an index that is damaged in the store is a fault, and is not read for ever', async () => {
  const { store, reads } = await damaging(1000, 5)
  expect(await tailOf(store, 'o', object.length)).toMatchObject({ fault: 'corrupt', key: 'o', detail: expect.stringContaining('footer') })
  expect(reads()).toBe(3)
})
