import type { ClusterImage } from '../metadata/cluster-image.ts'

/** The brokers of `count` new partitions, the leader of each first: in turn over the registered brokers. One copy is stored. */
export function placePartitions({ brokers, nextPartitionId }: ClusterImage, count: number): readonly (readonly number[])[] {
  const ids = [...brokers.keys()].sort((a, b) => a - b)
  return Array.from({ length: count }, (_, at) => [ids[(nextPartitionId + at) % ids.length]!])
}
