import type { Wire } from '../schema.ts'
import { array, arrayOf, int8, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * Records of `__consumer_offsets`: share groups (KIP-932). Framed as those of classic groups.
 */

/** A member and its subscription. */
export const ShareGroupMemberMetadataKey = message(
  'ShareGroupMemberMetadataKey',
  { key: 10, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    memberId: string(),
  },
)
export type ShareGroupMemberMetadataKey = Wire<typeof ShareGroupMemberMetadataKey>

export const ShareGroupMemberMetadataValue = message(
  'ShareGroupMemberMetadataValue',
  { key: 10, versions: '0', flexible: '0+' },
  {
    rackId: string({ nullable: '0+' }),
    clientId: string(),
    clientHost: string(),
    subscribedTopicNames: arrayOf(string()),
  },
)
export type ShareGroupMemberMetadataValue = Wire<typeof ShareGroupMemberMetadataValue>

/** The epoch of a group. */
export const ShareGroupMetadataKey = message(
  'ShareGroupMetadataKey',
  { key: 11, versions: '0', flexible: 'none' },
  {
    groupId: string(),
  },
)
export type ShareGroupMetadataKey = Wire<typeof ShareGroupMetadataKey>

export const ShareGroupMetadataValue = message(
  'ShareGroupMetadataValue',
  { key: 11, versions: '0', flexible: '0+' },
  {
    epoch: int32(),
    metadataHash: int64(),
  },
)
export type ShareGroupMetadataValue = Wire<typeof ShareGroupMetadataValue>

/** The epoch of the target assignment. */
export const ShareGroupTargetAssignmentMetadataKey = message(
  'ShareGroupTargetAssignmentMetadataKey',
  { key: 12, versions: '0', flexible: 'none' },
  {
    groupId: string(),
  },
)
export type ShareGroupTargetAssignmentMetadataKey = Wire<typeof ShareGroupTargetAssignmentMetadataKey>

export const ShareGroupTargetAssignmentMetadataValue = message(
  'ShareGroupTargetAssignmentMetadataValue',
  { key: 12, versions: '0', flexible: '0+' },
  {
    assignmentEpoch: int32(),
    assignmentTimestamp: int64({ tag: 0 }),
  },
)
export type ShareGroupTargetAssignmentMetadataValue = Wire<typeof ShareGroupTargetAssignmentMetadataValue>

/** The target assignment of a member. */
export const ShareGroupTargetAssignmentMemberKey = message(
  'ShareGroupTargetAssignmentMemberKey',
  { key: 13, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    memberId: string(),
  },
)
export type ShareGroupTargetAssignmentMemberKey = Wire<typeof ShareGroupTargetAssignmentMemberKey>

export const ShareGroupTargetAssignmentMemberValue = message(
  'ShareGroupTargetAssignmentMemberValue',
  { key: 13, versions: '0', flexible: '0+' },
  {
    topicPartitions: array({
      topicId: uuid(),
      partitions: arrayOf(int32()),
    }),
  },
)
export type ShareGroupTargetAssignmentMemberValue = Wire<typeof ShareGroupTargetAssignmentMemberValue>

/** The current assignment of a member. */
export const ShareGroupCurrentMemberAssignmentKey = message(
  'ShareGroupCurrentMemberAssignmentKey',
  { key: 14, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    memberId: string(),
  },
)
export type ShareGroupCurrentMemberAssignmentKey = Wire<typeof ShareGroupCurrentMemberAssignmentKey>

const topicPartitions = {
  topicId: uuid(),
  partitions: arrayOf(int32()),
}

export const ShareGroupCurrentMemberAssignmentValue = message(
  'ShareGroupCurrentMemberAssignmentValue',
  { key: 14, versions: '0', flexible: '0+' },
  {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    assignedPartitions: array(topicPartitions),
  },
)
export type ShareGroupCurrentMemberAssignmentValue = Wire<typeof ShareGroupCurrentMemberAssignmentValue>

/** The partitions whose state is being initialized, is initialized, or is being deleted. */
export const ShareGroupStatePartitionMetadataKey = message(
  'ShareGroupStatePartitionMetadataKey',
  { key: 15, versions: '0', flexible: 'none' },
  {
    groupId: string(),
  },
)
export type ShareGroupStatePartitionMetadataKey = Wire<typeof ShareGroupStatePartitionMetadataKey>

const topicPartitionsInfo = {
  topicId: uuid(),
  topicName: string(),
  partitions: arrayOf(int32()),
}

const topicInfo = {
  topicId: uuid(),
  topicName: string(),
}

export const ShareGroupStatePartitionMetadataValue = message(
  'ShareGroupStatePartitionMetadataValue',
  { key: 15, versions: '0', flexible: '0+' },
  {
    initializingTopics: array(topicPartitionsInfo),
    initializedTopics: array(topicPartitionsInfo),
    deletingTopics: array(topicInfo),
  },
)
export type ShareGroupStatePartitionMetadataValue = Wire<typeof ShareGroupStatePartitionMetadataValue>
