import { errors, type KafkaError } from '../../wire/errors.ts'
import type { ClassicGroup } from '../classic/classic-group.ts'
import { memberError } from '../classic/classic-members.ts'
import { extendSession } from '../classic/classic-rebalance.ts'
import type { ConsumerGroup } from '../consumer/consumer-group.ts'
import type { RequestOf } from '../messages.ts'
import type { CommittedOffset, GroupRecord } from '../records.ts'
import type { Group } from '../state.ts'
import { type OptionalError, type Step, write } from '../step.ts'
import { isExpired, type Offsets } from './offsets.ts'

type Commit = RequestOf<'commit'>

/** First version in which members of consumer groups send their epoch. */
const consumersCommitVersion = 9

/** Why a commit is rejected, for either type of group. */
export const commitError = (group: Group, request: Commit): OptionalError =>
  group.type === 'consumer' ? consumerCommitError(group, request) : classicCommitError(group, request)

/** A commit without a generation is from outside the group, and is accepted only while the group is empty. */
function classicCommitError(group: ClassicGroup, request: Commit): OptionalError {
  if (request.generation < 0 && group.state === 'Empty') return undefined
  if (request.generation < 0 && request.memberId === '' && request.instanceId === null) return errors.UNKNOWN_MEMBER_ID
  const error = memberError(group, request)
  if (error !== undefined) return error
  if (request.generation !== group.generation) return errors.ILLEGAL_GENERATION
  return group.state === 'CompletingRebalance' ? errors.REBALANCE_IN_PROGRESS : undefined
}

/**
 * A member may still send an older epoch if it has owned the partition since then: the response with its new epoch may be in flight. A
 * classic member may not.
 */
function consumerCommitError(group: ConsumerGroup, { memberId, generation, version, offsets }: Commit): OptionalError {
  if (generation < 0 && group.members.size === 0) return undefined
  const member = group.members.get(memberId)
  if (member === undefined) return errors.UNKNOWN_MEMBER_ID
  if (member.classic !== null) return generation === member.epoch ? undefined : errors.ILLEGAL_GENERATION
  if (version < consumersCommitVersion) return errors.UNSUPPORTED_VERSION
  if (generation === member.epoch) return undefined
  if (generation > member.epoch) return errors.STALE_MEMBER_EPOCH
  const sinceOf = ({ topicId, partition }: Commit['offsets'][number]): number =>
    member.assigned.get(topicId)?.get(partition) ?? member.revoking.get(topicId)?.get(partition) ?? Number.POSITIVE_INFINITY
  return offsets.every((offset) => generation >= sinceOf(offset)) ? undefined : errors.STALE_MEMBER_EPOCH
}

/** A request with a member id must come from a member, with its current epoch. */
export function fetchError(group: ConsumerGroup, { memberId, memberEpoch }: RequestOf<'fetch'>): OptionalError {
  if (memberId === null && memberEpoch < 0) return undefined
  const member = group.members.get(memberId ?? '')
  if (member === undefined) return errors.UNKNOWN_MEMBER_ID
  if (memberEpoch === member.epoch) return undefined
  return member.classic !== null ? errors.ILLEGAL_GENERATION : errors.STALE_MEMBER_EPOCH
}

/** Records the committed offsets; returns an error for each. A commit of a member starts its session again. */
export function commit(step: Step, group: Group, offsets: Offsets, request: Commit): KafkaError[] {
  const { groupId } = request
  if (group.type === 'classic') {
    const member = group.members.get(request.memberId)
    if (member !== undefined && group.state !== 'Empty') extendSession(step, group, member)
  }
  const commitTimestamp = BigInt(step.now)
  const expireTimestamp = request.retentionTimeMs < 0n ? -1n : commitTimestamp + request.retentionTimeMs
  const records: GroupRecord[] = []
  const results = request.offsets.map(({ topic, partition, topicId, offset, leaderEpoch, metadata }) => {
    if (metadata !== null && metadata.length > step.limits.metadataBytesMax) return errors.OFFSET_METADATA_TOO_LARGE
    const value: CommittedOffset = { offset, leaderEpoch, metadata: metadata ?? '', commitTimestamp, expireTimestamp, topicId }
    offsets.set(groupId, topic, partition, value)
    records.push({ type: 'offset', groupId, topic, partition, value })
    return errors.NONE
  })
  step.counts.offsetCommits += records.length
  write(step, records)
  return results
}

/** Offsets can expire for topics that no member of the group reads. */
export function deleteOffsets(
  step: Step,
  group: Group,
  offsets: Offsets,
  { groupId, partitions }: RequestOf<'deleteOffsets'>,
): KafkaError | KafkaError[] {
  if (group.type === 'classic' && group.state !== 'Empty' && !group.usesConsumerProtocol) return errors.NON_EMPTY_GROUP
  const results = partitions.map(({ topic }) => (group.isSubscribedTo(topic) ? errors.GROUP_SUBSCRIBED_TO_TOPIC : errors.NONE))
  const requested = new Set(partitions.map(({ topic, partition }) => `${topic}:${partition}`))
  const isRemoved = (topic: string, partition: number): boolean => requested.has(`${topic}:${partition}`) && !group.isSubscribedTo(topic)
  const records = offsets.drop(groupId, isRemoved)
  step.counts.offsetDeletions += records.length
  write(step, records)
  return results
}

/** Returns the tombstones of expired offsets. Offsets that members may still need stay. */
export function expireOffsets(step: Step, group: Group, offsets: Offsets): GroupRecord[] {
  const from = retentionStart(group)
  if (from === undefined) return []
  const { now, limits, counts } = step
  const records = offsets.drop(
    group.groupId,
    (topic, _, value) => !group.isSubscribedTo(topic) && isExpired(value, from(value), now, limits.offsetsRetentionMs),
  )
  counts.offsetExpirations += records.length
  return records
}

/** The time from which an offset's retention counts; undefined when no offset may expire. */
function retentionStart(group: Group): ((value: CommittedOffset) => number) | undefined {
  const committed = (value: CommittedOffset): number => Number(value.commitTimestamp)
  if (group.type === 'consumer' || group.protocolType === null) return committed
  if (group.state === 'Empty') return group.stateSince < 0 ? committed : () => group.stateSince
  return group.state === 'Stable' && group.usesConsumerProtocol && group.subscribed !== undefined ? committed : undefined
}
