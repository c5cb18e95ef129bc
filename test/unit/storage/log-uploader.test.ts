import { expect, test } from 'vitest'
import { nodeTime } from '../../../native-free-io/process/node-time.ts'
import { StoreFailed } from '../../../src/object-store/store-faults.ts'
import { ObjectMap } from '../../../src/objects/object-map.ts'
import type { TrimPoint } from '../../../src/ports/lane.ts'
import type { Building } from '../../../src/ports/object-jobs.ts'
import type { StoreFault } from '../../../src/ports/object-store.ts'
import type { NewObject, WalMark } from '../../../src/ports/storage-metadata.ts'
import { LogUploader, type UploaderParts } from '../../../src/storage/log-uploader.ts'
import { blockBytes } from '../../../src/wal/wal-record.ts'

const end: TrimPoint = { trimmed: blockBytes, previous: 0, previousIncarnation: 1 }
const fault = (mayBeDone: boolean): StoreFault => ({
  ...{ fault: 'timeout', operation: 'put', key: 'k', detail: 'no whole answer', attempts: 20 },
  mayBeDone,
})
const part = { partitionId: 1, start: 0, end: 10, bytes: 90, maxTimestamp: 0 }

/** A keeper with one part of a log to store, on a store that fails the first time. Under which numbers it was put, and what became of them. */
async function storeAfter(first: StoreFault, then: 'stored' | 'nothing is left'): Promise<Record<string, number[]>> {
  const reports = { built: [] as number[], committed: [] as number[], abandoned: [] as number[], released: [] as number[] }
  const log = { durable: end.trimmed, published: end.trimmed, stored: 0 }
  let next = 1
  const parts = {
    lane: {
      ...log,
      wal: { state: { trimmed: 0, previous: 0, previousIncarnation: 0 } },
      ask: async () => ({ type: 'producers', end: 0, partitions: [] }),
      trim: async () => {},
    },
    jobs: {
      build(objectId: number): Building {
        const hasFailed = reports.built.push(objectId) === 1
        const object = then === 'stored' ? { bytes: 100, parts: [part] } : undefined
        const built = hasFailed ? Promise.reject(new StoreFailed(first)) : Promise.resolve({ end, object })
        built.catch(() => {})
        return { sealed: Promise.resolve({ end }), built }
      },
    },
    ids: { take: async () => next++, release: (objectId: number) => reports.released.push(objectId) },
    objects: new ObjectMap(() => 0),
    metadata: {
      partitionIds: () => [1],
      commitObjects: async (objects: readonly NewObject[], mark: WalMark) => {
        reports.committed.push(...objects.map(({ objectId }) => objectId))
        // The metadata log has the stored position before the log is trimmed there.
        expect(mark).toMatchObject({ stored: end.trimmed, durable: end.trimmed })
        return objects
      },
    },
    time: nodeTime,
    onStep() {},
    policy: { quietBytes: Number.POSITIVE_INFINITY, urgentBytes: blockBytes, objectBytes: blockBytes, ageMs: null, uploads: 1 },
    producers: { save: async () => {}, load: async () => undefined },
    onStored() {},
    onAbandoned: (objectIds: readonly number[]) => reports.abandoned.push(...objectIds),
    onFault() {},
    onFailure(error: Error) {
      throw error
    },
  } as unknown as UploaderParts
  const keeper = new LogUploader(parts)
  const drained = keeper.drain()
  await drained
  return reports
}

test('log uploader: a part of the log that may have been stored unheard is stored under another number, since by now it may be made of other records', async () => {
  expect(await storeAfter(fault(true), 'stored')).toEqual({ built: [1, 2], committed: [2], abandoned: [1], released: [] })
})

test('log uploader: a number under which something may have been stored is never used again, even when there is nothing left to store', async () => {
  expect(await storeAfter(fault(true), 'nothing is left')).toEqual({ built: [1, 2], committed: [], abandoned: [1], released: [2] })
})

test('log uploader: a number under which nothing can have been stored is kept', async () => {
  expect(await storeAfter(fault(false), 'stored')).toEqual({ built: [1, 1], committed: [1], abandoned: [], released: [] })
})
