import type { KeyAndValue } from '../coordinator/machine.ts'
import { codec } from '../wire/codec.ts'
import {
  GroupMetadataKey,
  GroupMetadataValue,
  LegacyOffsetCommitKey,
  OffsetCommitKey,
  OffsetCommitValue,
} from '../wire/internal/group-classic.ts'
import {
  ConsumerGroupCurrentMemberAssignmentKey,
  ConsumerGroupCurrentMemberAssignmentValue,
  ConsumerGroupMemberMetadataKey,
  ConsumerGroupMemberMetadataValue,
  ConsumerGroupMetadataKey,
  ConsumerGroupMetadataValue,
  ConsumerGroupPartitionMetadataKey,
  ConsumerGroupPartitionMetadataValue,
  ConsumerGroupRegularExpressionKey,
  ConsumerGroupRegularExpressionValue,
  ConsumerGroupTargetAssignmentMemberKey,
  ConsumerGroupTargetAssignmentMemberValue,
  ConsumerGroupTargetAssignmentMetadataKey,
  ConsumerGroupTargetAssignmentMetadataValue,
} from '../wire/internal/group-consumer.ts'
import { Reader } from '../wire/reader.ts'
import type { Fields, Message, Wire } from '../wire/schema.ts'
import { Writer } from '../wire/writer.ts'

/** Committed offset of a partition, as recorded. */
export type CommittedOffset = Readonly<OffsetCommitValue>

/** Record types of the offsets topic. A null value is a tombstone of the offset or the group. */
export type GroupRecord =
  | {
      readonly type: 'offset'
      readonly groupId: string
      readonly topic: string
      readonly partition: number
      readonly value: CommittedOffset | null
    }
  | { readonly type: 'classicGroup'; readonly groupId: string; readonly value: GroupMetadataValue | null }
  | ConsumerRecord

/** Of consumer groups (KIP-848). Those with a member id describe one member. */
export type ConsumerRecord =
  | { readonly type: 'consumerGroup'; readonly groupId: string; readonly value: ConsumerGroupMetadataValue | null }
  | { readonly type: 'consumerTopics'; readonly groupId: string; readonly value: null }
  | {
      readonly type: 'consumerMember'
      readonly groupId: string
      readonly memberId: string
      readonly value: ConsumerGroupMemberMetadataValue | null
    }
  | { readonly type: 'consumerTargetEpoch'; readonly groupId: string; readonly value: ConsumerGroupTargetAssignmentMetadataValue | null }
  | {
      readonly type: 'consumerTarget'
      readonly groupId: string
      readonly memberId: string
      readonly value: ConsumerGroupTargetAssignmentMemberValue | null
    }
  | {
      readonly type: 'consumerCurrent'
      readonly groupId: string
      readonly memberId: string
      readonly value: ConsumerGroupCurrentMemberAssignmentValue | null
    }
  | {
      readonly type: 'consumerExpression'
      readonly groupId: string
      readonly regularExpression: string
      readonly value: ConsumerGroupRegularExpressionValue | null
    }

/** The versions that Kafka 4.3 writes. Only the first version of a commit has an expiry time. */
const versions = { offset: 4, expiringOffset: 1, group: 3, consumer: 0 } as const
const keyVersion = 0
const noTime = -1n
const recordBytesMax = 128 << 20

export function encodeGroupRecord(record: GroupRecord): KeyAndValue {
  const { groupId: group } = record
  switch (record.type) {
    case 'offset': {
      const { topic, partition, value } = record
      const key = pack(OffsetCommitKey.key!, OffsetCommitKey, keyVersion, { group, topic, partition })
      return { key, value: value && packed(OffsetCommitValue, offsetVersion(value), value) }
    }
    case 'classicGroup': {
      const key = pack(GroupMetadataKey.key!, GroupMetadataKey, keyVersion, { group })
      return { key, value: record.value && packed(GroupMetadataValue, versions.group, record.value) }
    }
    default: {
      const { key, value } = consumerTables[record.type]
      const named = pack(key.key!, key, keyVersion, record)
      return { key: named, value: record.value && packed(value, versions.consumer, record.value) }
    }
  }
}

