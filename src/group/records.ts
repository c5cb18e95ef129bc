import { codec } from '../wire/codec.ts'
import { Reader, Writer } from '../wire/cursor.ts'
import {
  GroupMetadataKey,
  GroupMetadataValue,
  LegacyOffsetCommitKey,
  OffsetCommitKey,
  OffsetCommitValue,
} from '../wire/internal/group-classic.ts'
import type { Fields, Message, Wire } from '../wire/schema.ts'
import type { CommittedOffset } from './offsets.ts'

/** What the offsets topic consists of. No value: the offset, or the group, is gone. */
export type GroupRecord =
  | {
      readonly type: 'offset'
      readonly groupId: string
      readonly topic: string
      readonly partition: number
      readonly value: CommittedOffset | null
    }
  | { readonly type: 'classicGroup'; readonly groupId: string; readonly value: GroupMetadataValue | null }

/** What Kafka 4.3 writes. A commit with a time to expire at fits the first version alone. */
const versions = { offset: 4, expiringOffset: 1, group: 3 } as const
const noTime = -1n
const recordBytesMax = 128 << 20

export interface KeyAndValue {
  readonly key: Buffer
  readonly value: Buffer | null
}

export function encodeGroupRecord(record: GroupRecord): KeyAndValue {
  const { groupId: group } = record
  switch (record.type) {
    case 'offset': {
      const { topic, partition, value } = record
      const key = pack(OffsetCommitKey.key!, OffsetCommitKey, 0, { group, topic, partition })
      return { key, value: value && packed(OffsetCommitValue, offsetVersion(value), value) }
    }
    case 'classicGroup': {
      const key = pack(GroupMetadataKey.key!, GroupMetadataKey, 0, { group })
      return { key, value: record.value && packed(GroupMetadataValue, versions.group, record.value) }
    }
  }
}

const offsetVersion = (value: CommittedOffset): number => (value.expireTimestamp === noTime ? versions.offset : versions.expiringOffset)

/** Undefined for a record of a type that this program does not know: it is another kind of group's. Throws MalformedMessage. */
export function decodeGroupRecord(key: Buffer, value: Buffer | null): GroupRecord | undefined {
  const reader = new Reader(key)
  const type = reader.int16()
  if (type === LegacyOffsetCommitKey.key || type === OffsetCommitKey.key) {
    const { group, topic, partition } = codec(OffsetCommitKey, 0).read(reader)
    return { type: 'offset', groupId: group, topic, partition, value: value && unpacked(OffsetCommitValue, value) }
  }
  if (type !== GroupMetadataKey.key) return undefined
  const { group } = codec(GroupMetadataKey, 0).read(reader)
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
