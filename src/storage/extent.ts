import type { ObjectMap } from '../objects/object-map.ts'
import type { WalStats } from '../ports/lane-commands.ts'
import type { Lanes } from '../ports/lanes.ts'
import type { PartitionId } from '../ports/partitions.ts'

/** Bytes of a partition from its log start on, each of them counted once. */
export interface Extent {
  /** Bytes in objects. */
  readonly stored: number
  /** The records that are only in the WAL; undefined if the partition is not served. */
  readonly unstored: WalStats | undefined
}

/**
 * Records are in an object and in the WAL between the commit of the object and the trim of the WAL. So the WAL is counted from the end of the
 * objects on; when that moves before the reply, both are counted again.
 */
export async function extentOf(objects: ObjectMap, lanes: Lanes, partitionId: PartitionId, logStart: number): Promise<Extent> {
  for (;;) {
    const end = objects.end(partitionId)
    const stored = objects.bytesFrom(partitionId, logStart)
    const reply = await lanes.of(partitionId).call({ type: 'walStats', partitionId, from: Math.max(end, logStart) })
    if (reply.type !== 'walStats') return { stored, unstored: undefined }
    if (objects.end(partitionId) === end) return { stored, unstored: reply }
  }
}
