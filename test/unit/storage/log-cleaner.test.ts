import { expect, test } from 'vitest'
import { nodeTime } from '../../../native-free-io/process/node-time.ts'
import { SerialQueue } from '../../../src/actor/serial-queue.ts'
import { storageView } from '../../../src/controller/storage-metadata.ts'
import { emptyImage, replay } from '../../../src/metadata/image.ts'
import { ObjectMap } from '../../../src/objects/object-map.ts'
import { type CleanerParts, LogCleaner } from '../../../src/storage/log-cleaner.ts'

const partitionId = 1
const topicId = 'A'.repeat(22)
const forever = Number.MAX_SAFE_INTEGER
const limits = {
  ...{ compacts: true, deletes: false, retentionMs: null, retentionBytes: null, segmentMs: forever, segmentBytes: forever },
  ...{ minCompactionLagMs: 0, maxCompactionLagMs: forever, minCleanableRatio: 0, deleteRetentionMs: 0 },
}

type Step = 'a number is taken' | 'the producers are requested' | 'it is read and written'

/** Compacts a topic once that is deleted meanwhile. What the cleaner did with the numbers it took, and what it reports. */
async function cleanWhileDeleted(when: Step): Promise<{ abandoned: number[]; failures: Error[]; cleaned: number }> {
  const image = emptyImage(1)
  const configs = new Map<string, string>()
  replay(image, {
    type: 'topicCreated',
    name: 'states',
    topicId,
    replicationFactor: 1,
    partitionIds: [partitionId],
    configs,
    replicas: [[1]],
  })
  const objects = new ObjectMap((partitionId) => (image.cluster.partitions.has(partitionId) ? 0 : undefined))
  objects.add({ objectId: 5, bytes: 100, parts: [{ partitionId, start: 0, end: 10, bytes: 90, maxTimestamp: 0 }] })
  const at = (step: Step): void => {
    if (step !== when || !image.cluster.topicsById.has(topicId)) return
    replay(image, { type: 'topicDeleted', topicId })
    objects.forget(partitionId)
  }
  const reports = { abandoned: [] as number[], failures: [] as Error[], cleaned: 0 }
  const output = { bytes: 50, parts: [{ partitionId, start: 0, end: 10, bytes: 40, maxTimestamp: 0 }] }
  let next = 6
  let rounds = 0
  const round = new Promise<void>((resolve) => {
    const parts = {
      metadata: {
        partition: storageView(image).partition.bind(storageView(image)),
        topics: () => image.cluster.topics.values(),
        topic: (id: string) => image.cluster.topicsById.get(id),
        replaceCleaned: async () => (image.cluster.partitions.has(partitionId) ? [] : 'refused'),
      },
      lane: {
        async ask({ type }: { type: string }) {
          if (type === 'producersOf') at('the producers are requested')
          return type === 'producersOf' ? { type, producers: [] } : { type: 'unknown' }
        },
      },
      jobs: {
        async clean() {
          at('it is read and written')
          return { end: 10, replaced: 1, outputs: [output] }
        },
      },
      ids: {
        async take() {
          at('a number is taken')
          return next++
        },
        release() {},
      },
      objects,
      turn: new SerialQueue(),
      time: nodeTime,
      onStep: () => {},
      firstTimestamp: async () => undefined,
      storeAll: async () => {},
      backoffMs() {
        // Requested at the start, and again at the end of each round.
        if (rounds++ > 0) resolve()
        return rounds === 1 ? 0 : 60_000
      },
      bufferBytes: () => 1 << 20,
      limitsOf: () => limits,
      onAbandoned: (objectIds: readonly number[]) => reports.abandoned.push(...objectIds),
      onCleaned: () => reports.cleaned++,
      onFault: () => {},
      onFailure: (error: Error) => reports.failures.push(error),
    } as unknown as CleanerParts
    new LogCleaner(parts).start()
  })
  await round
  return reports
}

test.each<Step>(['a number is taken', 'the producers are requested', 'it is read and written'])(
  'log cleaner: a topic that is deleted while %s is not compacted, and what it took is left to be removed',
  async (when) => {
    const { failures, abandoned, cleaned } = await cleanWhileDeleted(when)
    expect(failures).toEqual([])
    expect(abandoned).toEqual([6])
    expect(cleaned).toBe(0)
  },
)
