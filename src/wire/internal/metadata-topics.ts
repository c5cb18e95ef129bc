import type { Wire } from '../schema.ts'
import { arrayOf, int8, int32, int64, message, string, uuid } from '../schema.ts'

/**
 * Records of KRaft's metadata log: topics, partitions, configs, producer ids, transactions of records. Framed as those of nodes.
 */

/** A topic is created. */
export const TopicRecord = message(
  'TopicRecord',
  { key: 2, versions: '0', flexible: '0+' },
  {
    name: string(),
    topicId: uuid(),
  },
)
export type TopicRecord = Wire<typeof TopicRecord>

/** A topic and its partitions are deleted. */
export const RemoveTopicRecord = message(
  'RemoveTopicRecord',
  { key: 9, versions: '0', flexible: '0+' },
  {
    topicId: uuid(),
  },
)
export type RemoveTopicRecord = Wire<typeof RemoveTopicRecord>

/** A partition is created. */
export const PartitionRecord = message(
  'PartitionRecord',
  { key: 3, versions: '0-2', flexible: '0+' },
  {
    partitionId: int32({ default: -1 }),
    topicId: uuid(),
    replicas: arrayOf(int32()),
    isr: arrayOf(int32()),
    removingReplicas: arrayOf(int32()),
    addingReplicas: arrayOf(int32()),
    leader: int32({ default: -1 }),
    leaderRecoveryState: int8({ tag: 0 }),
    leaderEpoch: int32({ default: -1 }),
    partitionEpoch: int32({ default: -1 }),
    directories: arrayOf(uuid(), { versions: '1+' }),
    eligibleLeaderReplicas: arrayOf(int32(), { versions: '2+', tag: 1, nullable: '2+', default: null }),
    lastKnownElr: arrayOf(int32(), { versions: '2+', tag: 2, nullable: '2+', default: null }),
  },
)
export type PartitionRecord = Wire<typeof PartitionRecord>

/** Changes of a partition. */
export const PartitionChangeRecord = message(
  'PartitionChangeRecord',
  { key: 5, versions: '0-2', flexible: '0+' },
  {
    partitionId: int32({ default: -1 }),
    topicId: uuid(),
    isr: arrayOf(int32(), { tag: 0, nullable: '0+', default: null }),
    leader: int32({ tag: 1, default: -2, about: '-1 no leader, -2 no change' }),
    replicas: arrayOf(int32(), { tag: 2, nullable: '0+', default: null }),
    removingReplicas: arrayOf(int32(), { tag: 3, nullable: '0+', default: null }),
    addingReplicas: arrayOf(int32(), { tag: 4, nullable: '0+', default: null }),
    leaderRecoveryState: int8({ tag: 5, default: -1 }),
    directories: arrayOf(uuid(), { versions: '1+', tag: 8, nullable: '1+', default: null }),
    eligibleLeaderReplicas: arrayOf(int32(), { versions: '2+', tag: 6, nullable: '2+', default: null }),
    lastKnownElr: arrayOf(int32(), { versions: '2+', tag: 7, nullable: '2+', default: null }),
  },
)
export type PartitionChangeRecord = Wire<typeof PartitionChangeRecord>

/** The eligible leader replicas of a topic, or of all topics, are removed. */
export const ClearElrRecord = message(
  'ClearElrRecord',
  { key: 28, versions: '0', flexible: '0+' },
  {
    topicName: string(),
  },
)
export type ClearElrRecord = Wire<typeof ClearElrRecord>

/** A config of a resource. */
export const ConfigRecord = message(
  'ConfigRecord',
  { key: 4, versions: '0', flexible: '0+' },
  {
    resourceType: int8(),
    resourceName: string(),
    name: string(),
    value: string({ nullable: '0+', about: 'null removes the config' }),
  },
)
export type ConfigRecord = Wire<typeof ConfigRecord>

/** Producer ids below the next one are allocated. */
export const ProducerIdsRecord = message(
  'ProducerIdsRecord',
  { key: 15, versions: '0', flexible: '0+' },
  {
    brokerId: int32(),
    brokerEpoch: int64({ default: -1n }),
    nextProducerId: int64(),
  },
)
export type ProducerIdsRecord = Wire<typeof ProducerIdsRecord>

/** The records up to the end of the transaction are applied together or not at all. */
export const BeginTransactionRecord = message(
  'BeginTransactionRecord',
  { key: 23, versions: '0', flexible: '0+' },
  {
    name: string({ tag: 0, nullable: '0+', default: null }),
  },
)
export type BeginTransactionRecord = Wire<typeof BeginTransactionRecord>

/** The transaction is applied. */
export const EndTransactionRecord = message('EndTransactionRecord', { key: 24, versions: '0', flexible: '0+' }, {})
export type EndTransactionRecord = Wire<typeof EndTransactionRecord>

/** The transaction is discarded. */
export const AbortTransactionRecord = message(
  'AbortTransactionRecord',
  { key: 25, versions: '0', flexible: '0+' },
  {
    reason: string({ tag: 0, nullable: '0+', default: null }),
  },
)
export type AbortTransactionRecord = Wire<typeof AbortTransactionRecord>

/** A record without effect. */
export const NoOpRecord = message('NoOpRecord', { key: 20, versions: '0', flexible: '0+' }, {})
export type NoOpRecord = Wire<typeof NoOpRecord>
