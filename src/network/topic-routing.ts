import type { PartitionId, PartitionSettings } from '../ports/partitions.ts'

export interface RoutedTopic {
  readonly name: string
  readonly topicId: string
  /** The id of each partition. */
  readonly partitionIds: readonly PartitionId[]
  /** Requirements of the topic for its batches. */
  readonly settings: PartitionSettings
}

/** Locations of the partitions of all topics: the part of the metadata image that a network worker needs. */
export class TopicRouting {
  readonly #byName = new Map<string, RoutedTopic>()
  readonly #byId = new Map<string, RoutedTopic>()

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
}
