import { assert } from '../base/assert.ts'
import { type Api, apiByKey } from '../wire/apis.ts'
import { listOffsets } from './api/02-list-offsets.ts'
import { metadata } from './api/03-metadata.ts'
import { offsetCommit } from './api/08-offset-commit.ts'
import { offsetFetch } from './api/09-offset-fetch.ts'
import { findCoordinator } from './api/10-find-coordinator.ts'
import { joinGroup } from './api/11-join-group.ts'
import { heartbeat } from './api/12-heartbeat.ts'
import { leaveGroup } from './api/13-leave-group.ts'
import { syncGroup } from './api/14-sync-group.ts'
import { describeGroups } from './api/15-describe-groups.ts'
import { listGroups } from './api/16-list-groups.ts'
import { apiVersions } from './api/18-api-versions.ts'
import { createTopics } from './api/19-create-topics.ts'
import { deleteTopics } from './api/20-delete-topics.ts'
import { deleteRecords } from './api/21-delete-records.ts'
import { initProducerId } from './api/22-init-producer-id.ts'
import { offsetForLeaderEpoch } from './api/23-offset-for-leader-epoch.ts'
import { describeConfigs } from './api/32-describe-configs.ts'
import { alterConfigs } from './api/33-alter-configs.ts'
import { alterReplicaLogDirs } from './api/34-alter-replica-log-dirs.ts'
import { describeLogDirs } from './api/35-describe-log-dirs.ts'
import { createPartitions } from './api/37-create-partitions.ts'
import { deleteGroups } from './api/42-delete-groups.ts'
import { electLeaders } from './api/43-elect-leaders.ts'
import { incrementalAlterConfigs } from './api/44-incremental-alter-configs.ts'
import { alterPartitionReassignments } from './api/45-alter-partition-reassignments.ts'
import { listPartitionReassignments } from './api/46-list-partition-reassignments.ts'
import { offsetDelete } from './api/47-offset-delete.ts'
import { describeClientQuotas } from './api/48-describe-client-quotas.ts'
import { alterClientQuotas } from './api/49-alter-client-quotas.ts'
import { describeUserScramCredentials } from './api/50-describe-user-scram-credentials.ts'
import { describeQuorum } from './api/55-describe-quorum.ts'
import { updateFeatures } from './api/57-update-features.ts'
import { describeCluster } from './api/60-describe-cluster.ts'
import { describeProducers } from './api/61-describe-producers.ts'
import { describeTransactions } from './api/65-describe-transactions.ts'
import { listTransactions } from './api/66-list-transactions.ts'
import { consumerGroupHeartbeat } from './api/68-consumer-group-heartbeat.ts'
import { consumerGroupDescribe } from './api/69-consumer-group-describe.ts'
import { listConfigResources } from './api/74-list-config-resources.ts'
import { describeTopicPartitions } from './api/75-describe-topic-partitions.ts'
import type { ApiRange } from './context.ts'
import type { Handler } from './handler.ts'

/** The APIs of the main thread. The types of a row match its codec, which the compiler cannot verify for a list. */
export const handlers = [
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  alterConfigs,
  alterReplicaLogDirs,
  describeLogDirs,
  createPartitions,
  deleteGroups,
  electLeaders,
  incrementalAlterConfigs,
  alterPartitionReassignments,
  listPartitionReassignments,
  offsetDelete,
  describeClientQuotas,
  alterClientQuotas,
  describeUserScramCredentials,
  describeQuorum,
  updateFeatures,
  describeCluster,
  describeProducers,
  describeTransactions,
  listTransactions,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  listConfigResources,
  describeTopicPartitions,
] as unknown as readonly Handler[]

export const handlerByKey: ReadonlyMap<number, Handler> = new Map(handlers.map((handler) => [handler.api.key, handler]))
assert(handlerByKey.size === handlers.length, 'an API is served in one place')

const produceKey = 0
const fetchKey = 1

/** The APIs that the network workers serve. */
const servedByNetwork: readonly Api[] = [apiByKey[produceKey]!, apiByKey[fetchKey]!]

/** The contents of ApiVersions: exactly the served APIs. */
export const servedApis: readonly ApiRange[] = [
  ...servedByNetwork.map(({ key, advertisedOldest, latestStable }) => ({
    apiKey: key,
    minVersion: advertisedOldest,
    maxVersion: latestStable,
  })),
  ...handlers.map(({ api, oldest, latest }) => ({ apiKey: api.key, minVersion: oldest, maxVersion: latest })),
].sort((a, b) => a.apiKey - b.apiKey)
