import { assert } from '../base/assert.ts'
import { ProduceRequest, ProduceResponse } from './api/00-produce.ts'
import { FetchRequest, FetchResponse } from './api/01-fetch.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from './api/02-list-offsets.ts'
import { MetadataRequest, MetadataResponse } from './api/03-metadata.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from './api/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from './api/09-offset-fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from './api/10-find-coordinator.ts'
import { JoinGroupRequest, JoinGroupResponse } from './api/11-join-group.ts'
import { HeartbeatRequest, HeartbeatResponse } from './api/12-heartbeat.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from './api/13-leave-group.ts'
import { SyncGroupRequest, SyncGroupResponse } from './api/14-sync-group.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from './api/15-describe-groups.ts'
import { ListGroupsRequest, ListGroupsResponse } from './api/16-list-groups.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from './api/17-sasl-handshake.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from './api/18-api-versions.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from './api/19-create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from './api/20-delete-topics.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from './api/21-delete-records.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from './api/22-init-producer-id.ts'
import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from './api/23-offset-for-leader-epoch.ts'
import { AddPartitionsToTxnRequest, AddPartitionsToTxnResponse } from './api/24-add-partitions-to-txn.ts'
import { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse } from './api/25-add-offsets-to-txn.ts'
import { EndTxnRequest, EndTxnResponse } from './api/26-end-txn.ts'
import { WriteTxnMarkersRequest, WriteTxnMarkersResponse } from './api/27-write-txn-markers.ts'
import { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from './api/28-txn-offset-commit.ts'
import { DescribeAclsRequest, DescribeAclsResponse } from './api/29-describe-acls.ts'
import { CreateAclsRequest, CreateAclsResponse } from './api/30-create-acls.ts'
import { DeleteAclsRequest, DeleteAclsResponse } from './api/31-delete-acls.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from './api/32-describe-configs.ts'
import { AlterConfigsRequest, AlterConfigsResponse } from './api/33-alter-configs.ts'
import { AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse } from './api/34-alter-replica-log-dirs.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from './api/35-describe-log-dirs.ts'
import { SaslAuthenticateRequest, SaslAuthenticateResponse } from './api/36-sasl-authenticate.ts'
import { CreatePartitionsRequest, CreatePartitionsResponse } from './api/37-create-partitions.ts'
import { CreateDelegationTokenRequest, CreateDelegationTokenResponse } from './api/38-create-delegation-token.ts'
import { RenewDelegationTokenRequest, RenewDelegationTokenResponse } from './api/39-renew-delegation-token.ts'
import { ExpireDelegationTokenRequest, ExpireDelegationTokenResponse } from './api/40-expire-delegation-token.ts'
import { DescribeDelegationTokenRequest, DescribeDelegationTokenResponse } from './api/41-describe-delegation-token.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from './api/42-delete-groups.ts'
import { ElectLeadersRequest, ElectLeadersResponse } from './api/43-elect-leaders.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from './api/44-incremental-alter-configs.ts'
import { AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse } from './api/45-alter-partition-reassignments.ts'
import { ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse } from './api/46-list-partition-reassignments.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from './api/47-offset-delete.ts'
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from './api/48-describe-client-quotas.ts'
import { AlterClientQuotasRequest, AlterClientQuotasResponse } from './api/49-alter-client-quotas.ts'
import { DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse } from './api/50-describe-user-scram-credentials.ts'
import { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse } from './api/51-alter-user-scram-credentials.ts'
import { VoteRequest, VoteResponse } from './api/52-vote.ts'
import { BeginQuorumEpochRequest, BeginQuorumEpochResponse } from './api/53-begin-quorum-epoch.ts'
import { EndQuorumEpochRequest, EndQuorumEpochResponse } from './api/54-end-quorum-epoch.ts'
import { DescribeQuorumRequest, DescribeQuorumResponse } from './api/55-describe-quorum.ts'
import { AlterPartitionRequest, AlterPartitionResponse } from './api/56-alter-partition.ts'
import { UpdateFeaturesRequest, UpdateFeaturesResponse } from './api/57-update-features.ts'
import { EnvelopeRequest, EnvelopeResponse } from './api/58-envelope.ts'
import { FetchSnapshotRequest, FetchSnapshotResponse } from './api/59-fetch-snapshot.ts'
import { DescribeClusterRequest, DescribeClusterResponse } from './api/60-describe-cluster.ts'
import { DescribeProducersRequest, DescribeProducersResponse } from './api/61-describe-producers.ts'
import { BrokerRegistrationRequest, BrokerRegistrationResponse } from './api/62-broker-registration.ts'
import { BrokerHeartbeatRequest, BrokerHeartbeatResponse } from './api/63-broker-heartbeat.ts'
import { UnregisterBrokerRequest, UnregisterBrokerResponse } from './api/64-unregister-broker.ts'
import { DescribeTransactionsRequest, DescribeTransactionsResponse } from './api/65-describe-transactions.ts'
import { ListTransactionsRequest, ListTransactionsResponse } from './api/66-list-transactions.ts'
import { AllocateProducerIdsRequest, AllocateProducerIdsResponse } from './api/67-allocate-producer-ids.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from './api/68-consumer-group-heartbeat.ts'
import { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from './api/69-consumer-group-describe.ts'
import { ControllerRegistrationRequest, ControllerRegistrationResponse } from './api/70-controller-registration.ts'
import { GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse } from './api/71-get-telemetry-subscriptions.ts'
import { PushTelemetryRequest, PushTelemetryResponse } from './api/72-push-telemetry.ts'
import { AssignReplicasToDirsRequest, AssignReplicasToDirsResponse } from './api/73-assign-replicas-to-dirs.ts'
import { ListConfigResourcesRequest, ListConfigResourcesResponse } from './api/74-list-config-resources.ts'
import { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from './api/75-describe-topic-partitions.ts'
import { ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse } from './api/76-share-group-heartbeat.ts'
import { ShareGroupDescribeRequest, ShareGroupDescribeResponse } from './api/77-share-group-describe.ts'
import { ShareFetchRequest, ShareFetchResponse } from './api/78-share-fetch.ts'
import { ShareAcknowledgeRequest, ShareAcknowledgeResponse } from './api/79-share-acknowledge.ts'
import { AddRaftVoterRequest, AddRaftVoterResponse } from './api/80-add-raft-voter.ts'
import { RemoveRaftVoterRequest, RemoveRaftVoterResponse } from './api/81-remove-raft-voter.ts'
import { UpdateRaftVoterRequest, UpdateRaftVoterResponse } from './api/82-update-raft-voter.ts'
import { InitializeShareGroupStateRequest, InitializeShareGroupStateResponse } from './api/83-initialize-share-group-state.ts'
import { ReadShareGroupStateRequest, ReadShareGroupStateResponse } from './api/84-read-share-group-state.ts'
import { WriteShareGroupStateRequest, WriteShareGroupStateResponse } from './api/85-write-share-group-state.ts'
import { DeleteShareGroupStateRequest, DeleteShareGroupStateResponse } from './api/86-delete-share-group-state.ts'
import { ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse } from './api/87-read-share-group-state-summary.ts'
import { StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse } from './api/88-streams-group-heartbeat.ts'
import { StreamsGroupDescribeRequest, StreamsGroupDescribeResponse } from './api/89-streams-group-describe.ts'
import { DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse } from './api/90-describe-share-group-offsets.ts'
import { AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse } from './api/91-alter-share-group-offsets.ts'
import { DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse } from './api/92-delete-share-group-offsets.ts'
import type { Fields, Message } from './schema.ts'
import { rangeOf } from './schema.ts'

export type Listener = 'broker' | 'controller'

/** From version `from` on, requests and responses carry these header versions. */
export type HeaderVersions = readonly [from: number, request: number, response: number]

export interface Api {
  readonly key: number
  readonly name: string
  readonly request: Message
  readonly response: Message
  /** The versions that the codec supports. */
  readonly oldest: number
  readonly latest: number
  /** Above it, versions may still change and are not advertised. */
  readonly latestStable: number
  /** The oldest version in ApiVersions: lower than `oldest` where a client would otherwise misread the range. */
  readonly advertisedOldest: number
  readonly listeners: readonly Listener[]
  /** Requires CLUSTER_ACTION: used between brokers and controllers. */
  readonly clusterAction: boolean
  /** A broker forwards it to the controller. */
  readonly forwardable: boolean
  readonly headers: readonly HeaderVersions[]
}

const broker: readonly Listener[] = ['broker']
const controller: readonly Listener[] = ['controller']
const both: readonly Listener[] = ['broker', 'controller']

/**
 * Every API of the broker and the controller listener, as in Apache Kafka 4.3.1.
 *
 * Header versions are data: '9+ 2/1' is request header 2 and response header 1 from version 9 on. "Flexible means header 2" has
 * exceptions. A response to ApiVersions always has header 0, since the client has not received the broker's versions yet. Later versions
 * of Kafka add more.
 *
 * Produce is advertised from 0, although 0 to 2 are rejected: without it librdkafka assumes that the broker cannot decompress
 * (KAFKA-18659).
 *
 * Absent: 4 to 7 (LeaderAndIsr, StopReplica, UpdateMetadata, ControlledShutdown), which were removed with ZooKeeper.
 */
export const apis: readonly Api[] = [
  api('Produce', ProduceRequest, ProduceResponse, broker, '3+ 1/0, 9+ 2/1', { advertisedOldest: 0 }),
  api('Fetch', FetchRequest, FetchResponse, both, '4+ 1/0, 12+ 2/1'),
  api('ListOffsets', ListOffsetsRequest, ListOffsetsResponse, broker, '1+ 1/0, 6+ 2/1'),
  api('Metadata', MetadataRequest, MetadataResponse, broker, '0+ 1/0, 9+ 2/1'),
  api('OffsetCommit', OffsetCommitRequest, OffsetCommitResponse, broker, '2+ 1/0, 8+ 2/1'),
  api('OffsetFetch', OffsetFetchRequest, OffsetFetchResponse, broker, '1+ 1/0, 6+ 2/1'),
  api('FindCoordinator', FindCoordinatorRequest, FindCoordinatorResponse, broker, '0+ 1/0, 3+ 2/1'),
  api('JoinGroup', JoinGroupRequest, JoinGroupResponse, broker, '0+ 1/0, 6+ 2/1'),
  api('Heartbeat', HeartbeatRequest, HeartbeatResponse, broker, '0+ 1/0, 4+ 2/1'),
  api('LeaveGroup', LeaveGroupRequest, LeaveGroupResponse, broker, '0+ 1/0, 4+ 2/1'),
  api('SyncGroup', SyncGroupRequest, SyncGroupResponse, broker, '0+ 1/0, 4+ 2/1'),
  api('DescribeGroups', DescribeGroupsRequest, DescribeGroupsResponse, broker, '0+ 1/0, 5+ 2/1'),
  api('ListGroups', ListGroupsRequest, ListGroupsResponse, broker, '0+ 1/0, 3+ 2/1'),
  api('SaslHandshake', SaslHandshakeRequest, SaslHandshakeResponse, both, '0+ 1/0'),
  api('ApiVersions', ApiVersionsRequest, ApiVersionsResponse, both, '0+ 1/0, 3+ 2/0'),
  api('CreateTopics', CreateTopicsRequest, CreateTopicsResponse, both, '2+ 1/0, 5+ 2/1', { forwardable: true }),
  api('DeleteTopics', DeleteTopicsRequest, DeleteTopicsResponse, both, '1+ 1/0, 4+ 2/1', { forwardable: true }),
  api('DeleteRecords', DeleteRecordsRequest, DeleteRecordsResponse, broker, '0+ 1/0, 2+ 2/1'),
  api('InitProducerId', InitProducerIdRequest, InitProducerIdResponse, broker, '0+ 1/0, 2+ 2/1', { latestStable: 5 }),
  api('OffsetForLeaderEpoch', OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, broker, '2+ 1/0, 4+ 2/1'),
  api('AddPartitionsToTxn', AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, broker, '0+ 1/0, 3+ 2/1'),
  api('AddOffsetsToTxn', AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, broker, '0+ 1/0, 3+ 2/1'),
  api('EndTxn', EndTxnRequest, EndTxnResponse, broker, '0+ 1/0, 3+ 2/1'),
  api('WriteTxnMarkers', WriteTxnMarkersRequest, WriteTxnMarkersResponse, broker, '1+ 2/1', { clusterAction: true }),
  api('TxnOffsetCommit', TxnOffsetCommitRequest, TxnOffsetCommitResponse, broker, '0+ 1/0, 3+ 2/1'),
  api('DescribeAcls', DescribeAclsRequest, DescribeAclsResponse, both, '1+ 1/0, 2+ 2/1'),
  api('CreateAcls', CreateAclsRequest, CreateAclsResponse, both, '1+ 1/0, 2+ 2/1', { forwardable: true }),
  api('DeleteAcls', DeleteAclsRequest, DeleteAclsResponse, both, '1+ 1/0, 2+ 2/1', { forwardable: true }),
  api('DescribeConfigs', DescribeConfigsRequest, DescribeConfigsResponse, both, '1+ 1/0, 4+ 2/1'),
  api('AlterConfigs', AlterConfigsRequest, AlterConfigsResponse, both, '0+ 1/0, 2+ 2/1', { forwardable: true }),
  api('AlterReplicaLogDirs', AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, broker, '1+ 1/0, 2+ 2/1'),
  api('DescribeLogDirs', DescribeLogDirsRequest, DescribeLogDirsResponse, broker, '1+ 1/0, 2+ 2/1'),
  api('SaslAuthenticate', SaslAuthenticateRequest, SaslAuthenticateResponse, both, '0+ 1/0, 2+ 2/1'),
  api('CreatePartitions', CreatePartitionsRequest, CreatePartitionsResponse, both, '0+ 1/0, 2+ 2/1', { forwardable: true }),
  api('CreateDelegationToken', CreateDelegationTokenRequest, CreateDelegationTokenResponse, both, '1+ 1/0, 2+ 2/1', { forwardable: true }),
  api('RenewDelegationToken', RenewDelegationTokenRequest, RenewDelegationTokenResponse, both, '1+ 1/0, 2+ 2/1', { forwardable: true }),
  api('ExpireDelegationToken', ExpireDelegationTokenRequest, ExpireDelegationTokenResponse, both, '1+ 1/0, 2+ 2/1', { forwardable: true }),
  api('DescribeDelegationToken', DescribeDelegationTokenRequest, DescribeDelegationTokenResponse, both, '1+ 1/0, 2+ 2/1'),
  api('DeleteGroups', DeleteGroupsRequest, DeleteGroupsResponse, broker, '0+ 1/0, 2+ 2/1'),
  api('ElectLeaders', ElectLeadersRequest, ElectLeadersResponse, both, '0+ 1/0, 2+ 2/1', { forwardable: true }),
  api('IncrementalAlterConfigs', IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, both, '0+ 1/0, 1+ 2/1', {
    forwardable: true,
  }),
  api('AlterPartitionReassignments', AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, both, '0+ 2/1', {
    forwardable: true,
  }),
  api('ListPartitionReassignments', ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, both, '0+ 2/1', {
    forwardable: true,
  }),
  api('OffsetDelete', OffsetDeleteRequest, OffsetDeleteResponse, broker, '0+ 1/0'),
  api('DescribeClientQuotas', DescribeClientQuotasRequest, DescribeClientQuotasResponse, broker, '0+ 1/0, 1+ 2/1'),
  api('AlterClientQuotas', AlterClientQuotasRequest, AlterClientQuotasResponse, both, '0+ 1/0, 1+ 2/1', { forwardable: true }),
  api('DescribeUserScramCredentials', DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, both, '0+ 2/1'),
  api('AlterUserScramCredentials', AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, both, '0+ 2/1', {
    forwardable: true,
  }),
  api('Vote', VoteRequest, VoteResponse, controller, '0+ 2/1', { clusterAction: true }),
  api('BeginQuorumEpoch', BeginQuorumEpochRequest, BeginQuorumEpochResponse, controller, '0+ 1/0, 1+ 2/1', { clusterAction: true }),
  api('EndQuorumEpoch', EndQuorumEpochRequest, EndQuorumEpochResponse, controller, '0+ 1/0, 1+ 2/1', { clusterAction: true }),
  api('DescribeQuorum', DescribeQuorumRequest, DescribeQuorumResponse, both, '0+ 2/1', { clusterAction: true, forwardable: true }),
  api('AlterPartition', AlterPartitionRequest, AlterPartitionResponse, controller, '2+ 2/1', { clusterAction: true }),
  api('UpdateFeatures', UpdateFeaturesRequest, UpdateFeaturesResponse, both, '0+ 2/1', { clusterAction: true, forwardable: true }),
  api('Envelope', EnvelopeRequest, EnvelopeResponse, controller, '0+ 2/1', { clusterAction: true }),
  api('FetchSnapshot', FetchSnapshotRequest, FetchSnapshotResponse, controller, '0+ 2/1'),
  api('DescribeCluster', DescribeClusterRequest, DescribeClusterResponse, both, '0+ 2/1'),
  api('DescribeProducers', DescribeProducersRequest, DescribeProducersResponse, broker, '0+ 2/1'),
  api('BrokerRegistration', BrokerRegistrationRequest, BrokerRegistrationResponse, controller, '0+ 2/1', { clusterAction: true }),
  api('BrokerHeartbeat', BrokerHeartbeatRequest, BrokerHeartbeatResponse, controller, '0+ 2/1', { clusterAction: true }),
  api('UnregisterBroker', UnregisterBrokerRequest, UnregisterBrokerResponse, both, '0+ 2/1', { forwardable: true }),
  api('DescribeTransactions', DescribeTransactionsRequest, DescribeTransactionsResponse, broker, '0+ 2/1'),
  api('ListTransactions', ListTransactionsRequest, ListTransactionsResponse, broker, '0+ 2/1'),
  api('AllocateProducerIds', AllocateProducerIdsRequest, AllocateProducerIdsResponse, controller, '0+ 2/1', {
    clusterAction: true,
    forwardable: true,
  }),
  api('ConsumerGroupHeartbeat', ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, broker, '0+ 2/1'),
  api('ConsumerGroupDescribe', ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, broker, '0+ 2/1'),
  api('ControllerRegistration', ControllerRegistrationRequest, ControllerRegistrationResponse, controller, '0+ 2/1'),
  api('GetTelemetrySubscriptions', GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse, broker, '0+ 2/1'),
  api('PushTelemetry', PushTelemetryRequest, PushTelemetryResponse, broker, '0+ 2/1'),
  api('AssignReplicasToDirs', AssignReplicasToDirsRequest, AssignReplicasToDirsResponse, controller, '0+ 2/1'),
  api('ListConfigResources', ListConfigResourcesRequest, ListConfigResourcesResponse, broker, '0+ 2/1'),
  api('DescribeTopicPartitions', DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, broker, '0+ 2/1'),
  api('ShareGroupHeartbeat', ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, broker, '1+ 2/1'),
  api('ShareGroupDescribe', ShareGroupDescribeRequest, ShareGroupDescribeResponse, broker, '1+ 2/1'),
  api('ShareFetch', ShareFetchRequest, ShareFetchResponse, broker, '1+ 2/1'),
  api('ShareAcknowledge', ShareAcknowledgeRequest, ShareAcknowledgeResponse, broker, '1+ 2/1'),
  api('AddRaftVoter', AddRaftVoterRequest, AddRaftVoterResponse, both, '0+ 2/1', { forwardable: true }),
  api('RemoveRaftVoter', RemoveRaftVoterRequest, RemoveRaftVoterResponse, both, '0+ 2/1', { forwardable: true }),
  api('UpdateRaftVoter', UpdateRaftVoterRequest, UpdateRaftVoterResponse, controller, '0+ 2/1'),
  api('InitializeShareGroupState', InitializeShareGroupStateRequest, InitializeShareGroupStateResponse, broker, '0+ 2/1', {
    clusterAction: true,
  }),
  api('ReadShareGroupState', ReadShareGroupStateRequest, ReadShareGroupStateResponse, broker, '0+ 2/1', { clusterAction: true }),
  api('WriteShareGroupState', WriteShareGroupStateRequest, WriteShareGroupStateResponse, broker, '0+ 2/1', { clusterAction: true }),
  api('DeleteShareGroupState', DeleteShareGroupStateRequest, DeleteShareGroupStateResponse, broker, '0+ 2/1', { clusterAction: true }),
  api('ReadShareGroupStateSummary', ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse, broker, '0+ 2/1', {
    clusterAction: true,
  }),
  api('StreamsGroupHeartbeat', StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, broker, '0+ 2/1'),
  api('StreamsGroupDescribe', StreamsGroupDescribeRequest, StreamsGroupDescribeResponse, broker, '0+ 2/1'),
  api('DescribeShareGroupOffsets', DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse, broker, '0+ 2/1'),
  api('AlterShareGroupOffsets', AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse, broker, '0+ 2/1'),
  api('DeleteShareGroupOffsets', DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse, broker, '0+ 2/1'),
]

/** By key; undefined for unassigned keys. */
export const apiByKey: readonly (Api | undefined)[] = byKey()

export const apiByName: ReadonlyMap<string, Api> = new Map(apis.map((api) => [api.name, api]))

/**
 * The header versions of a request. An unsupported version has those of the newest one. That is enough to parse the correlation id,
 * which the response to an ApiVersions request of a later version needs.
 */
export function headerVersions(api: Api, version: number): HeaderVersions {
  const { headers } = api
  let row = headers.length - 1
  while (row > 0 && version < headers[row]![0]) row--
  return headers[row]!
}

function api<Q extends Fields, R extends Fields>(
  name: string,
  request: Message<Q>,
  response: Message<R>,
  listeners: readonly Listener[],
  headers: string,
  rest: Partial<Pick<Api, 'latestStable' | 'advertisedOldest' | 'clusterAction' | 'forwardable'>> = {},
): Api {
  assert(request.key !== undefined && request.key === response.key, `${name} has one key`)
  assert(request.versions === response.versions, `${name} answers every version that it takes`)
  const [oldest, latest] = rangeOf(request.versions)
  const rows = headers.split(', ').map(headerRow)
  assert(rows[0]![0] === oldest, `${name} has header versions from its oldest version on`)
  const row = { key: request.key, name, request, response, oldest, latest, listeners, headers: rows }
  return { ...row, latestStable: latest, advertisedOldest: oldest, clusterAction: false, forwardable: false, ...rest }
}

/** '9+ 2/1': from version 9 on, request header 2 and response header 1. */
function headerRow(text: string): HeaderVersions {
  const row = text.split(/\+ |\//).map(Number)
  assert(row.length === 3 && row.every(Number.isInteger), `${text} has a version and two header versions`)
  return row as [number, number, number]
}

function byKey(): (Api | undefined)[] {
  const table: (Api | undefined)[] = []
  for (const row of apis) {
    assert(table[row.key] === undefined, `key ${row.key} has one row`)
    table[row.key] = row
  }
  return table
}
