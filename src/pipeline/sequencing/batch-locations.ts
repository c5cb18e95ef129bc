import type { Partition } from '../../partition/partition.ts'
import type { BatchLocation } from './lane-commands.ts'

/** Where entry `i` of a stream's index lies. */
export const placeOf = ({ index }: Partition, i: number): BatchLocation => ({
  baseOffset: index.base(i),
  count: index.count(i),
  position: index.position(i),
  bytes: index.bytes(i),
  maxTimestamp: index.maxTimestamp(i),
})

/** The durable batches from the one that holds `offset` on: `bytesMax` bytes of them, or one. Call `settle` first. */
export function placesFrom(stream: Partition, offset: number, bytesMax: number): BatchLocation[] {
  const places: BatchLocation[] = []
  let bytes = 0
  for (let i = Math.max(0, stream.index.find(offset)); i < stream.settled; i++) {
    const place = placeOf(stream, i)
    if (place.baseOffset + place.count <= offset) continue
    if (places.length > 0 && bytes + place.bytes > bytesMax) break
    places.push(place)
    bytes += place.bytes
  }
  return places
}
