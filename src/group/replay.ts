import { ClassicGroup, classicGroupOf } from './classic/classic-group.ts'
import { ConsumerGroup } from './consumer/consumer-group.ts'
import type { ConsumerRecord, GroupRecord } from './records.ts'
import type { GroupState } from './state.ts'

/** Applies a record from the log. Tombstones of a group that does not exist are ignored. */
export function replay(state: GroupState, record: GroupRecord): void {
  const { groupId } = record
  const known = state.groups.get(groupId)
  switch (record.type) {
    case 'offset':
      if (record.value !== null && known === undefined) state.groups.set(groupId, new ClassicGroup(groupId, -1))
      state.offsets.set(groupId, record.topic, record.partition, record.value)
      return
    case 'classicGroup':
      if (record.value !== null) state.groups.set(groupId, classicGroupOf(groupId, record.value))
      else if (known?.type === 'classic') state.groups.delete(groupId)
      return
    default:
      replayConsumer(state, record)
  }
}

/** Offsets of a group may precede the record that makes it a consumer group. */
function replayConsumer({ groups }: GroupState, record: ConsumerRecord): void {
  const { groupId } = record
  const known = groups.get(groupId)
  const consumers = known?.type === 'consumer' ? known : undefined
  if (record.type === 'consumerGroup' && record.value === null) {
    if (consumers !== undefined) groups.delete(groupId)
  } else if (consumers !== undefined) consumers.apply(record)
  else if (record.value !== null) {
    const group = new ConsumerGroup(groupId)
    groups.set(groupId, group)
    group.apply(record)
  }
}
