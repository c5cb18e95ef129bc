import type { MutableImage } from '../../src/metadata/image.ts'
import { peek, placesIn, type S3WalParts, untilAccepted } from '../../src/wal/s3/s3-wal.ts'
import { type S3WalPlace, seal } from '../../src/wal/s3/wal-object.ts'

export interface StoreWalPlace {
  /** The store contains nothing of the incarnation that the metadata log records. */
  readonly isMissing: boolean
  /** See `S3WalParts`. */
  readonly formerPrefix: string | undefined
}

/**
 * Where the WAL of a node is in a store: under its own prefix, or still under that of a former release, in whole or in part. The objects
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
  if (storage.wal === null) return { isMissing: false, formerPrefix }
  const claim = { epoch: storage.wal.incarnation, sequence: 0 }
  if (!(await exists(parts.prefix, claim))) return { isMissing: !(await exists(formerPrefix, claim)), formerPrefix }
  // An incarnation of this release took over the log of a former one, if there was one, before the metadata log recorded the incarnation.
  return { isMissing: false, formerPrefix: (await exists(formerPrefix, seal)) ? formerPrefix : undefined }
}
