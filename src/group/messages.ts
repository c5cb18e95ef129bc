import type { CoordinatorEffect, CoordinatorEvent } from '../coordinator/machine.ts'
import type { KafkaError } from '../wire/errors.ts'
import type { CommittedOffset, GroupRecord } from './records.ts'

export interface Protocol {
  readonly name: string
  readonly metadata: Buffer
}

/** Ids of a member in a request. */
export interface MemberRef {
  readonly memberId: string
  readonly instanceId: string | null
}

export interface JoinRequest extends MemberRef {
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  /** The client joins again with the member id from the first response (KIP-394). */
  readonly supportsMemberIdRequired: boolean
  /** The response can state that the leader must skip the assignment (KIP-814). */
  readonly supportsSkipAssignment: boolean
  /** Makes the id of a new member unique. */
  readonly uuid: string
}

export interface JoinResponse {
  readonly error: KafkaError
  readonly memberId: string
  readonly generation: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  /** For the leader alone. */
  readonly members: readonly (MemberRef & { readonly metadata: Buffer })[]
}

export interface SyncRequest extends MemberRef {
  readonly generation: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

export interface SyncResponse {
  readonly error: KafkaError
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

/** Partitions of a topic, by its id. */
export interface TopicPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

/** Request of a member of a consumer group. Null means unchanged since the last request. */
export interface ConsumerHeartbeatRequest extends MemberRef {
  /** 0 joins, -1 leaves, -2 leaves temporarily. */
  readonly memberEpoch: number
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** -1 for unchanged. */
  readonly rebalanceTimeoutMs: number
  readonly topics: readonly string[] | null
  readonly expression: string | null
  readonly assignor: string | null
  readonly owned: readonly TopicPartitions[] | null
}

export interface ConsumerHeartbeatResponse {
  readonly error: KafkaError
  readonly message: string | null
  readonly memberId: string | null
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  /** Null where nothing has changed. */
  readonly assignment: readonly TopicPartitions[] | null
}

export interface NamedPartitions extends TopicPartitions {
  readonly topicName: string
}

export interface DescribedConsumer extends MemberRef {
  readonly rackId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly topics: readonly string[]
  readonly expression: string
  readonly assigned: readonly NamedPartitions[]
  readonly target: readonly NamedPartitions[]
  /** Uses the protocol of classic groups. */
  readonly isClassic: boolean
}

export interface DescribedConsumerGroup {
  readonly error: KafkaError
  readonly message: string | null
  readonly state: string
  readonly epoch: number
  readonly assignmentEpoch: number
  readonly assignor: string
  readonly members: readonly DescribedConsumer[]
}

export interface LeaveResponse {
  readonly error: KafkaError
  readonly members: readonly (MemberRef & { readonly error: KafkaError })[]
}

export interface PartitionRef {
  readonly topic: string
  readonly partition: number
}

export interface CommitRequest extends MemberRef {
  readonly generation: number
  /** The version of the request, which determines the error codes that the client supports. */
  readonly version: number
  /** -1 where the broker decides. */
  readonly retentionTimeMs: bigint
  readonly offsets: readonly (PartitionRef & {
    readonly topicId: string
    readonly offset: bigint
    readonly leaderEpoch: number
    readonly metadata: string | null
  })[]
}

export interface FetchOffsetsRequest {
  readonly memberId: string | null
  readonly memberEpoch: number
}

export interface FetchedOffsets {
  readonly error: KafkaError
  /** All committed offsets: by topic and partition. */
  readonly offsets: ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>>
}

export interface DescribedMember extends MemberRef {
  readonly clientId: string
  readonly clientHost: string
  readonly metadata: Buffer
  readonly assignment: Buffer
}

export interface DescribedGroup {
  readonly error: KafkaError
  readonly message: string | null
  readonly state: string
  readonly protocolType: string
  readonly protocolName: string
  readonly members: readonly DescribedMember[]
}

export interface ListedGroup {
  readonly groupId: string
  readonly protocolType: string
  readonly state: string
  readonly type: GroupType
}

/** As ListGroups spells it. */
export type GroupType = 'classic' | 'consumer'

/** Requests for one group, and their responses. */
export interface GroupRequests {
  readonly join: { readonly request: JoinRequest; readonly response: JoinResponse }
  readonly sync: { readonly request: SyncRequest; readonly response: SyncResponse }
  readonly heartbeat: { readonly request: MemberRef & { readonly generation: number }; readonly response: KafkaError }
  readonly consumerHeartbeat: { readonly request: ConsumerHeartbeatRequest; readonly response: ConsumerHeartbeatResponse }
  readonly leave: { readonly request: { readonly members: readonly MemberRef[] }; readonly response: LeaveResponse }
  /** An error for the group, or one for each offset. */
  readonly commit: { readonly request: CommitRequest; readonly response: KafkaError | readonly KafkaError[] }
  readonly fetch: { readonly request: FetchOffsetsRequest; readonly response: FetchedOffsets }
  readonly deleteOffsets: {
    readonly request: { readonly partitions: readonly PartitionRef[] }
    readonly response: KafkaError | readonly KafkaError[]
  }
  readonly describe: { readonly request: object; readonly response: DescribedGroup }
  readonly describeConsumer: { readonly request: object; readonly response: DescribedConsumerGroup }
  readonly delete: { readonly request: object; readonly response: KafkaError }
}

export type GroupRequestType = keyof GroupRequests
export type GroupRequest = {
  [Q in GroupRequestType]: { readonly type: Q; readonly groupId: string } & GroupRequests[Q]['request']
}[GroupRequestType]
export type ResponseTo<Q extends GroupRequest> = GroupRequests[Q['type']]['response']
export type RequestOf<Q extends GroupRequestType> = Extract<GroupRequest, { type: Q }>

/** Events that no request caused. */
export type GroupNotification =
  /** A topic was created, or has more partitions. */
  | { readonly type: 'topicChanged'; readonly topic: string }
  | { readonly type: 'topicDeleted'; readonly now: number; readonly topic: string }
  /** Expires offsets and groups that are old enough. */
  | { readonly type: 'swept'; readonly now: number }

export type GroupEvent = CoordinatorEvent<GroupRequest> | GroupNotification
export type GroupEffect = CoordinatorEffect<GroupRecord>
