import type { MutableImage } from '../../src/metadata/image.ts'
import { placesIn, type S3WalParts, untilAccepted } from '../../src/wal/s3/s3-wal.ts'
import { formerWalPrefix, s3WalKey, walPrefix } from '../../src/wal/s3/wal-object.ts'
import { findStoreWal, isLaneMissing, type StoreWalPlace } from './store-wal-place.ts'

/** Where the WAL of a lane is in a store. */
export interface StoreLane extends StoreWalPlace {
  readonly prefix: string
  /** See `S3WalParts`. */
  readonly firstEpoch: number | undefined
}

export interface StoreLanesParts {
  readonly image: MutableImage
  /** Number of lanes. */
  readonly lanes: number
  readonly clusterId: string
  readonly nodeId: number
  /** The objects under a prefix. */
  partsAt(prefix: string): S3WalParts
}

/** Finds the WAL of each lane, and removes what former lanes have left. */
export async function openStoreLanes({ image, lanes, clusterId, nodeId, partsAt }: StoreLanesParts): Promise<readonly StoreLane[]> {
  const { lanesMax, endedIncarnation } = image.storage
  const prefixOf = (lane: number): string => walPrefix(clusterId, nodeId, lane)
  for (let lane = lanes; lane < lanesMax; lane++) await removeLane(partsAt(prefixOf(lane)))
  const firstEpoch = endedIncarnation > 0 ? endedIncarnation + 1 : undefined
  return Promise.all(
    Array.from({ length: lanes }, async (_, lane): Promise<StoreLane> => {
      const prefix = prefixOf(lane)
      const parts = partsAt(prefix)
      const place =
        lane === 0
          ? await findStoreWal(parts, formerWalPrefix(clusterId, nodeId), image)
          : { isMissing: await isLaneMissing(parts, lane, image), formerPrefix: undefined }
      return { ...place, prefix, firstEpoch }
    }),
  )
}

/**
 * Removes the objects of a lane that the node does not have any more. A list may lack some of them: a later start removes these, and a lane
 * that is added again does not read them.
 */
async function removeLane(parts: S3WalParts): Promise<void> {
  const places = await untilAccepted(parts, () => placesIn(parts))
  if (places.length === 0) return
  const keys = places.map((place) => s3WalKey(parts.prefix, place))
  await untilAccepted(parts, async () => (await parts.store.remove(keys)) ?? { isDone: true })
}
