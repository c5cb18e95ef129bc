import type { PartitionHost } from '../cluster/partition-host.ts'
import type { ClusterImage } from '../metadata/cluster-image.ts'
import type { MetadataFollower } from '../metadata/metadata-follower.ts'
import type { PartitionId } from '../ports/partitions.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface BrokerView extends Address {
  readonly brokerId: number
  readonly rack: string | null
}

export interface ClusterViewParts {
  readonly nodeId: number
  readonly rack: string | null
  readonly follower: MetadataFollower
  readonly host: PartitionHost
  /** The advertised address of each listener of this broker. */
  readonly advertised: ReadonlyMap<string, Address>
}

/** The cluster as this broker shows it to clients: the committed metadata, and what of it is served here. */
export class ClusterView {
  readonly nodeId: number
  readonly #parts: ClusterViewParts

  constructor(parts: ClusterViewParts) {
    this.nodeId = parts.nodeId
    this.#parts = parts
  }

  get image(): ClusterImage {
    return this.#parts.follower.image.cluster
  }

  /** End of the metadata log that the image contains. */
  get metadataEnd(): number {
    return this.#parts.follower.image.recordCount
  }

  /** Whether this broker serves a partition: it exists for clients from then on. */
  isServed(partitionId: PartitionId): boolean {
    return this.#parts.host.isServed(partitionId)
  }

  /** The broker to which clients may send requests for the controller. */
  get controllerId(): number {
    return this.nodeId
  }

  /** The registered brokers, with the addresses that belong to a listener. */
  brokers(listener: string): readonly BrokerView[] {
    return [...this.image.brokers.keys()].map((brokerId) => ({ brokerId, ...this.address(listener), rack: this.#parts.rack }))
  }

  /** The advertised address of this broker. Host empty and port -1: none. */
  address(listener: string): Address {
    return this.#parts.advertised.get(listener) ?? { host: '', port: -1 }
  }
}
