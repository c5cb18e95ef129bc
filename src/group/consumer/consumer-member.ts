import type { ConsumerGroupCurrentMemberAssignmentValue, ConsumerGroupMemberMetadataValue } from '../../wire/internal/group-consumer.ts'
import { nothingOwned, type Owned, OwnedBuilder } from '../partitions.ts'

/** Numbered as in records. */
export const memberState = {
  /** Owns exactly its target. */
  stable: 0,
  /** Has partitions to revoke. */
  unrevoked: 1,
  /** Waits for partitions that other members have not released. */
  unreleased: 2,
} as const

/** The member joins. */
export const joinEpoch = 0
export const leaveEpoch = -1
/** The member leaves, and keeps its place as a static member. */
export const staticLeaveEpoch = -2

/** Further fields of a member that uses the protocol of classic groups. */
export type ClassicSide = NonNullable<ConsumerGroupMemberMetadataValue['classicMemberMetadata']>

/** A member of a consumer group. Immutable. */
export interface ConsumerMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Sorted, each once. */
  readonly topics: readonly string[]
  /** Empty for none. */
  readonly expression: string
  readonly rebalanceTimeoutMs: number
  readonly assignor: string | null
  readonly classic: ClassicSide | null
  readonly epoch: number
  readonly previousEpoch: number
  readonly state: number
  readonly assigned: Owned
  readonly revoking: Owned
}

export const newMember = (memberId: string): ConsumerMember => ({
  memberId,
  instanceId: null,
  rackId: null,
  clientId: '',
  clientHost: '',
  topics: [],
  expression: '',
  rebalanceTimeoutMs: -1,
  assignor: null,
  classic: null,
  epoch: joinEpoch,
  previousEpoch: -1,
  state: memberState.stable,
  assigned: nothingOwned,
  revoking: nothingOwned,
})

export const sortedTopics = (topics: readonly string[]): readonly string[] => [...new Set(topics)].sort()

/** Has reached this epoch of the target assignment, and owns all of it. */
export const isReconciled = ({ state, epoch }: ConsumerMember, targetEpoch: number): boolean =>
  state === memberState.stable && epoch === targetEpoch

export const atEpoch = (member: ConsumerMember, epoch: number): ConsumerMember => ({ ...member, epoch, previousEpoch: member.epoch })

/** The record of a member's subscription and identity. */
export const memberValue = (member: ConsumerMember): ConsumerGroupMemberMetadataValue => ({
  instanceId: member.instanceId,
  rackId: member.rackId,
  clientId: member.clientId,
  clientHost: member.clientHost,
  subscribedTopicNames: [...member.topics],
  subscribedTopicRegex: member.expression,
  rebalanceTimeoutMs: member.rebalanceTimeoutMs,
  serverAssignor: member.assignor,
  classicMemberMetadata: member.classic,
})

export const withMemberValue = (member: ConsumerMember, value: ConsumerGroupMemberMetadataValue): ConsumerMember => ({
  ...member,
  instanceId: value.instanceId,
  rackId: value.rackId,
  clientId: value.clientId,
  clientHost: value.clientHost,
  topics: sortedTopics(value.subscribedTopicNames),
  expression: value.subscribedTopicRegex ?? '',
  rebalanceTimeoutMs: value.rebalanceTimeoutMs,
  assignor: value.serverAssignor,
  classic: value.classicMemberMetadata,
})

/** The record of a member's current assignment. */
export const currentValue = (member: ConsumerMember): ConsumerGroupCurrentMemberAssignmentValue => ({
  memberEpoch: member.epoch,
  previousMemberEpoch: member.previousEpoch,
  state: member.state,
  assignedPartitions: ownedValue(member.assigned),
  partitionsPendingRevocation: ownedValue(member.revoking),
})

export const withCurrentValue = (member: ConsumerMember, value: ConsumerGroupCurrentMemberAssignmentValue): ConsumerMember => ({
  ...member,
  epoch: value.memberEpoch,
  previousEpoch: value.previousMemberEpoch,
  state: value.state,
  assigned: ownedOf(value.assignedPartitions, value.memberEpoch),
  revoking: ownedOf(value.partitionsPendingRevocation, value.memberEpoch),
})

type OwnedRows = ConsumerGroupCurrentMemberAssignmentValue['assignedPartitions']

const ownedValue = (owned: Owned): OwnedRows =>
  Array.from(owned, ([topicId, each]) => {
    const rows = [...each].sort(([a], [b]) => a - b)
    return { topicId, partitions: rows.map(([partition]) => partition), assignmentEpochs: rows.map(([, epoch]) => epoch) }
  })

/** Older records do not contain the epoch in which a partition was assigned; it then counts as newly assigned. */
function ownedOf(rows: OwnedRows, memberEpoch: number): Owned {
  const builder = new OwnedBuilder()
  for (const { topicId, partitions, assignmentEpochs } of rows) {
    partitions.forEach((partition, index) => {
      builder.add(topicId, partition, assignmentEpochs?.[index] ?? memberEpoch)
    })
  }
  return builder.owned
}

/** Whether subscription and identity are equal. */
export function isUnchanged(a: ConsumerMember, b: ConsumerMember): boolean {
  return (
    a.instanceId === b.instanceId &&
    a.rackId === b.rackId &&
    a.clientId === b.clientId &&
    a.clientHost === b.clientHost &&
    a.expression === b.expression &&
    a.rebalanceTimeoutMs === b.rebalanceTimeoutMs &&
    a.assignor === b.assignor &&
    equalTopics(a.topics, b.topics) &&
    equalClassic(a.classic, b.classic)
  )
}

export const equalTopics = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((name, index) => name === b[index]))

function equalClassic(a: ClassicSide | null, b: ClassicSide | null): boolean {
  if (a === null || b === null) return a === b
  if (a.sessionTimeoutMs !== b.sessionTimeoutMs || a.supportedProtocols.length !== b.supportedProtocols.length) return false
  return a.supportedProtocols.every(({ name, metadata }, index) => {
    const other = b.supportedProtocols[index]!
    return name === other.name && metadata.equals(other.metadata)
  })
}
