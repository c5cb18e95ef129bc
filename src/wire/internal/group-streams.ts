import type { Wire } from '../schema.ts'
import { array, arrayOf, int8, int16, int32, int64, message, string, struct, uint16 } from '../schema.ts'

/**
 * Records of `__consumer_offsets`: streams groups (KIP-1071). Framed as those of classic groups.
 */

/** The epoch of a group. */
export const StreamsGroupMetadataKey = message(
  'StreamsGroupMetadataKey',
  { key: 17, versions: '0', flexible: 'none' },
  {
    groupId: string(),
  },
)
export type StreamsGroupMetadataKey = Wire<typeof StreamsGroupMetadataKey>

const lastAssignmentConfig = {
  key: string(),
  value: string(),
}

export const StreamsGroupMetadataValue = message(
  'StreamsGroupMetadataValue',
  { key: 17, versions: '0', flexible: '0+' },
  {
    epoch: int32(),
    metadataHash: int64(),
    validatedTopologyEpoch: int32({ tag: 0, default: -1 }),
    lastAssignmentConfigs: array(lastAssignmentConfig, { tag: 1, nullable: '0+' }),
  },
)
export type StreamsGroupMetadataValue = Wire<typeof StreamsGroupMetadataValue>

/** A member: its host and ids. */
export const StreamsGroupMemberMetadataKey = message(
  'StreamsGroupMemberMetadataKey',
  { key: 19, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    memberId: string(),
  },
)
export type StreamsGroupMemberMetadataKey = Wire<typeof StreamsGroupMemberMetadataKey>

const endpoint = {
  host: string(),
  port: uint16(),
}

const keyValue = {
  key: string(),
  value: string(),
}

export const StreamsGroupMemberMetadataValue = message(
  'StreamsGroupMemberMetadataValue',
  { key: 19, versions: '0', flexible: '0+' },
  {
    instanceId: string({ nullable: '0+' }),
    rackId: string({ nullable: '0+' }),
    clientId: string(),
    clientHost: string(),
    rebalanceTimeoutMs: int32({ default: -1 }),
    topologyEpoch: int32(),
    processId: string(),
    userEndpoint: struct(endpoint, { nullable: '0+', default: null }),
    clientTags: array(keyValue),
  },
)
export type StreamsGroupMemberMetadataValue = Wire<typeof StreamsGroupMemberMetadataValue>

/** The epoch of the target assignment. */
export const StreamsGroupTargetAssignmentMetadataKey = message(
  'StreamsGroupTargetAssignmentMetadataKey',
  { key: 20, versions: '0', flexible: 'none' },
  {
    groupId: string(),
  },
)
export type StreamsGroupTargetAssignmentMetadataKey = Wire<typeof StreamsGroupTargetAssignmentMetadataKey>

export const StreamsGroupTargetAssignmentMetadataValue = message(
  'StreamsGroupTargetAssignmentMetadataValue',
  { key: 20, versions: '0', flexible: '0+' },
  {
    assignmentEpoch: int32(),
    assignmentTimestamp: int64({ tag: 0 }),
  },
)
export type StreamsGroupTargetAssignmentMetadataValue = Wire<typeof StreamsGroupTargetAssignmentMetadataValue>

/** The target tasks of a member. */
export const StreamsGroupTargetAssignmentMemberKey = message(
  'StreamsGroupTargetAssignmentMemberKey',
  { key: 21, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    memberId: string(),
  },
)
export type StreamsGroupTargetAssignmentMemberKey = Wire<typeof StreamsGroupTargetAssignmentMemberKey>

const taskIds = {
  subtopologyId: string(),
  partitions: arrayOf(int32()),
}

export const StreamsGroupTargetAssignmentMemberValue = message(
  'StreamsGroupTargetAssignmentMemberValue',
  { key: 21, versions: '0', flexible: '0+' },
  {
    activeTasks: array(taskIds),
    standbyTasks: array(taskIds),
    warmupTasks: array(taskIds),
  },
)
export type StreamsGroupTargetAssignmentMemberValue = Wire<typeof StreamsGroupTargetAssignmentMemberValue>

/** The current tasks of a member, and its progress towards the target. */
export const StreamsGroupCurrentMemberAssignmentKey = message(
  'StreamsGroupCurrentMemberAssignmentKey',
  { key: 22, versions: '0', flexible: 'none' },
  {
    groupId: string(),
    memberId: string(),
  },
)
export type StreamsGroupCurrentMemberAssignmentKey = Wire<typeof StreamsGroupCurrentMemberAssignmentKey>

const taskIdsOfValue = {
  subtopologyId: string(),
  partitions: arrayOf(int32()),
  assignmentEpochs: arrayOf(int32(), { tag: 0, nullable: '0+' }),
}

export const StreamsGroupCurrentMemberAssignmentValue = message(
  'StreamsGroupCurrentMemberAssignmentValue',
  { key: 22, versions: '0', flexible: '0+' },
  {
    memberEpoch: int32(),
    previousMemberEpoch: int32(),
    state: int8(),
    activeTasks: array(taskIdsOfValue),
    standbyTasks: array(taskIdsOfValue),
    warmupTasks: array(taskIdsOfValue),
    activeTasksPendingRevocation: array(taskIdsOfValue),
    standbyTasksPendingRevocation: array(taskIdsOfValue),
    warmupTasksPendingRevocation: array(taskIdsOfValue),
  },
)
export type StreamsGroupCurrentMemberAssignmentValue = Wire<typeof StreamsGroupCurrentMemberAssignmentValue>

/** The topology: subtopologies with their source, sink and internal topics. */
export const StreamsGroupTopologyKey = message(
  'StreamsGroupTopologyKey',
  { key: 23, versions: '0', flexible: 'none' },
  {
    groupId: string(),
  },
)
export type StreamsGroupTopologyKey = Wire<typeof StreamsGroupTopologyKey>

const topicConfig = {
  key: string(),
  value: string(),
}

const topicInfo = {
  name: string(),
  partitions: int32(),
  replicationFactor: int16(),
  topicConfigs: array(topicConfig),
}

export const StreamsGroupTopologyValue = message(
  'StreamsGroupTopologyValue',
  { key: 23, versions: '0', flexible: '0+' },
  {
    epoch: int32(),
    subtopologies: array({
      subtopologyId: string(),
      sourceTopics: arrayOf(string()),
      sourceTopicRegex: arrayOf(string()),
      stateChangelogTopics: array(topicInfo),
      repartitionSinkTopics: arrayOf(string()),
      repartitionSourceTopics: array(topicInfo),
      copartitionGroups: array({
        sourceTopics: arrayOf(int16()),
        sourceTopicRegex: arrayOf(int16()),
        repartitionSourceTopics: arrayOf(int16()),
      }),
    }),
  },
)
export type StreamsGroupTopologyValue = Wire<typeof StreamsGroupTopologyValue>
