import { noTexts } from '../config/config-entry.ts'
import type { NodeConfigs } from '../config/node-configs.ts'
import { partitionSettings } from '../config/topic-configs.ts'
import type { PartitionImage } from '../metadata/cluster-image.ts'
import type { MetadataDelta, TopicDelta } from '../metadata/delta.ts'
import type { Image } from '../metadata/image.ts'
import type { MetadataPublisher } from '../metadata/metadata-follower.ts'
import { isInternal } from '../metadata/topic-names.ts'
import type { PartitionId, PartitionSettings, PartitionSpec, Partitions } from '../ports/partitions.ts'

interface Topic {
  readonly name: string
  readonly topicId: string
  /** The partitions of the topic, in order: their ids, their leaders and the epochs of these. */
  readonly partitionIds: readonly PartitionId[]
  readonly leaders: readonly number[]
  readonly leaderEpochs: readonly number[]
}

/** A topic was created or has more partitions, has other batch requirements, or was deleted. */
export type TopicChange =
  | (Topic & { readonly change: 'opened' | 'configured'; readonly settings: PartitionSettings })
  | (Topic & { readonly change: 'deleted' })

export interface PartitionHostParts {
  readonly nodeId: number
  /** Follows the metadata before this host. */
  readonly configs: NodeConfigs
  readonly partitions: Partitions
}

/**
 * Opens the partitions that this broker leads, and closes them.
 *
 * Order of a creation: partitions opened, listeners notified. Of a deletion: listeners notified, partitions closed.
 */
export class PartitionHost implements MetadataPublisher {
  readonly #parts: PartitionHostParts
  readonly #listeners: ((change: TopicChange) => void)[] = []
  readonly #served = new Set<PartitionId>()
  /** Of a topic without configs. */
  #defaults: PartitionSettings

  constructor(parts: PartitionHostParts) {
    this.#parts = parts
    this.#defaults = partitionSettings(noTexts, parts.configs.settings)
  }

  /** Partitions that lanes serve: a partition exists for clients from then on. */
  isServed(partitionId: PartitionId): boolean {
    return this.#served.has(partitionId)
  }

  /** The listener receives every change, in order, and the topics that exist at `start`. */
  onTopicChange(listener: (change: TopicChange) => void): void {
    this.#listeners.push(listener)
  }

  /** Opens the partitions of the image, and notifies listeners. To be awaited before the first command. */
  async start(image: Image): Promise<void> {
    this.#defaults = partitionSettings(noTexts, this.#parts.configs.settings)
    const own = this.#led(image, [...image.cluster.partitions.keys()])
    if (own.length > 0) await this.#parts.partitions.open(own)
    for (const { partitionId } of own) this.#served.add(partitionId)
    for (const { name, topicId, partitionIds } of image.cluster.topics.values()) {
      if (partitionIds.length === 0) continue
      const settings = this.#settingsOf(image, topicId)
      this.#notify({ ...topicOf({ name, topicId, partitionIds }, rowsOf(image, partitionIds)), settings, change: 'opened' })
    }
  }

  prepare({ topics, hasBrokerConfigs }: MetadataDelta, image: Image): (() => Promise<void>) | undefined {
    const changes = hasBrokerConfigs ? [...topics, ...this.#configured(image)] : topics
    if (changes.length === 0) return undefined
    const steps = changes.map((change) => this.#step(change, image))
    return async () => {
      for (const step of steps) await step()
    }
  }

  /** A default that topics do not override may have changed. */
  #configured({ cluster }: Image): TopicDelta[] {
    const before = this.#defaults
    this.#defaults = partitionSettings(noTexts, this.#parts.configs.settings)
    if (isSame(before, this.#defaults)) return []
    return [...cluster.topics.values()].map(({ name, topicId, partitionIds }) => ({
      type: 'configured',
      name,
      topicId,
      partitionIds,
      touched: partitionIds,
      removed: [],
    }))
  }

  /** Work of a change, with the current contents of the image: the image may be newer when the work is performed. */
  #step(delta: TopicDelta, image: Image): () => Promise<void> {
    const { partitions } = this.#parts
    const { type, touched } = delta
    if (type === 'deleted') {
      const topic = topicOf(delta, delta.removed)
      return async () => {
        const own = touched.filter((partitionId) => this.#served.delete(partitionId))
        this.#notify({ ...topic, change: 'deleted' })
        await partitions.close(own)
      }
    }
    const specs = this.#led(image, touched)
    const isThere = image.cluster.topicsById.has(delta.topicId)
    const settings = isThere ? this.#settingsOf(image, delta.topicId) : undefined
    if (type === 'trimmed') {
      return async () => {
        for (const { partitionId, logStartOffset } of specs) await partitions.trim(partitionId, logStartOffset)
      }
    }
    const topic = topicOf(delta, rowsOf(image, delta.partitionIds))
    return async () => {
      if (type === 'configured') {
        for (const spec of specs) await partitions.configure(spec.partitionId, spec.settings)
        if (settings !== undefined) this.#notify({ ...topic, change: 'configured', settings })
      } else {
        if (specs.length > 0) await partitions.open(specs)
        for (const { partitionId } of specs) this.#served.add(partitionId)
        if (settings !== undefined) this.#notify({ ...topic, change: 'opened', settings })
      }
    }
  }

  #notify(change: TopicChange): void {
    for (const listener of this.#listeners) listener(change)
  }

  /** Those of the partitions that exist and that this broker leads. */
  #led(image: Image, partitionIds: readonly PartitionId[]): PartitionSpec[] {
    return partitionIds.flatMap((partitionId) => {
      const partition = image.cluster.partitions.get(partitionId)
      if (partition === undefined || partition.leader !== this.#parts.nodeId) return []
      const { logStartOffset } = image.storage.partitions.get(partitionId)!
      const { leaderEpoch, topicId } = partition
      return [{ partitionId, leaderEpoch, logStartOffset, settings: this.#settingsOf(image, topicId) }]
    })
  }

  #settingsOf({ cluster }: Image, topicId: string): PartitionSettings {
    const { name, configs } = cluster.topicsById.get(topicId)!
    const settings = partitionSettings(configs, this.#parts.configs.settings)
    // Only coordinators write to internal topics, and no config may prevent it.
    return { ...settings, maxMessageBytes: isInternal(name) ? Number.MAX_SAFE_INTEGER : settings.maxMessageBytes }
  }
}

/** Rows of a topic that is deleted by now are absent: its deletion follows. */
const rowsOf = ({ cluster }: Image, partitionIds: readonly PartitionId[]): readonly (PartitionImage | undefined)[] =>
  partitionIds.map((partitionId) => cluster.partitions.get(partitionId))

function topicOf(
  { name, topicId, partitionIds }: Pick<Topic, 'name' | 'topicId' | 'partitionIds'>,
  rows: readonly (PartitionImage | undefined)[],
): Topic {
  const leaders = rows.map((row) => row?.leader ?? -1)
  return { name, topicId, partitionIds, leaders, leaderEpochs: rows.map((row) => row?.leaderEpoch ?? -1) }
}

const isSame = (a: PartitionSettings, b: PartitionSettings): boolean =>
  (Object.keys(a) as (keyof PartitionSettings)[]).every((key) => a[key] === b[key])
