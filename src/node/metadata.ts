import { BrokerConfigs } from '../cluster/broker-configs.ts'
import { PartitionHost } from '../cluster/partition-host.ts'
import type { NodeConfigs } from '../config/node-configs.ts'
import type { BrokerId } from '../controller/commands.ts'
import { Controller } from '../controller/controller.ts'
import type { MutableImage } from '../metadata/image.ts'
import { MetadataFollower } from '../metadata/metadata-follower.ts'
import type { MetadataLog } from '../metadata/metadata-log.ts'
import type { Partitions } from '../ports/partitions.ts'
import type { WalMark } from '../ports/storage-metadata.ts'

export interface MetadataParts {
  readonly nodeId: number
  readonly configs: NodeConfigs
  /** The contents of the log. */
  readonly image: MutableImage
  readonly log: MetadataLog
  readonly partitions: Partitions
  /** The node can no longer guarantee durability and must stop. */
  failed(error: Error): void
}

/** The metadata of a node: the controller that changes it, the follower that replays it, and the partitions that result. */
export interface Metadata {
  readonly controller: Controller
  readonly follower: MetadataFollower
  readonly host: PartitionHost
  /** Registers this start of the broker, with the state of its WALs: commands of the broker need the result. */
  register(wals: readonly WalMark[]): Promise<BrokerId>
  /** Opens the partitions of the image. To be awaited before clients send commands. */
  start(): Promise<void>
}

export function openMetadata({ nodeId, configs, image, log, partitions, failed }: MetadataParts): Metadata {
  const follower = new MetadataFollower(image, failed)
  const brokerConfigs = new BrokerConfigs(nodeId, configs)
  const host = new PartitionHost({ nodeId, configs, partitions })
  // The host reads the settings that the configs change.
  follower.add(brokerConfigs)
  follower.add(host)
  const controller = new Controller({ node: { nodeId, configs }, image, log, follower, failed })
  return {
    controller,
    follower,
    host,
    async register(wals) {
      const { brokerEpoch } = await controller.request({ type: 'registerBroker', brokerId: nodeId, wals })
      return { brokerId: nodeId, brokerEpoch }
    },
    async start() {
      brokerConfigs.start(image)
      await host.start(image)
    },
  }
}
