import { expect, test } from 'vitest'
import { cleanObjects } from '../../../../native-free-io/store/clean-objects.ts'
import { MemStore } from '../../../../native-free-io/store/mem-store.ts'
import type { CleanTask } from '../../../../native-free-io/threads/object-tasks.ts'
import { BlockPacker, packedBatch } from '../../../../src/objects/block-packer.ts'
import { encodeIndex, partOf } from '../../../../src/objects/object-format.ts'
import { encodeSegmentIndex } from '../../../../src/objects/segment-index.ts'
import type { CleanedObjects } from '../../../../src/ports/object-jobs.ts'
import type { StoredPart } from '../../../../src/ports/stored-objects.ts'
import { decodeBatches, encodeBatch } from '../../../support/batch.ts'
import { batchOf, segmentOf } from '../../../support/segment.ts'

const partitionId = 7
const store = new MemStore({ scheme: 'mem', name: 'clean-objects' })

/** Batches of two keys each; every key is written twice. Other partitions are between them in a segment. */
const batches = Array.from({ length: 40 }, (_, index) => {
  const records = [0, 1].map((second) => ({ key: Buffer.from(`key-${(2 * index + second) % 40}`), value: Buffer.alloc(5000, index + 1) }))
  return { partitionId, batch: encodeBatch(records, { baseOffset: BigInt(2 * index), baseTimestamp: BigInt(1000 + index) }) }
})

async function putSorted(key: string, some: typeof batches): Promise<StoredPart & { key: string }> {
  const packer = new BlockPacker(0)
  const pieces = some.flatMap(({ batch }) => packer.add(packedBatch(batch)))
  pieces.push(...packer.finish())
  const { blocks } = packer
  const part = { partitionId, start: blocks[0]!.baseOffset, end: blocks.at(-1)!.end, blocks }
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0)
  const index = encodeIndex([part], bytes)
  await store.put(key, [...pieces, index])
  return { ...partOf(part, 0), key, objectId: 0, objectBytes: bytes + index.length }
}

async function putSegment(key: string, some: typeof batches): Promise<StoredPart & { key: string }> {
  const mixed = some.flatMap((each, index) => [each, batchOf(3, index, 12_000 * (index % 2))])
  const { data, rows } = segmentOf(mixed, (index) => (index % 6 === 0 ? 3000 : 56))
  const { index, parts } = encodeSegmentIndex({ rows, bytes: data.length }, 0)
  await store.put(key, [data, index])
  return { ...parts.find((part) => part.partitionId === partitionId)!, key, objectId: 0, objectBytes: data.length + index.length }
}

async function cleaned(sources: CleanTask['sources'], key: string): Promise<{ result: CleanedObjects; object: Uint8Array }> {
  const task: CleanTask = {
    ...{ partitionId, sources, keys: [key], logStart: 3, dirtyFrom: 0, mapBytes: 1 << 20, groupBytesMax: 1 << 30, nowMs: 9000 },
    ...{ deleteRetentionMs: 1000, producers: new Map() },
  }
  const result = (await cleanObjects(store, task)) as CleanedObjects
  return { result, object: (await store.get(key, 0, Number.POSITIVE_INFINITY)) as Uint8Array }
}

test('compaction by key: the result for segments is the same object as for sorted objects', async () => {
  const halves = [batches.slice(0, 17), batches.slice(17)]
  const sorted = await cleaned([await putSorted('a', halves[0]!), await putSorted('b', halves[1]!)], 'of sorted')
  const segments = await cleaned([await putSegment('c', halves[0]!), await putSegment('d', halves[1]!)], 'of segments')
  const mixed = await cleaned([await putSegment('e', halves[0]!), await putSorted('f', halves[1]!)], 'of both')
  expect(sorted.result).toMatchObject({ end: 80, replaced: 2 })
  expect(segments.result).toEqual(sorted.result)
  expect(mixed.result).toEqual(sorted.result)
  expect(Buffer.compare(segments.object, sorted.object)).toBe(0)
  expect(Buffer.compare(mixed.object, sorted.object)).toBe(0)
  const dataBytes = sorted.result.outputs[0]!.parts[0]!.bytes
  const offsets = decodeBatches(Buffer.from(segments.object.subarray(0, dataBytes))).map(({ offset }) => Number(offset))
  expect(offsets).toEqual(Array.from({ length: 40 }, (_, index) => 40 + index))
})

test('compaction by key: a damaged batch of a segment is a fault', async () => {
  const source = await putSegment('damaged', batches)
  const bytes = (await store.get('damaged', 0, Number.POSITIVE_INFINITY)) as Uint8Array
  bytes[3000 + 200]! ^= 1
  await store.put('damaged', [bytes])
  const task = { partitionId, sources: [source], keys: ['none'], logStart: 0, dirtyFrom: 0, mapBytes: 1 << 20, groupBytesMax: 1 << 30 }
  const found = await cleanObjects(store, { ...task, nowMs: 9000, deleteRetentionMs: 1000, producers: new Map() })
  expect(found).toMatchObject({ fault: 'corrupt', key: 'damaged' })
  expect(await store.size('none')).toMatchObject({ fault: 'missing' })
})
