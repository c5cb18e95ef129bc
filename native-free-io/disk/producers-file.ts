import { readFile } from 'node:fs/promises'
import { Packr } from 'msgpackr/pack'
import type { ProducerSnapshot } from '../../src/partition/producer-state.ts'
import type { PartitionId } from '../../src/ports.ts'
import { crc32c } from '../../src/wire/crc32c.ts'
import { StartRefused } from '../process/start-refused.ts'
import type { DiskRoom } from './disk-room.ts'
import { replaceFile } from './durable-file.ts'

const packr = new Packr({ useRecords: false })
const crcBytes = 4

export type ProducerSnapshots = readonly (readonly [PartitionId, readonly ProducerSnapshot[]])[]

/** What is saved, and read again. */
export interface SavedProducers {
  /** Null in a snapshot of a release that had none. */
  readonly foundingId: string | null
  /** The write-ahead log ended here when the snapshot was taken. */
  readonly position: number
  readonly streams: ProducerSnapshots
}

/** Where the producers are kept whose batches are not in the write-ahead log any more. */
export interface ProducersHome {
  save(streams: ProducerSnapshots, position: number): Promise<void>
  /** As the last trim left them; undefined before the first. */
  load(): Promise<SavedProducers | undefined>
}

export const producersFile = (path: string, foundingId: string, room: DiskRoom): ProducersHome => ({
  save: (streams, position) => room.untilWritten(path, () => replaceFile(path, encodeProducers({ foundingId, position, streams }))),
  load: () => loadProducers(path),
})

export function encodeProducers(saved: SavedProducers): Uint8Array[] {
  const packed = packr.pack([saved.foundingId, saved.position, saved.streams])
  const crc = Buffer.alloc(crcBytes)
  crc.writeUInt32LE(crc32c(packed))
  return [crc, packed]
}

async function loadProducers(path: string): Promise<SavedProducers | undefined> {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new StartRefused(`${path} cannot be read: ${error.message}`)
  })
  if (content === undefined) return undefined
  const found = decodeProducers(content)
  if (found === undefined) throw new StartRefused(`${path} is damaged: ${producersAdvice}`)
  return found
}

/** What an operator can do who has lost the snapshot. */
export const producersAdvice =
  'restore it from a copy; or remove it and start once with --override s3.wal.loss.accept=true, after which a batch that an idempotent producer retries may be stored twice'

/** Undefined when they are not whole. */
export function decodeProducers(content: Buffer): SavedProducers | undefined {
  const packed = content.subarray(crcBytes)
  if (content.length < crcBytes || content.readUInt32LE() !== crc32c(packed)) return undefined
  const found = packr.unpack(packed) as ProducerSnapshots | [string, number, ProducerSnapshots]
  if (typeof found[0] !== 'string') return { foundingId: null, position: Number.MAX_SAFE_INTEGER, streams: found as ProducerSnapshots }
  const [foundingId, position, streams] = found as [string, number, ProducerSnapshots]
  return { foundingId, position, streams }
}
