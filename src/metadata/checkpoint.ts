import type { OffsetAndEpoch } from '../ports/raft-log.ts'
import { buildControlBatch, type ControlRecord } from '../wire/control-batches.ts'
import type { VotersRecord } from '../wire/internal/control-records.ts'
import { placeBatch, readRaftBatches } from '../wire/raft-batches.ts'
import { decodeBatch, encodeValues, isControlBatch, valuesOf } from './batches.ts'
import { DamagedRecord } from './fields.ts'

/** A snapshot of the image in a file: `%020d-%010d.checkpoint`, named by the end offset and the epoch of its contents. */
export interface Checkpoint {
  /** Of the last record that it contains, in milliseconds since 1970. */
  readonly lastContainedLogTimestamp: number
  /** Null in a checkpoint of an image that has no voters yet. */
  readonly voters: VotersRecord['voters'] | null
  readonly kraftVersion: number
  /** Encoded metadata records, which produce the image. */
  readonly records: readonly Uint8Array[]
}

const batchBytesMax = 1 << 20
const batchRecordsMax = 1000
/** Of a record in its batch, besides the value: length, attributes, deltas, key, header count. */
const recordOverheadMax = 20

/** The bootstrap checkpoint: what the first leader of a cluster appends to its log. Never sent to another replica. */
export const bootstrapId: OffsetAndEpoch = { offset: 0, epoch: 0 }

export const checkpointName = ({ offset, epoch }: OffsetAndEpoch): string =>
  `${String(offset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}.checkpoint`

/** Undefined if the name is not that of a checkpoint. */
export function checkpointIdOf(name: string): OffsetAndEpoch | undefined {
  const [, offset, epoch] = /^(\d{20})-(\d{10})\.checkpoint$/.exec(name) ?? []
  const id = { offset: Number(offset), epoch: Number(epoch) }
  return offset !== undefined && Number.isSafeInteger(id.offset) ? id : undefined
}

/** The batches of a checkpoint, one at a time. Their offsets start at 0, and their epoch is that of the checkpoint. */
export function* checkpointBatches({ epoch }: OffsetAndEpoch, checkpoint: Checkpoint): Generator<Buffer> {
  const { lastContainedLogTimestamp: timestamp, voters, kraftVersion, records } = checkpoint
  let offset = 0
  const place = (bytes: Buffer): Buffer => {
    const batch = placeBatch(bytes, offset, epoch)
    offset = batch.endOffset
    return bytes
  }
  const head: ControlRecord[] = [
    { type: 'snapshotHeader', value: { version: 0, lastContainedLogTimestamp: BigInt(timestamp) } },
    { type: 'kraftVersion', value: { version: 0, kRaftVersion: kraftVersion } },
  ]
  if (voters !== null) head.push({ type: 'kraftVoters', value: { version: 0, voters } })
  yield place(buildControlBatch(head, timestamp))
  for (let first = 0, next = 0; first < records.length; first = next) {
    let bytes = 0
    for (next = first; next < records.length && next - first < batchRecordsMax; next++) {
      bytes += records[next]!.length + recordOverheadMax
      if (next > first && bytes > batchBytesMax) break
    }
    yield place(encodeValues(records.slice(first, next), timestamp))
  }
  yield place(buildControlBatch([{ type: 'snapshotFooter', value: { version: 0 } }], timestamp))
}

/** Throws DamagedRecord, with the position, unless the bytes are a whole checkpoint with this id. */
export function readCheckpoint({ epoch }: OffsetAndEpoch, bytes: Buffer): Checkpoint {
  const { batches, bytes: end, because } = readRaftBatches(bytes, { offset: 0, epoch })
  if (because !== undefined) throw new DamagedRecord(`damaged at byte ${end}: ${because}`)
  const records: Uint8Array[] = []
  const control: ControlRecord[] = []
  batches.forEach((batch, index) => {
    if (batch.epoch !== epoch) throw new DamagedRecord(`batch ${index} has epoch ${batch.epoch}, expected ${epoch}`)
    if (!isControlBatch(batch.bytes)) for (const value of valuesOf(batch)) records.push(value)
    else if (index === 0 || index === batches.length - 1) control.push(...(decodeBatch(batch).records as ControlRecord[]))
    else throw new DamagedRecord(`batch ${index} is a control batch: expected one at the start and one at the end`)
  })
  const [header] = control
  if (header?.type !== 'snapshotHeader') throw new DamagedRecord('no snapshot header at byte 0')
  if (control.at(-1)?.type !== 'snapshotFooter') throw new DamagedRecord(`no snapshot footer before byte ${end}: the file is incomplete`)
  return {
    lastContainedLogTimestamp: Number(header.value.lastContainedLogTimestamp),
    voters: control.find((record) => record.type === 'kraftVoters')?.value.voters ?? null,
    kraftVersion: control.find((record) => record.type === 'kraftVersion')?.value.kRaftVersion ?? 0,
    records,
  }
}
