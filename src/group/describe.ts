import { errors } from '../wire/errors.ts'
import type { ClassicGroup } from './classic/classic-group.ts'
import { metadataOf, noBytes } from './classic/classic-member.ts'
import type { ConsumerGroup } from './consumer/consumer-group.ts'
import type { ConsumerMember } from './consumer/consumer-member.ts'
import type { DescribedConsumerGroup, DescribedGroup, ListedGroup, NamedPartitions } from './messages.ts'
import { type AnyPartitions, fromPartitions, type Owned, OwnedBuilder } from './partitions.ts'
import type { Group } from './state.ts'
import type { Step } from './step.ts'

/** The protocol and the subscriptions of members are returned for a stable group only. */
export function describe(group: ClassicGroup): DescribedGroup {
  const isStable = group.state === 'Stable'
  return {
    error: errors.NONE,
    message: null,
    state: group.state,
    protocolType: group.protocolType ?? '',
    protocolName: isStable ? (group.protocolName ?? '') : '',
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: isStable ? metadataOf(member, group.protocolName) : noBytes,
      assignment: member.assignment,
    })),
  }
}

export const unknownGroup = (groupId: string): DescribedGroup => ({
  error: errors.GROUP_ID_NOT_FOUND,
  message: `Group ${groupId} not found.`,
  state: 'Dead',
  protocolType: '',
  protocolName: '',
  members: [],
})

/** Topics that no longer exist are left out. */
export function describeConsumers({ topics, limits }: Step, group: ConsumerGroup): DescribedConsumerGroup {
  const named = (partitions: AnyPartitions): NamedPartitions[] =>
    fromPartitions(partitions).flatMap((row) => {
      const topic = topics.withId(row.topicId)
      return topic === undefined ? [] : [{ ...row, topicName: topic.name }]
    })
  return {
    error: errors.NONE,
    message: null,
    state: group.state,
    epoch: group.epoch,
    assignmentEpoch: group.assignmentEpoch,
    assignor: group.requestedAssignor ?? limits.assignors[0]!,
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.epoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      topics: member.topics,
      expression: member.expression,
      assigned: named(withRevoking(member)),
      target: named(group.targetOf(member.memberId)),
      isClassic: member.classic !== null,
    })),
  }
}

/** Partitions that a member has not released yet count as its own. */
function withRevoking({ assigned, revoking }: ConsumerMember): Owned {
  const all = new OwnedBuilder()
  all.addAll(assigned)
  all.addAll(revoking)
  return all.owned
}

export const unknownConsumers = (groupId: string): DescribedConsumerGroup => ({
  error: errors.GROUP_ID_NOT_FOUND,
  message: `Consumer group ${groupId} not found.`,
  state: '',
  epoch: 0,
  assignmentEpoch: 0,
  assignor: '',
  members: [],
})

export const listed = ({ groupId, protocolType, state, type }: Group): ListedGroup => ({
  groupId,
  protocolType: protocolType ?? '',
  state,
  type,
})
