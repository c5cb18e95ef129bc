import { storeName } from '../../src/config/store-uri.ts'
import type { MutableImage } from '../../src/metadata/image.ts'
import type { MetadataRecord } from '../../src/metadata/records.ts'
import { faultText, isFault } from '../../src/object-store/store-faults.ts'
import type { ObjectKeys } from '../../src/objects/object-key.ts'
import type { ObjectStore } from '../../src/ports/object-store.ts'
import { StartRefused } from '../process/start-refused.ts'
import { meteredStore } from '../store/shared-store.ts'
import type { FoundingParts } from './founding-parts.ts'

/** `log.dirs` is an old copy: it lacks the changes of later starts of the node. */
export interface OldCopy {
  /** The last start recorded in the copy, and the last one that used the object store. */
  readonly known: number
  readonly starts: number
}

/** Records required in the metadata log before a node continues from an old copy, and what the node loses. */
export interface Forgotten {
  readonly records: readonly MetadataRecord[]
  /** Objects that only later starts recorded. */
  readonly newerObjects: number
  readonly newerBytes: number
  /** Objects of the copy that later starts have removed. */
  readonly missingObjects: number
}

const copyText = ({ known, starts }: OldCopy): string =>
  `log.dirs is a copy from start ${known} of this node, but its object store has been used by start ${starts}`

export const oldCopyError = (copy: OldCopy): StartRefused =>
  new StartRefused(
    `${copyText(copy)}: restore the newest copy; or start once with --override s3.wal.loss.accept=true, which discards the topics and acknowledged records of the later starts`,
  )

export const oldCopyLoss = (copy: OldCopy, { newerObjects, missingObjects }: Forgotten): string =>
  `${copyText(copy)}: ${newerObjects} newer objects are not read any more, and ${missingObjects} older ones are missing`

/** Number of skipped ids, which later starts may have assigned without a trace in the store: more than they can have used. */
const idsSkipped = 2 ** 32

/**
 * Ids of objects, producers and partitions that later starts may have assigned are never assigned again, so that nothing is overwritten or
 * mixed. Objects of the copy that no longer exist are recorded as losses.
 */
export async function forgetLaterStarts({ location, meter }: FoundingParts, keys: ObjectKeys, image: MutableImage): Promise<Forgotten> {
  const store = await meteredStore(location, meter)
  try {
    const found = await objectsIn(store, keys, storeName(location))
    const newer = [...found].filter(([objectId]) => objectId >= image.storage.nextObjectId)
    const gone = [...image.storage.objects.values()].filter(({ objectId }) => !found.has(objectId))
    const lost = gone.flatMap(({ parts }) =>
      parts.map(({ partitionId, start, end }) => ({ type: 'recordsLost', partitionId, start, end }) as const),
    )
    return {
      records: [
        { type: 'objectsRemoved', objectIds: gone.map(({ objectId }) => objectId) },
        ...lost,
        {
          type: 'objectsPrepared',
          first: newer.reduce((next, [objectId]) => Math.max(next, objectId + 1), image.storage.nextObjectId),
          count: 0,
        },
        { type: 'producerIdsAllocated', next: image.cluster.nextProducerId + BigInt(idsSkipped) },
        { type: 'partitionIdsAllocated', next: image.cluster.nextPartitionId + partitionIdsSkipped },
      ],
      newerObjects: newer.length,
      newerBytes: newer.reduce((sum, [, bytes]) => sum + bytes, 0),
      missingObjects: gone.length,
    }
  } finally {
    await store.close()
  }
}

/** Partition ids have 32 bits in the WAL. */
const partitionIdsSkipped = 1 << 20

/** Size of each object of this node in bytes, by its id. */
async function objectsIn(store: ObjectStore, keys: ObjectKeys, name: string): Promise<ReadonlyMap<number, number>> {
  const found = new Map<number, number>()
  for (const prefix of keys.prefixes) {
    for (let from: string | undefined; ; ) {
      const page = await store.list(prefix, from)
      if (isFault(page)) throw new StartRefused(`s3.data.buckets: ${name} cannot be listed: ${faultText(page)}`)
      for (const { key, bytes } of page.objects) {
        const objectId = keys.idOf(key)
        if (objectId !== undefined) found.set(objectId, bytes)
      }
      if (page.next === undefined) break
      from = page.next
    }
  }
  return found
}
