import { readFile } from 'node:fs/promises'
import { Packr } from 'msgpackr/pack'
import type { ProducerSnapshots, ProducersHome, SavedProducers } from '../../src/ports/producers.ts'
import { crc32c } from '../../src/wire/crc32c.ts'
import { StartRefused } from '../process/start-refused.ts'
import type { DiskRoom } from './disk-room.ts'
import { replaceFile } from './durable-file.ts'

const packr = new Packr({ useRecords: false })
const crcBytes = 4

export const producersFile = (path: string, foundingId: string, room: DiskRoom): ProducersHome => ({
  save: (partitions, position) => room.untilWritten(path, () => replaceFile(path, encodeProducers({ foundingId, position, partitions }))),
  load: () => loadProducers(path),
})

export function encodeProducers(saved: SavedProducers): Uint8Array[] {
  const packed = packr.pack([saved.foundingId, saved.position, saved.partitions])
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

/** Advice for an operator after the loss of the snapshot. */
export const producersAdvice =
  'restore it from a copy; or remove it and start once with --override s3.wal.loss.accept=true, after which a batch that an idempotent producer retries may be stored twice'

/** Undefined when the snapshot is damaged. */
export function decodeProducers(content: Buffer): SavedProducers | undefined {
  const packed = content.subarray(crcBytes)
  if (content.length < crcBytes || content.readUInt32LE() !== crc32c(packed)) return undefined
  const found = packr.unpack(packed) as ProducerSnapshots | [string, number, ProducerSnapshots]
  if (typeof found[0] !== 'string') return { foundingId: null, position: Number.MAX_SAFE_INTEGER, partitions: found as ProducerSnapshots }
  const [foundingId, position, partitions] = found as [string, number, ProducerSnapshots]
  return { foundingId, position, partitions }
}
