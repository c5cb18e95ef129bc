import type { NodeConfigs } from '../config/node-configs.ts'
import type { Settings } from '../config/settings.ts'
import type { Controller } from '../controller/controller.ts'
import type { GroupCoordinator } from '../group/coordinator.ts'
import type { Clock, DataVolume, Entropy, Streams } from '../ports.ts'
import type { AutoCreation } from './auto-creation.ts'
import type { ProducerIds } from './producer-ids.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** What the handlers of one node share. */
export interface BrokerNode {
  readonly nodeId: number
  readonly clusterId: string
  /** As they hold now; what may change while the node runs is read when it is needed. */
  readonly settings: Settings
  readonly configs: NodeConfigs
  readonly controller: Controller
  readonly streams: Streams
  readonly groups: GroupCoordinator
  readonly entropy: Entropy
  readonly clock: Clock
  readonly volume: DataVolume
  /** What clients of each listener are told. */
  readonly advertised: ReadonlyMap<string, Address>
}

/** A row of ApiVersions. */
export interface ApiRange {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** What a handler may know and use besides its request. */
export interface RequestContext extends BrokerNode {
  readonly version: number
  readonly listener: string
  /** Where the client is, as it connected. */
  readonly host: string
  readonly clientId: string | null
  /** Every API of this node, as clients are told. */
  readonly served: readonly ApiRange[]
  readonly autoCreation: AutoCreation
  readonly producerIds: ProducerIds
}

export function advertisedAddress({ advertised, listener }: RequestContext): Address {
  return advertised.get(listener) ?? { host: '', port: -1 }
}
