import type { PartitionId, PartitionSettings } from '../ports/partitions.ts'
import { errors } from '../wire/errors.ts'

/** A row of the routing table. The columns have one entry for each partition of the topic. */
export interface RoutedTopic {
  readonly name: string
  readonly topicId: string
  readonly partitionIds: Int32Array
  /** The broker that leads the partition; -1 for none. */
  readonly leaders: Int32Array
  readonly leaderEpochs: Int32Array
  /** Requirements of the topic for its batches. */
  readonly settings: PartitionSettings
}

/** Locations of the partitions of all topics: the part of the metadata image that a network worker needs. */
export class TopicRouting {
  readonly #nodeId: number
  readonly #byName = new Map<string, RoutedTopic>()
  readonly #byId = new Map<string, RoutedTopic>()

  /** `nodeId`: this broker. */
  constructor(nodeId: number) {
    this.#nodeId = nodeId
  }

  set(topic: RoutedTopic): void {
    this.#byName.set(topic.name, topic)
    this.#byId.set(topic.topicId, topic)
  }

  delete(topicId: string): void {
    const topic = this.#byId.get(topicId)
    if (topic === undefined) return
    this.#byId.delete(topicId)
    if (this.#byName.get(topic.name)?.topicId === topicId) this.#byName.delete(topic.name)
  }

  named(name: string): RoutedTopic | undefined {
    return this.#byName.get(name)
  }

  identified(topicId: string): RoutedTopic | undefined {
    return this.#byId.get(topicId)
  }

  /** Error code for a request to a partition of a topic: 0 if this broker leads it. */
  error(topic: RoutedTopic, index: number): number {
    const leader = topic.leaders[index]
    if (leader === undefined) return errors.UNKNOWN_TOPIC_OR_PARTITION.code
    return leader === this.#nodeId ? 0 : errors.NOT_LEADER_OR_FOLLOWER.code
  }

  /** The partition id; defined where `error` is 0. */
  partitionId(topic: RoutedTopic, index: number): PartitionId {
    return topic.partitionIds[index]!
  }
}
