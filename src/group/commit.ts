import { errors, type KafkaError } from '../wire/errors.ts'
import type { ClassicGroup } from './classic-group.ts'
import { memberRefusal } from './classic-members.ts'
import { extendSession } from './classic-rebalance.ts'
import type { Asking } from './messages.ts'
import { type CommittedOffset, isExpired, type Offsets } from './offsets.ts'
import type { GroupRecord } from './records.ts'
import { type Refusal, type Step, write } from './step.ts'

type Commit = Asking<'commit'>

/** Why a commit is not taken. Without a generation it comes from outside the group, and counts while nobody is inside. */
export function commitRefusal(group: ClassicGroup, ask: Commit): Refusal {
  if (ask.generation < 0 && group.state === 'Empty') return undefined
  if (ask.generation < 0 && ask.memberId === '' && ask.instanceId === null) return errors.UNKNOWN_MEMBER_ID
  const refusal = memberRefusal(group, ask)
  if (refusal !== undefined) return refusal
  if (ask.generation !== group.generation) return errors.ILLEGAL_GENERATION
  return group.state === 'CompletingRebalance' ? errors.REBALANCE_IN_PROGRESS : undefined
}

/** Keeps what was committed; an error for each offset. A commit of a member shows that it is alive. */
export function commit(step: Step, group: ClassicGroup, offsets: Offsets, ask: Commit): KafkaError[] {
  const { groupId } = ask
  const member = group.members.get(ask.memberId)
  if (member !== undefined && group.state !== 'Empty') extendSession(step, group, member)
  const commitTimestamp = BigInt(step.now)
  const expireTimestamp = ask.retentionTimeMs < 0n ? -1n : commitTimestamp + ask.retentionTimeMs
  const records: GroupRecord[] = []
  const answered = ask.offsets.map(({ topic, partition, topicId, offset, leaderEpoch, metadata }) => {
    if (metadata !== null && metadata.length > step.limits.metadataBytesMax) return errors.OFFSET_METADATA_TOO_LARGE
    const value: CommittedOffset = { offset, leaderEpoch, metadata: metadata ?? '', commitTimestamp, expireTimestamp, topicId }
    offsets.set(groupId, topic, partition, value)
    records.push({ type: 'offset', groupId, topic, partition, value })
    return errors.NONE
  })
  write(step, groupId, records)
  return answered
}

/** Offsets can be forgotten for topics that nobody in the group reads. */
export function deleteOffsets(
  step: Step,
  group: ClassicGroup,
  offsets: Offsets,
  { groupId, partitions }: Asking<'deleteOffsets'>,
): KafkaError | KafkaError[] {
  if (group.state !== 'Empty' && !group.usesConsumerProtocol) return errors.NON_EMPTY_GROUP
  const answered = partitions.map(({ topic }) => (group.isSubscribedTo(topic) ? errors.GROUP_SUBSCRIBED_TO_TOPIC : errors.NONE))
  const asked = new Set(partitions.map(({ topic, partition }) => `${topic}:${partition}`))
  const isGone = (topic: string, partition: number): boolean => asked.has(`${topic}:${partition}`) && !group.isSubscribedTo(topic)
  write(step, groupId, offsets.drop(groupId, isGone))
  return answered
}

/** The records that forget what nobody has needed for long. Offsets that members may still need stay. */
export function expireOffsets(step: Step, group: ClassicGroup, offsets: Offsets): GroupRecord[] {
  const from = retentionStart(group)
  if (from === undefined) return []
  const { now, limits } = step
  return offsets.drop(
    group.groupId,
    (topic, _, value) => !group.isSubscribedTo(topic) && isExpired(value, from(value), now, limits.offsetsRetentionMs),
  )
}

/** Since when an offset is not needed; undefined where none may go. */
function retentionStart(group: ClassicGroup): ((value: CommittedOffset) => number) | undefined {
  const committed = (value: CommittedOffset): number => Number(value.commitTimestamp)
  if (group.protocolType === null) return committed
  if (group.state === 'Empty') return group.stateSince < 0 ? committed : () => group.stateSince
  return group.state === 'Stable' && group.usesConsumerProtocol && group.subscribed !== undefined ? committed : undefined
}
