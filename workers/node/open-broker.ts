import { volumeSpace } from '../../native-free-io/disk/data-folder.ts'
import { nodeTime } from '../../native-free-io/process/node-time.ts'
import { nodeCodecs } from '../../native-free-io/threads/codecs.ts'
import { compileExpression } from '../../native-free-io/threads/expressions.ts'
import type { Pipeline } from '../../native-free-io/threads/pipeline.ts'
import { Broker } from '../../src/broker/broker.ts'
import { type Address, ClusterView } from '../../src/broker/cluster-view.ts'
import { followTopics, offsetsTopicCreation } from '../../src/broker/offsets-topic.ts'
import { resourceType } from '../../src/config/config-entry.ts'
import { GroupCoordinator } from '../../src/group/coordinator.ts'
import { configsOf } from '../../src/metadata/cluster-image.ts'
import { LanePartitionLog } from '../../src/storage/coordinator-log.ts'
import type { Founded, NodeInputs } from './found.ts'
import type { OpenedMetadata } from './open-metadata.ts'
import type { OpenedStorage } from './open-storage.ts'

/** A monotonic clock that starts at the wall clock: a change of the wall clock does not end sessions. */
const evenClock = { now: () => Math.round(performance.timeOrigin + performance.now()) }

/** An unref'ed timer. */
function after(ms: number, wake: () => void): () => void {
  const timer = setTimeout(wake, ms).unref()
  return () => clearTimeout(timer)
}

export interface OpenedBroker {
  readonly broker: Broker
  readonly cluster: ClusterView
  readonly groups: GroupCoordinator
  /** The advertised address of each listener. It is complete once the listeners are open. */
  readonly advertised: Map<string, Address>
}

/** Opens the broker and its coordinators; changes of topics reach them and the network threads from then on. */
export function openBroker(
  { configs, entropy, log, fail }: NodeInputs,
  { folder, identity }: Founded,
  pipeline: Pipeline,
  { storage, partitions }: OpenedStorage,
  { controller, follower, host }: OpenedMetadata,
): OpenedBroker {
  const { settings } = configs
  const nodeId = settings['node.id']
  const advertised = new Map<string, Address>()
  const cluster = new ClusterView({ nodeId, rack: settings['broker.rack'], follower, host, advertised })
  const groups = new GroupCoordinator({
    settings,
    createOffsetsTopic: offsetsTopicCreation(controller, settings, entropy),
    topicIdOf: (topic) => cluster.image.topics.get(topic)?.topicId,
    groupConfigs: (groupId) => configsOf(cluster.image, resourceType.group, groupId),
    log: new LanePartitionLog(pipeline.lanes, storage, nodeTime),
    codecs: nodeCodecs,
    compileExpression,
    clock: evenClock,
    after,
    failed: (error) => fail('the group coordinator', error),
  })
  const broker = new Broker(
    {
      nodeId,
      clusterId: identity.clusterId,
      settings,
      configs,
      controller,
      cluster,
      partitions,
      groups,
      entropy,
      compileExpression,
      clock: { now: Date.now },
      volume: { path: folder.path, space: () => volumeSpace(folder.path) },
    },
    (error) => log.error({ err: error }, 'internal error while handling a request'),
  )
  host.onTopicChange((topic) => {
    const { name, topicId, partitionIds, leaders, leaderEpochs } = topic
    if (topic.change === 'deleted') pipeline.notifyAll({ type: 'topics', set: [], deleted: [topicId] })
    else {
      const columns = {
        partitionIds: Int32Array.from(partitionIds),
        leaders: Int32Array.from(leaders),
        leaderEpochs: Int32Array.from(leaderEpochs),
      }
      pipeline.notifyAll({ type: 'topics', set: [{ name, topicId, ...columns, settings: topic.settings }], deleted: [] })
    }
    followTopics(groups, nodeId, topic)
  })
  return { broker, cluster, groups, advertised }
}
