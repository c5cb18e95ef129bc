import type { ClusterImage, PartitionImage } from '../metadata/cluster-image.ts'
import type { PartitionId, PartitionOffsets } from '../ports/partitions.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import type { RequestContext } from './context.ts'

/** The id of a partition that lanes serve, or an error. Leader epoch -1 disables the check. */
export function servedPartition(context: RequestContext, name: string, index: number, leaderEpoch: number): PartitionImage | KafkaError {
  const partition = partitionOf(context.cluster.image, name, index)
  if (partition === undefined || !context.cluster.isServed(partition.partitionId)) return errors.UNKNOWN_TOPIC_OR_PARTITION
  if (leaderEpoch === -1 || leaderEpoch === partition.leaderEpoch) return partition
  return leaderEpoch < partition.leaderEpoch ? errors.FENCED_LEADER_EPOCH : errors.UNKNOWN_LEADER_EPOCH
}

export const isError = (found: PartitionImage | KafkaError): found is KafkaError => 'code' in found

function partitionOf(image: ClusterImage, name: string, index: number): PartitionImage | undefined {
  const partitionId = image.topics.get(name)?.partitionIds[index]
  return partitionId === undefined ? undefined : image.partitions.get(partitionId)
}

/** Result of a query of a partition; undefined when its topic has been deleted meanwhile. */
export async function whileServed<T>(context: RequestContext, partitionId: PartitionId, result: Promise<T>): Promise<T | undefined> {
  try {
    return await result
  } catch (error) {
    if (context.cluster.isServed(partitionId)) throw error
    return undefined
  }
}

export const offsetsOf = (context: RequestContext, partitionId: PartitionId): Promise<PartitionOffsets | undefined> =>
  whileServed(context, partitionId, context.partitions.offsets(partitionId))

/** Partitions that occur more than once in a request. */
export function duplicates(partitions: Iterable<readonly [topic: string, partition: number]>): ReadonlySet<string> {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const [topic, partition] of partitions) {
    const name = partitionName(topic, partition)
    if (seen.has(name)) twice.add(name)
    seen.add(name)
  }
  return twice
}

export const partitionName = (topic: string, partition: number): string => `${topic}-${partition}`

/** Kafka answers each repetition; no real client repeats a partition this often. */
const repetitionsMax = 100

/** Limits repetitions: a request of a few bytes for each must not cause a response of many. */
export function rarelyRepeated<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  const seen = new Set<string>()
  let repetitions = 0
  return items.filter((item) => {
    const name = nameOf(item)
    const isRepeated = seen.has(name)
    seen.add(name)
    return !isRepeated || ++repetitions <= repetitionsMax
  })
}

/** Topics in the form of Kafka's responses: each once, and none without partitions, except for those that are kept. */
export function eachOnce<T extends { readonly partitions: readonly unknown[] }>(
  topics: readonly T[],
  nameOf: (topic: T) => string,
  isKept: (topic: T) => boolean = () => false,
): T[] {
  const merged = new Map<string, T>()
  for (const topic of topics) {
    if (topic.partitions.length === 0 && !isKept(topic)) continue
    const known = merged.get(nameOf(topic))
    merged.set(nameOf(topic), known === undefined ? topic : { ...topic, partitions: [...known.partitions, ...topic.partitions] })
  }
  return [...merged.values()]
}