/** A key names the group, and the part of it that the record describes. */
interface ConsumerTables {
  readonly key: Message
  readonly value: Message
}

const consumerTables = {
  consumerGroup: { key: ConsumerGroupMetadataKey, value: ConsumerGroupMetadataValue },
  consumerTopics: { key: ConsumerGroupPartitionMetadataKey, value: ConsumerGroupPartitionMetadataValue },
  consumerMember: { key: ConsumerGroupMemberMetadataKey, value: ConsumerGroupMemberMetadataValue },
  consumerTargetEpoch: { key: ConsumerGroupTargetAssignmentMetadataKey, value: ConsumerGroupTargetAssignmentMetadataValue },
  consumerTarget: { key: ConsumerGroupTargetAssignmentMemberKey, value: ConsumerGroupTargetAssignmentMemberValue },
  consumerCurrent: { key: ConsumerGroupCurrentMemberAssignmentKey, value: ConsumerGroupCurrentMemberAssignmentValue },
  consumerExpression: { key: ConsumerGroupRegularExpressionKey, value: ConsumerGroupRegularExpressionValue },
} as unknown as Readonly<Record<ConsumerRecord['type'], ConsumerTables>>

/** By the number at the start of a key. */
const consumerTypes: ReadonlyMap<number, readonly [type: string, tables: ConsumerTables]> = new Map(
  Object.entries(consumerTables).map(([type, tables]) => [tables.key.key!, [type, tables]]),
)

/** A record that cannot be encoded is rejected before any state depends on it. */
export function isTooLarge(record: GroupRecord, bytesMax: number): boolean {
  const { key, value } = encodeGroupRecord(record)
  return key.length + (value?.length ?? 0) > bytesMax
}

const offsetVersion = (value: CommittedOffset): number => (value.expireTimestamp === noTime ? versions.offset : versions.expiringOffset)

/** Undefined for an unsupported record type: it belongs to another type of group. Throws MalformedMessage. */
export function decodeGroupRecord(key: Buffer, value: Buffer | null): GroupRecord | undefined {
  const reader = new Reader(key)
  const type = reader.int16()
  if (type === LegacyOffsetCommitKey.key || type === OffsetCommitKey.key) {
    const { group, topic, partition } = codec(OffsetCommitKey, keyVersion).read(reader)
    return { type: 'offset', groupId: group, topic, partition, value: value && unpacked(OffsetCommitValue, value) }
  }
  const consumer = consumerTypes.get(type)
  if (consumer !== undefined) {
    const [named, tables] = consumer
    // Values of a type that is no longer written are not decoded.
    const about = named === 'consumerTopics' ? null : value && unpacked(tables.value, value)
    return { type: named, ...codec(tables.key, keyVersion).read(reader), value: about } as unknown as ConsumerRecord
  }
  if (type !== GroupMetadataKey.key) return undefined
  const { group } = codec(GroupMetadataKey, keyVersion).read(reader)
  return { type: 'classicGroup', groupId: group, value: value && unpacked(GroupMetadataValue, value) }
}

/** A value and its version. */
const packed = <F extends Fields>(table: Message<F>, version: number, value: Wire<Message<F>>): Buffer =>
  pack(version, table, version, value)

function pack<F extends Fields>(head: number, table: Message<F>, version: number, value: Wire<Message<F>>): Buffer {
  const writer = new Writer(Buffer.allocUnsafeSlow(256), recordBytesMax)
  writer.int16(head)
  codec(table, version).write(writer, value)
  return writer.finished()
}

function unpacked<F extends Fields>(table: Message<F>, value: Buffer): Wire<Message<F>> {
  const reader = new Reader(value)
  return codec(table, reader.int16()).read(reader)
}
