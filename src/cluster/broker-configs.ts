import { resourceType } from '../config/config-entry.ts'
import type { NodeConfigs } from '../config/node-configs.ts'
import { type ClusterImage, configsOf } from '../metadata/cluster-image.ts'
import type { MetadataDelta } from '../metadata/delta.ts'
import type { Image } from '../metadata/image.ts'
import type { MetadataPublisher } from '../metadata/metadata-follower.ts'

/** Keeps the settings of this node equal to its configs in the metadata. */
export class BrokerConfigs implements MetadataPublisher {
  readonly #nodeId: number
  readonly #configs: NodeConfigs

  constructor(nodeId: number, configs: NodeConfigs) {
    this.#nodeId = nodeId
    this.#configs = configs
  }

  start({ cluster }: Image): void {
    this.#follow(cluster)
  }

  prepare({ hasBrokerConfigs }: MetadataDelta, { cluster }: Image): undefined {
    if (hasBrokerConfigs) this.#follow(cluster)
  }

  #follow(image: ClusterImage): void {
    const own = configsOf(image, resourceType.broker, String(this.#nodeId))
    this.#configs.follow(configsOf(image, resourceType.broker, ''), own)
  }
}
