import { expect, test } from 'vitest'
import { LogUploader, type StoreParts } from '../../../../native-free-io/storage/log-uploader.ts'
import { type Building, StoreFailed } from '../../../../native-free-io/threads/object-jobs.ts'
import type { MetadataRecord } from '../../../../src/metadata/records.ts'
import { ObjectMap } from '../../../../src/objects/object-map.ts'
import type { TrimPoint } from '../../../../src/ports/lane.ts'
import type { StoreFault } from '../../../../src/ports/object-store.ts'
import { blockBytes } from '../../../../src/wal/wal-record.ts'

const end: TrimPoint = { trimmed: blockBytes, previous: 0, previousIncarnation: 1 }
const fault = (mayBeDone: boolean): StoreFault => ({
  ...{ fault: 'timeout', operation: 'put', key: 'k', detail: 'no whole answer', attempts: 20 },
  mayBeDone,
})
const part = { partitionId: 1, start: 0, end: 10, bytes: 90, maxTimestamp: 0 }

/** A keeper with one part of a log to store, on a store that fails the first time. Under which numbers it was put, and what became of them. */
async function storeAfter(first: StoreFault, then: 'stored' | 'nothing is left'): Promise<Record<string, number[]>> {
  const told = { built: [] as number[], committed: [] as number[], abandoned: [] as number[], givenBack: [] as number[] }
  const log = { durable: end.trimmed, published: end.trimmed, stored: 0 }
  let next = 1
  const parts = {
    pipeline: {
      ...log,
      wal: { state: { trimmed: 0, previous: 0, previousIncarnation: 0 } },
      ask: async () => ({ type: 'producers', end: 0, partitions: [] }),
      trim: async () => {},
    },
    jobs: {
      build(objectId: number): Building {
        const hasFailed = told.built.push(objectId) === 1
        const object = then === 'stored' ? { bytes: 100, parts: [part] } : undefined
        const built = hasFailed ? Promise.reject(new StoreFailed(first)) : Promise.resolve({ end, object })
        built.catch(() => {})
        return { sealed: Promise.resolve({ end }), built }
      },
    },
    ids: { take: async () => next++, giveBack: (objectId: number) => told.givenBack.push(objectId) },
    objects: new ObjectMap(),
    controller: {
      image: { partitions: new Map([[1, {}]]) },
      ask: async ({ records }: { records: readonly MetadataRecord[] }) => {
        for (const record of records) if (record.type === 'objectCommitted') told.committed.push(record.objectId)
        // The metadata log has the stored position before the log is trimmed there.
        expect(records.at(-1)).toMatchObject({ type: 'walMarked', stored: end.trimmed, durable: end.trimmed })
      },
    },
    policy: { quietBytes: Number.POSITIVE_INFINITY, urgentBytes: blockBytes, objectBytes: blockBytes, ageMs: null, uploads: 1 },
    producers: { save: async () => {}, load: async () => undefined },
    onStored() {},
    onAbandoned: (objectIds: readonly number[]) => told.abandoned.push(...objectIds),
    onFault() {},
    onFailure(error: Error) {
      throw error
    },
  } as unknown as StoreParts
  const keeper = new LogUploader(parts)
  const drained = keeper.drain()
  await drained
  return told
}

test('a part of the log that may have been stored unheard is stored under another number, since by now it may be made of other records', async () => {
  expect(await storeAfter(fault(true), 'stored')).toEqual({ built: [1, 2], committed: [2], abandoned: [1], givenBack: [] })
})

test('a number under which something may have been stored is never used again, even when there is nothing left to store', async () => {
  expect(await storeAfter(fault(true), 'nothing is left')).toEqual({ built: [1, 2], committed: [], abandoned: [1], givenBack: [2] })
})

test('a number under which nothing can have been stored is kept', async () => {
  expect(await storeAfter(fault(false), 'stored')).toEqual({ built: [1, 1], committed: [1], abandoned: [], givenBack: [] })
})
