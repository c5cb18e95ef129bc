import type { MutableImage } from '../../src/metadata/image.ts'
import { peek, placesIn, type S3WalParts, untilAccepted } from '../../src/wal/s3/s3-wal.ts'
import { type S3WalPlace, seal } from '../../src/wal/s3/wal-object.ts'

export interface StoreWalPlace {
  /** The store contains nothing of the incarnation that the metadata log records for the lane. */
  readonly isMissing: boolean
  /** See `S3WalParts`. */
  readonly formerPrefix: string | undefined
}

/** Whether the store contains the WAL of a lane, of which former releases had none. */
export async function isLaneMissing(parts: S3WalParts, lane: number, { storage }: MutableImage): Promise<boolean> {
  const mark = storage.wals.get(lane)
  if (mark === undefined) return false
  return (await untilAccepted(parts, () => peek(parts, { epoch: mark.incarnation, sequence: 0 }))) === 'missing'
}

/**
 * Where the WAL of a node's first lane is in a store: under its own prefix, or still under that of a former release, in whole or in part. The objects
 * are requested by name, because a list may be out of date.
 *
 * Every incarnation claims its log before it serves clients, and the claim stays until a later one has stored an object.
 */
export async function findStoreWal(parts: S3WalParts, formerPrefix: string, { cluster, storage }: MutableImage): Promise<StoreWalPlace> {
  const exists = async (prefix: string, place: S3WalPlace): Promise<boolean> =>
    (await untilAccepted(parts, () => peek(parts, { ...place, prefix }))) !== 'missing'
  if (cluster.clusterId === null) {
    const left = await untilAccepted(parts, () => placesIn({ ...parts, prefix: formerPrefix }))
    return { isMissing: false, formerPrefix: left.length > 0 ? formerPrefix : undefined }
  }
  const mark = storage.wals.get(0)
  if (mark === undefined) {
    const mayBeFormer = storage.endedIncarnation === 0 || (await exists(formerPrefix, seal))
    return { isMissing: false, formerPrefix: mayBeFormer ? formerPrefix : undefined }
  }
  const claim = { epoch: mark.incarnation, sequence: 0 }
  if (!(await exists(parts.prefix, claim))) return { isMissing: !(await exists(formerPrefix, claim)), formerPrefix }
  // An incarnation of this release took over the log of a former one, if there was one, before the metadata log recorded the incarnation.
  return { isMissing: false, formerPrefix: (await exists(formerPrefix, seal)) ? formerPrefix : undefined }
}
