import { readFile } from 'node:fs/promises'
import { Packr } from 'msgpackr/pack'
import type { StreamId } from '../src/ports.ts'
import type { ProducerSnapshot } from '../src/stream/producers.ts'
import { crc32c } from '../src/wire/crc32c.ts'
import { replaceFile } from './durable-file.ts'

const packr = new Packr({ useRecords: false })
const crcBytes = 4

export type ProducerSnapshots = readonly (readonly [StreamId, readonly ProducerSnapshot[]])[]

/** Where the producers are kept whose batches are not in the write-ahead log any more. */
export interface ProducersHome {
  save(snapshots: ProducerSnapshots): Promise<void>
  /** As the last trim left them; none before the first. */
  load(): Promise<Map<StreamId, readonly ProducerSnapshot[]>>
}

export const producersFile = (path: string): ProducersHome => ({
  save: (snapshots) => saveProducers(path, snapshots),
  load: () => loadProducers(path),
})

export async function saveProducers(path: string, snapshots: ProducerSnapshots): Promise<void> {
  await replaceFile(path, encodeProducers(snapshots))
}

export function encodeProducers(snapshots: ProducerSnapshots): Uint8Array[] {
  const packed = packr.pack(snapshots)
  const crc = Buffer.alloc(crcBytes)
  crc.writeUInt32LE(crc32c(packed))
  return [crc, packed]
}

/** The producers as the last trim left them; none before the first. */
export async function loadProducers(path: string): Promise<Map<StreamId, readonly ProducerSnapshot[]>> {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (content === undefined) return new Map()
  const found = decodeProducers(content)
  if (found === undefined) throw new Error(`${path} is damaged`)
  return found
}

/** Undefined when they are not whole. */
export function decodeProducers(content: Buffer): Map<StreamId, readonly ProducerSnapshot[]> | undefined {
  const packed = content.subarray(crcBytes)
  if (content.length < crcBytes || content.readUInt32LE() !== crc32c(packed)) return undefined
  return new Map(packr.unpack(packed) as ProducerSnapshots)
}
