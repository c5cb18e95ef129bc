import { assert } from '../../base/assert.ts'
import { errors } from '../../wire/errors.ts'
import { ClassicGroup } from '../classic/classic-group.ts'
import { extendSession, joinError, prepareRebalance, respondJoin, respondSync, syncError } from '../classic/classic-rebalance.ts'
import { assignmentFrom, subscriptionOf } from '../classic/embedded-protocol.ts'
import { consumerProtocolType } from '../classic/subscription.ts'
import { ownedAt, type Partitions } from '../partitions.ts'
import { type ConsumerRecord, isTooLarge } from '../records.ts'
import { joinKey, type Step, sessionKey, syncKey, write } from '../step.ts'
import { targetBytes } from './consumer-classic.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { type ConsumerMember, memberState, newMember, sortedTopics } from './consumer-member.ts'
import {
  cancelTimers,
  currentRecord,
  epochRecord,
  extendConsumerSession,
  groupTombstones,
  memberRecord,
  targetEpochRecord,
  targetRecord,
} from './consumer-steps.ts'
import { metadataHash } from './metadata-hash.ts'
import { mayDowngrade, mayUpgrade } from './migration-policy.ts'

interface Moved {
  readonly member: ConsumerMember
  readonly target: Partitions
}

/** The members of a classic group converted to consumer group members; undefined where that is not possible. */
export function upgradable(step: Step, group: ClassicGroup): Moved[] | undefined {
  if (!mayUpgrade(step.limits.migration) || !group.usesConsumerProtocol || group.members.size > step.limits.consumersMax) return undefined
  const moved: Moved[] = []
  const owned = new Set<string>()
  for (const { protocols, assignment, ...member } of group.members.values()) {
    const chosen = protocols.find(({ name }) => name === group.protocolName) ?? protocols[0]
    const subscription = chosen && subscriptionOf(chosen.metadata)
    const target = assignmentFrom(assignment, step.topics)
    if (subscription === undefined || target === undefined) return undefined
    // Classic members are responsible for their own assignment, which may overlap; here a partition has one owner.
    for (const [topicId, partitions] of target) {
      for (const partition of partitions) {
        const part = `${topicId}:${partition}`
        if (owned.has(part)) return undefined
        owned.add(part)
      }
    }
    const response: ConsumerMember = {
      ...newMember(member.memberId),
      instanceId: member.instanceId,
      rackId: subscription.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      topics: sortedTopics(subscription.topics),
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      classic: {
        sessionTimeoutMs: member.sessionTimeoutMs,
        supportedProtocols: protocols.map(({ name, metadata }) => ({ name, metadata })),
      },
      epoch: group.generation,
      previousEpoch: group.generation,
      state: memberState.stable,
      assigned: ownedAt(target, group.generation),
    }
    if (isTooLarge(memberRecord(group, response), step.limits.recordBytesMax)) return undefined
    moved.push({ member: response, target })
  }
  return moved
}

/** The group becomes a consumer group, with its members as classic members. Members with waiting requests must join again. */
export function upgrade(step: Step, group: ClassicGroup, moved: readonly Moved[]): ConsumerGroup {
  const { groupId, generation } = group
  for (const member of group.members.values()) {
    respondJoin(step, member, joinError(errors.REBALANCE_IN_PROGRESS, member.memberId))
    respondSync(step, member, syncError(errors.REBALANCE_IN_PROGRESS))
  }
  for (const key of [joinKey(groupId), syncKey(groupId)]) step.timers.cancel(key)
  for (const memberId of group.pendingJoins) step.timers.cancel(sessionKey(groupId, memberId))
  const consumers = new ConsumerGroup(groupId)
  for (const { member } of moved) consumers.apply(memberRecord(consumers, member))
  const records: ConsumerRecord[] = [
    ...moved.map(({ member }) => memberRecord(consumers, member)),
    epochRecord(consumers, generation, metadataHash(consumers.subscribedTopics(), step.topics)),
    ...moved.map(({ member, target }) => targetRecord(consumers, member.memberId, target)),
    targetEpochRecord(consumers, generation, 0),
    ...moved.map(({ member }) => currentRecord(consumers, member)),
  ]
  for (const record of records) consumers.apply(record)
  write(step, [{ type: 'classicGroup', groupId, value: null }, ...records])
  for (const member of consumers.members.values()) extendConsumerSession(step, consumers, member)
  return consumers
}

/** Whether only classic members, `count` of them, remain when these leave or are replaced by classic ones. */
export function isDowngrade(step: Step, group: ConsumerGroup, leaving: ReadonlySet<string>, count: number): boolean {
  const consumers = [...group.members.values()].filter(({ classic }) => classic === null)
  if (consumers.length === 0 || !consumers.every(({ memberId }) => leaving.has(memberId))) return false
  return count > 0 && mayDowngrade(step.limits.migration) && count <= step.limits.membersMax
}

/** The group becomes classic, with its classic members except those that leave. Undefined where they are too many for one record. */
export function downgrade(step: Step, group: ConsumerGroup, leaving: ReadonlySet<string> = new Set()): ClassicGroup | undefined {
  const { groupId, epoch, members } = group
  const classic = new ClassicGroup(groupId, step.now)
  for (const member of members.values()) {
    if (member.classic === null || leaving.has(member.memberId)) continue
    classic.add({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeoutMs: member.classic.sessionTimeoutMs,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      protocolType: consumerProtocolType,
      protocols: member.classic.supportedProtocols,
      assignment: targetBytes(step, group.targetOf(member.memberId), member),
      joining: undefined,
      syncing: undefined,
      isNew: false,
    })
  }
  assert(classic.members.size > 0, 'only a group with classic members is downgraded')
  classic.generation = epoch
  classic.protocolName = classic.selectProtocol()
  classic.subscribed = classic.subscribedTopics()
  classic.moveTo('Stable', step.now)
  const record = { type: 'classicGroup', groupId, value: classic.value } as const
  if (isTooLarge(record, step.limits.recordBytesMax)) return undefined
  for (const memberId of members.keys()) cancelTimers(step, groupId, memberId)
  write(step, [...groupTombstones(group), record])
  for (const member of classic.members.values()) extendSession(step, classic, member)
  return classic
}

/** Members of a group that was downgraded because a member left need a new assignment. */
export const rebalanceAfterDowngrade = (step: Step, group: ClassicGroup): void => prepareRebalance(step, group)
