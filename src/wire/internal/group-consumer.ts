import type { Wire } from '../schema.ts'
import { array, arrayOf, bytes, int8, int32, int64, message, string, struct, uuid } from '../schema.ts'

/**
 * Records of `__consumer_offsets`: consumer groups (KIP-848). Framed as those of classic groups.
 */

/** The epoch of a group. */
export const ConsumerGroupMetadataKey = message(
  'ConsumerGroupMetadataKey',
  { key: 3, versions: '0', flexible: 'none' },
  {
    groupId: string(),
  },
)
export type ConsumerGroupMetadataKey = Wire<typeof ConsumerGroupMetadataKey>

export const ConsumerGroupMetadataValue = message(
  'ConsumerGroupMetadataValue',
  { key: 3, versions: '0', flexible: '0+' },
  {
    epoch: int32(),
    metadataHash: int64({ tag: 0 }),
  },
)
export type ConsumerGroupMetadataValue = Wire<typeof ConsumerGroupMetadataValue>

/** The partitions of the topics that a group reads. No longer written. */
export const ConsumerGroupPartitionMetadataKey = message(
  'ConsumerGroupPartitionMetadataKey',
  { key: 4, versions: '0', flexible: 'none' },
  {
    groupId: string(),
  },
)
export type ConsumerGroupPartitionMetadataKey = Wire<typeof ConsumerGroupPartitionMetadataKey>

export const ConsumerGroupPartitionMetadataValue = message(
  'ConsumerGroupPartitionMetadataValue',
  { key: 4, versions: '0', flexible: '0+' },
  {
    topics: array({
      topicId: uuid(),
      topicName: string(),
      numPartitions: int32(),
      partitionMetadata: array({
        partition: int32(),
        racks: arrayOf(string()),
      }),
    }),
  },
)
export type ConsumerGroupPartitionMetadataValue = Wire<typeof ConsumerGroupPartitionMetadataValue>

/** A member and its subscription. */
export const ConsumerGroupMemberMetadataKey = message(
  'ConsumerGroupMemberMetadataKey',
  { key: 5, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    memberId: string(),
  },
)
export type ConsumerGroupMemberMetadataKey = Wire<typeof ConsumerGroupMemberMetadataKey>

export const ConsumerGroupMemberMetadataValue = message(
  'ConsumerGroupMemberMetadataValue',
  { key: 5, versions: '0', flexible: '0+' },
  {
    instanceId: string({ nullable: '0+' }),
    rackId: string({ nullable: '0+' }),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: arrayOf(string()),
    subscribedTopicRegex: string({ nullable: '0+' }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    serverAssignor: string({ nullable: '0+' }),
    classicMemberMetadata: struct(
      {
        sessionTimeoutMs: int32(),
        supportedProtocols: array({
          name: string(),
          metadata: bytes(),
        }),
      },
      { tag: 0, nullable: '0+' },
    ),
  },
)
export type ConsumerGroupMemberMetadataValue = Wire<typeof ConsumerGroupMemberMetadataValue>

/** The epoch of the target assignment. */
export const ConsumerGroupTargetAssignmentMetadataKey = message(
  'ConsumerGroupTargetAssignmentMetadataKey',
  { key: 6, versions: '0', flexible: 'none' },
  {
    groupId: string(),
  },
)
export type ConsumerGroupTargetAssignmentMetadataKey = Wire<typeof ConsumerGroupTargetAssignmentMetadataKey>

export const ConsumerGroupTargetAssignmentMetadataValue = message(
  'ConsumerGroupTargetAssignmentMetadataValue',
  { key: 6, versions: '0', flexible: '0+' },
  {
    assignmentEpoch: int32(),
    assignmentTimestamp: int64({ tag: 0 }),
  },
)
export type ConsumerGroupTargetAssignmentMetadataValue = Wire<typeof ConsumerGroupTargetAssignmentMetadataValue>

/** The target assignment of a member. */
export const ConsumerGroupTargetAssignmentMemberKey = message(
  'ConsumerGroupTargetAssignmentMemberKey',
  { key: 7, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    memberId: string(),
  },
)
export type ConsumerGroupTargetAssignmentMemberKey = Wire<typeof ConsumerGroupTargetAssignmentMemberKey>

export const ConsumerGroupTargetAssignmentMemberValue = message(
  'ConsumerGroupTargetAssignmentMemberValue',
  { key: 7, versions: '0', flexible: '0+' },
  {
    topicPartitions: array({
      topicId: uuid(),
      partitions: arrayOf(int32()),
    }),
  },
)
export type ConsumerGroupTargetAssignmentMemberValue = Wire<typeof ConsumerGroupTargetAssignmentMemberValue>

/** The current assignment of a member, and its progress towards the target. */
export const ConsumerGroupCurrentMemberAssignmentKey = message(
  'ConsumerGroupCurrentMemberAssignmentKey',
  { key: 8, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    memberId: string(),
  },
)
export type ConsumerGroupCurrentMemberAssignmentKey = Wire<typeof ConsumerGroupCurrentMemberAssignmentKey>

const topicPartitions = {
  topicId: uuid(),
  partitions: arrayOf(int32()),
  assignmentEpochs: arrayOf(int32(), { tag: 0, nullable: '0+' }),
}

export const ConsumerGroupCurrentMemberAssignmentValue = message(
  'ConsumerGroupCurrentMemberAssignmentValue',
  { key: 8, versions: '0', flexible: '0+' },
  {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: array(topicPartitions),
    partitionsPendingRevocation: array(topicPartitions),
  },
)
export type ConsumerGroupCurrentMemberAssignmentValue = Wire<typeof ConsumerGroupCurrentMemberAssignmentValue>

/** The topics that a regular expression matched when it was last resolved. */
export const ConsumerGroupRegularExpressionKey = message(
  'ConsumerGroupRegularExpressionKey',
  { key: 16, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    regularExpression: string(),
  },
)
export type ConsumerGroupRegularExpressionKey = Wire<typeof ConsumerGroupRegularExpressionKey>

export const ConsumerGroupRegularExpressionValue = message(
  'ConsumerGroupRegularExpressionValue',
  { key: 16, versions: '0', flexible: '0+' },
  {
    topics: arrayOf(string()),
    version: int64(),
    timestamp: int64(),
  },
)
export type ConsumerGroupRegularExpressionValue = Wire<typeof ConsumerGroupRegularExpressionValue>
