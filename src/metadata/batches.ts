import type { RaftBatch } from '../ports/raft-log.ts'
import { buildBatch } from '../wire/batch-builder.ts'
import { type ControlRecord, readControlRecord } from '../wire/control-batches.ts'
import { MalformedMessage } from '../wire/primitives.ts'
import { raftBatchBytesMax } from '../wire/raft-batches.ts'
import { attribute, batchHeader, readBatchHeader } from '../wire/record-batch.ts'
import { RecordWalk } from '../wire/record-walk.ts'
import { DamagedRecord } from './fields.ts'
import { decodeRecord, encodeRecord, type MetadataRecord } from './records.ts'

/** Of one command, which is atomic. A command with more is rejected, or divided where each part is valid alone. */
export const commandRecordsMax = 10_000

/** The records of a command do not fit into one batch. */
export class OversizedCommand extends Error {}

/**
 * The records of one command as one batch, without offset and epoch. A record is the value of a batch record, without a key. `timestamp` is in
 * milliseconds since 1970. Throws OversizedCommand.
 */
export function encodeCommand(records: readonly MetadataRecord[], timestamp: number): Buffer {
  if (records.length > commandRecordsMax)
    throw new OversizedCommand(`A command of ${records.length} metadata records is invalid: at most ${commandRecordsMax} are allowed.`)
  return encodeValues(records.map(encodeRecord), timestamp)
}

/** As `encodeCommand`, of encoded records. */
export function encodeValues(values: readonly Uint8Array[], timestamp: number): Buffer {
  const time = BigInt(timestamp)
  const batch = buildBatch(values.map((value) => ({ timestamp: time, value: Buffer.from(value.buffer, value.byteOffset, value.length) })))
  if (batch.length > raftBatchBytesMax)
    throw new OversizedCommand(`A metadata batch of ${batch.length} bytes is invalid: at most ${raftBatchBytesMax} bytes are allowed.`)
  return batch
}

/** Contents of a batch. Control records of types of later releases are left out. */
export type BatchContents =
  | { readonly type: 'data'; readonly records: readonly MetadataRecord[] }
  | { readonly type: 'control'; readonly records: readonly ControlRecord[] }

/** Throws DamagedRecord, with the offset, for a record that cannot be read. */
export function decodeBatch({ bytes, baseOffset }: RaftBatch): BatchContents {
  if (!isControlBatch(bytes)) return { type: 'data', records: eachRecord(bytes, baseOffset, (walk) => decodeRecord(requiredValue(walk))) }
  const found = eachRecord(bytes, baseOffset, (walk) =>
    readControlRecord(walk.keyBytes < 0 ? null : walk.key(), walk.valueBytes < 0 ? null : walk.value()),
  )
  return { type: 'control', records: found.filter((record) => record !== undefined) }
}

/** The encoded metadata records of a data batch. */
export const valuesOf = ({ bytes, baseOffset }: RaftBatch): Uint8Array[] => eachRecord(bytes, baseOffset, requiredValue)

export const isControlBatch = (bytes: Buffer): boolean => (bytes.readInt16BE(batchHeader.attributes) & attribute.control) !== 0

function requiredValue(walk: RecordWalk): Buffer {
  if (walk.valueBytes < 0) throw new DamagedRecord('expected a value, found null')
  return walk.value()
}

function eachRecord<T>(bytes: Buffer, baseOffset: number, read: (walk: RecordWalk) => T): T[] {
  const { recordsCount } = readBatchHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0)
  const found: T[] = []
  try {
    const walk = new RecordWalk(bytes.subarray(batchHeader.bytes), recordsCount)
    while (walk.next()) {
      if (walk.offsetDelta !== found.length) throw new DamagedRecord(`expected offset delta ${found.length}, found ${walk.offsetDelta}`)
      found.push(read(walk))
    }
  } catch (error) {
    if (!(error instanceof DamagedRecord || error instanceof MalformedMessage)) throw error
    throw new DamagedRecord(`the record at offset ${baseOffset + found.length} cannot be read: ${error.message}`)
  }
  return found
}
