import { readFile } from 'node:fs/promises'
import type { ProducersStore, SavedProducers } from '../../src/ports/producers.ts'
import { StartRefused } from '../process/start-refused.ts'
import type { DiskRoom } from './disk-room.ts'
import { replaceFile } from './durable-file.ts'
import { decodeProducers } from './producers-codec.ts'

export const producersFile = (path: string, room: DiskRoom): ProducersStore => ({
  write: (content) => room.untilWritten(path, () => replaceFile(path, content)),
  load: () => loadProducers(path),
})

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
