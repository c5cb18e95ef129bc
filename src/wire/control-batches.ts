import { buildBatch, type ControlType, controlKey, controlTypeOf, type NewRecord } from './batch-builder.ts'
import { decode, encode } from './codec.ts'
import {
  KRaftVersionRecord,
  LeaderChangeMessage,
  SnapshotFooterRecord,
  SnapshotHeaderRecord,
  VotersRecord,
} from './internal/control-records.ts'
import { MalformedMessage } from './primitives.ts'
import { attribute } from './record-batch.ts'

/** A control record of Raft. `version` of its value is the version of the message that encodes it. */
export type ControlRecord =
  | { readonly type: 'leaderChange'; readonly value: LeaderChangeMessage }
  | { readonly type: 'snapshotHeader'; readonly value: SnapshotHeaderRecord }
  | { readonly type: 'snapshotFooter'; readonly value: SnapshotFooterRecord }
  | { readonly type: 'kraftVersion'; readonly value: KRaftVersionRecord }
  | { readonly type: 'kraftVoters'; readonly value: VotersRecord }

const tables = {
  leaderChange: LeaderChangeMessage,
  snapshotHeader: SnapshotHeaderRecord,
  snapshotFooter: SnapshotFooterRecord,
  kraftVersion: KRaftVersionRecord,
  kraftVoters: VotersRecord,
} as const satisfies { readonly [T in ControlRecord['type']]: unknown }

/**
 * Kafka 4.3.1 writes and reads this version of LeaderChange with any `kraft.version`: its voters have no directory ids. Version 1 is only read.
 */
export const leaderChangeVersion = 0
const versionsMax: { readonly [T in ControlRecord['type']]: number } = {
  leaderChange: 1,
  snapshotHeader: 0,
  snapshotFooter: 0,
  kraftVersion: 0,
  kraftVoters: 0,
}

/** One control batch, without offset and epoch. `timestamp` is in milliseconds since 1970. */
export function buildControlBatch(records: readonly ControlRecord[], timestamp: number): Buffer {
  const rows = records.map(
    (record): NewRecord => ({ timestamp: BigInt(timestamp), key: controlKey(record.type), value: encodeValue(record) }),
  )
  return buildBatch(rows, { attributes: attribute.control })
}

function encodeValue({ type, value }: ControlRecord): Buffer {
  return Buffer.from(encode(tables[type] as typeof SnapshotFooterRecord, value.version, value))
}

const isRaftType = (type: ControlType | undefined): type is ControlRecord['type'] => type !== undefined && Object.hasOwn(tables, type)

/** Undefined for a type of a later release, which readers skip. Throws MalformedMessage for a value that does not match its type. */
export function readControlRecord(key: Buffer | null, value: Buffer | null): ControlRecord | undefined {
  const type = controlTypeOf(key)
  if (!isRaftType(type)) return undefined
  if (value === null || value.length < 2) throw new MalformedMessage(`expected a value of ${type}, found ${value?.length ?? 'no'} bytes`)
  const version = value.readInt16BE(0)
  if (version < 0 || version > versionsMax[type]) throw new MalformedMessage(`version ${version} of ${type} is not supported`)
  return { type, value: decode(tables[type] as typeof SnapshotFooterRecord, version, value) } as ControlRecord
}
