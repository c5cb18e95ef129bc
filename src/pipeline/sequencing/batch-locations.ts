import type { Partition } from '../../partition/partition.ts'
import type { BatchLocation } from '../../ports/lane-commands.ts'

/** Location of entry `i` of a partition's index. */
export const placeOf = ({ index }: Partition, i: number): BatchLocation => ({
  baseOffset: index.base(i),
  count: index.count(i),
  position: index.position(i),
  bytes: index.bytes(i),
  maxTimestamp: index.maxTimestamp(i),
})

/**
 * Locations of the durable batches from the one with `offset` on: at most `bytesMax` bytes, but at least one batch. Call `advanceDurable` first.
 */
export function placesFrom(partition: Partition, offset: number, bytesMax: number): BatchLocation[] {
  const places: BatchLocation[] = []
  let bytes = 0
  for (let i = Math.max(0, partition.index.find(offset)); i < partition.durableEntries; i++) {
    const place = placeOf(partition, i)
    if (place.baseOffset + place.count <= offset) continue
    if (places.length > 0 && bytes + place.bytes > bytesMax) break
    places.push(place)
    bytes += place.bytes
  }
  return places
}
