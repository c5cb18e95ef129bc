import type { PartitionHost, TopicChange } from '../../../src/cluster/partition-host.ts'
import { load } from '../../../src/config/load.ts'
import { NodeConfigs } from '../../../src/config/node-configs.ts'
import type { Settings } from '../../../src/config/settings.ts'
import type { BrokerId } from '../../../src/controller/commands.ts'
import type { Controller } from '../../../src/controller/controller.ts'
import type { ClusterImage } from '../../../src/metadata/cluster-image.ts'
import { type Image, imageOf } from '../../../src/metadata/image.ts'
import type { MetadataFollower } from '../../../src/metadata/metadata-follower.ts'
import type { MetadataLog } from '../../../src/metadata/metadata-log.ts'
import { openMetadata } from '../../../src/node/metadata.ts'
import type {
  ActiveProducer,
  FoundOffset,
  PartitionId,
  PartitionOffsets,
  PartitionSettings,
  PartitionSpec,
  Partitions,
} from '../../../src/ports/partitions.ts'

export const settingsOf = (...overrides: string[]): Settings => {
  const { settings, validationErrors } = load(undefined, overrides)
  if (settings === undefined) throw new Error(validationErrors.join('\n'))
  return settings
}

/** A log in memory that becomes durable when the test decides, or at once. */
export class MemoryLog implements MetadataLog {
  records: Uint8Array[] = []
  bytes = 0
  isFull = false
  appends = 0
  replacements = 0
  held: (() => void)[] | undefined

  append(records: readonly Uint8Array[]): Promise<void> {
    this.appends++
    return new Promise((resolve) => {
      const finish = (): void => {
        this.records.push(...records)
        this.bytes += records.reduce((sum, record) => sum + record.length, 0)
        resolve()
      }
      if (this.held === undefined) finish()
      else this.held.push(finish)
    })
  }

  replace(records: readonly Uint8Array[]): Promise<void> {
    this.replacements++
    this.records = [...records]
    this.bytes = 0
    return Promise.resolve()
  }

  release(): void {
    for (const finish of this.held!.splice(0)) finish()
  }
}

interface KnownPartition extends PartitionOffsets {
  readonly settings: PartitionSettings
}

/** Partitions whose records are a list of timestamps. The calls are recorded. */
export class MemoryPartitions implements Partitions {
  readonly open_ = new Map<PartitionId, KnownPartition>()
  readonly timestamps = new Map<PartitionId, bigint[]>()
  readonly active = new Map<PartitionId, readonly ActiveProducer[]>()
  readonly response: string[] = []
  opening: Promise<void> | undefined

  async open(specs: readonly PartitionSpec[]): Promise<void> {
    await this.opening
    for (const { partitionId, leaderEpoch, logStartOffset, settings } of specs) {
      const highWatermark = BigInt(this.timestamps.get(partitionId)?.length ?? 0)
      this.open_.set(partitionId, { logStartOffset, highWatermark, leaderEpoch, settings })
    }
    this.response.push(`open ${specs.map((spec) => spec.partitionId)}`)
  }
  async close(partitionIds: readonly PartitionId[]): Promise<void> {
    for (const partitionId of partitionIds) this.open_.delete(partitionId)
    this.response.push(`close ${partitionIds}`)
  }
  async configure(partitionId: PartitionId, settings: PartitionSettings): Promise<void> {
    this.open_.set(partitionId, { ...this.#known(partitionId), settings })
  }
  async offsets(partitionId: PartitionId): Promise<PartitionOffsets> {
    return this.#known(partitionId)
  }
  async findTimestamp(partitionId: PartitionId, timestamp: bigint): Promise<FoundOffset> {
    const all = this.timestamps.get(partitionId) ?? []
    const offset = all.findIndex((each, at) => each >= timestamp && BigInt(at) >= this.#known(partitionId).logStartOffset)
    return offset < 0 ? none : { offset: BigInt(offset), timestamp: all[offset]!, leaderEpoch: 0 }
  }
  async findMaxTimestamp(partitionId: PartitionId): Promise<FoundOffset> {
    const [greatest] = [...(this.timestamps.get(partitionId) ?? [])].sort((a, b) => (a > b ? -1 : 1))
    return greatest === undefined ? none : this.findTimestamp(partitionId, greatest)
  }
  async size(partitionId: PartitionId): Promise<number> {
    return 100 * Number(this.#known(partitionId).highWatermark)
  }
  async producers(partitionId: PartitionId): Promise<readonly ActiveProducer[]> {
    this.#known(partitionId)
    return this.active.get(partitionId) ?? []
  }
  async trim(partitionId: PartitionId, offset: bigint): Promise<void> {
    this.open_.set(partitionId, { ...this.#known(partitionId), logStartOffset: offset })
    this.response.push(`trim ${partitionId} ${offset}`)
  }
  fill(partitionId: PartitionId, timestamps: bigint[]): void {
    this.timestamps.set(partitionId, timestamps)
    this.open_.set(partitionId, { ...this.#known(partitionId), highWatermark: BigInt(timestamps.length) })
  }
  #known(partitionId: PartitionId): KnownPartition {
    const known = this.open_.get(partitionId)
    if (known === undefined) throw new Error(`partition ${partitionId} is not open`)
    return known
  }
}

const none: FoundOffset = { offset: -1n, timestamp: -1n, leaderEpoch: -1 }

export interface ControllerWorld {
  readonly controller: Controller
  readonly follower: MetadataFollower
  readonly host: PartitionHost
  /** The committed image, and its cluster plane. */
  readonly metadata: Image
  readonly image: ClusterImage
  /** The registration of the one broker. */
  readonly registration: BrokerId
  readonly log: MemoryLog
  readonly partitions: MemoryPartitions
  readonly configs: NodeConfigs
  readonly settings: Settings
  /** Failures that would stop the node. */
  readonly failures: Error[]
}

export async function controllerWorld(
  options: { log?: MemoryLog; partitions?: MemoryPartitions; settings?: Settings; onTopicChange?: (change: TopicChange) => void } = {},
): Promise<ControllerWorld> {
  const { log = new MemoryLog(), partitions = new MemoryPartitions() } = options
  const configs = new NodeConfigs(options.settings ?? settingsOf())
  const failures: Error[] = []
  const image = imageOf(log.records, 1)
  const metadata = openMetadata({ nodeId: 1, configs, image, log, partitions, failed: (error) => failures.push(error) })
  const { controller, follower, host } = metadata
  if (options.onTopicChange !== undefined) host.onTopicChange(options.onTopicChange)
  const registration = await metadata.register([])
  await metadata.start()
  const { settings } = configs
  return { controller, follower, host, metadata: image, image: image.cluster, registration, log, partitions, configs, settings, failures }
}
