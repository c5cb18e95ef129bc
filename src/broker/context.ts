import type { NodeConfigs } from '../config/node-configs.ts'
import type { Settings } from '../config/settings.ts'
import type { ControllerClient } from '../controller/commands.ts'
import type { GroupCoordinator } from '../group/coordinator.ts'
import type { ClientSession } from '../network/client-session.ts'
import type { CompileExpression } from '../ports/expressions.ts'
import type { Partitions } from '../ports/partitions.ts'
import type { Clock, DataVolume, Entropy } from '../ports/world.ts'
import type { AutoCreation } from './auto-creation.ts'
import type { ClusterView } from './cluster-view.ts'
import type { ProducerIds } from './producer-ids.ts'

/** Shared state of the handlers of one node. */
export interface BrokerNode {
  readonly nodeId: number
  readonly clusterId: string
  /** The current settings. A setting that may change at run time is read at each use. */
  readonly settings: Settings
  readonly configs: NodeConfigs
  readonly controller: ControllerClient
  readonly cluster: ClusterView
  readonly partitions: Partitions
  readonly groups: GroupCoordinator
  readonly entropy: Entropy
  readonly compileExpression: CompileExpression
  readonly clock: Clock
  readonly volume: DataVolume
}

/** An entry of ApiVersions. */
export interface ApiRange {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** Context of a request for its handler. */
export interface RequestContext extends BrokerNode {
  readonly version: number
  readonly session: ClientSession
  readonly clientId: string | null
  /** Every API of this node, as in ApiVersions. */
  readonly served: readonly ApiRange[]
  readonly autoCreation: AutoCreation
  readonly producerIds: ProducerIds
}
