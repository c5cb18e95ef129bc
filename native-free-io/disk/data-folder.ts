import { readFile, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseProperties } from '../../src/config/properties.ts'
import { systemReason } from '../process/start-failure.ts'
import { StartRefused } from '../process/start-refused.ts'
import { replaceFile, syncNewFolders } from './durable-file.ts'
import { makeFolder } from './folders.ts'
import { lockFor } from './process-lock.ts'

const folderAdvice = 'Set log.dirs to a directory that the user of this process can write.'

/** Progress of a node's founding: after a crash during a founding, the next start continues it. */
export const foundingStates = ['new', 'upgrade', 'done'] as const
export type FoundingState = (typeof foundingStates)[number]

/** Contents of `meta.properties`. */
export interface Meta {
  readonly nodeId: number
  readonly clusterId: string
  /** Null in a folder of a release without founding ids. */
  readonly foundingId: string | null
  readonly state: FoundingState
  /** Identifies this folder to the controller quorum, as Kafka's `directory.id` does. Null in a folder of a release without it. */
  readonly directoryId: string | null
  /** Path of the WAL; null if it is unknown. */
  readonly wal: string | null
}

export interface DataFolder {
  readonly path: string
  /** Undefined if there is none. */
  readonly meta: Meta | undefined
  /** Unlocks the folder for other processes. */
  release(): void
}

export interface FolderOwner {
  readonly nodeId: number
  /** From the settings; null to use the value of the folder. */
  readonly clusterId: string | null
}

/** Total and usable bytes of a folder's volume. */
export async function volumeSpace(path: string): Promise<{ totalBytes: number; usableBytes: number }> {
  const { bsize, blocks, bavail } = await statfs(path)
  return { totalBytes: bsize * blocks, usableBytes: bsize * bavail }
}

const metaFile = 'meta.properties'
const lockFile = '.lock'

/** Locks the folder for this process, creates it if it is missing, and verifies that it belongs to this node and cluster. */
export async function openDataFolder(path: string, owner: FolderOwner): Promise<DataFolder> {
  const folder = resolve(path)
  try {
    syncNewFolders(folder, makeFolder(folder))
  } catch (error) {
    throw new StartRefused(`log.dirs = ${folder} cannot be used: ${systemReason(error) ?? (error as Error).message}. ${folderAdvice}`)
  }
  const release = lockFor(`log.dirs: ${folder}`, join(folder, lockFile))
  try {
    const meta = await readMeta(join(folder, metaFile))
    if (meta !== undefined) check(folder, meta, owner)
    return { path: folder, meta, release }
  } catch (error) {
    release()
    throw error
  }
}

export async function saveMeta(folder: string, { nodeId, clusterId, foundingId, state, directoryId, wal }: Meta): Promise<void> {
  const lines = ['version=1', `node.id=${nodeId}`, `cluster.id=${clusterId}`]
  if (foundingId !== null) lines.push(`founding.id=${foundingId}`, `founding.state=${state}`)
  if (directoryId !== null) lines.push(`directory.id=${directoryId}`)
  if (wal !== null) lines.push(`s3.wal.path=${wal}`)
  await replaceFile(join(folder, metaFile), [Buffer.from(`${lines.join('\n')}\n`)])
}

async function readMeta(path: string): Promise<Meta | undefined> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new StartRefused(`${path} cannot be read: ${error.message}`)
  })
  if (content === undefined) return undefined
  const values = new Map(parseProperties(content).map(({ key, value }) => [key, value]))
  const [version, nodeId, clusterId] = [values.get('version'), values.get('node.id'), values.get('cluster.id')]
  const foundingId = values.get('founding.id') ?? null
  const state = foundingStates.find((each) => each === values.get('founding.state'))
  if (version !== '1' || nodeId === undefined || clusterId === undefined || (foundingId !== null && state === undefined)) {
    throw new StartRefused(
      `log.dirs: ${path} is not valid: expected version=1, node.id, cluster.id, founding.id and founding.state; restore it from a copy`,
    )
  }
  return {
    nodeId: Number(nodeId),
    clusterId,
    foundingId,
    state: state ?? 'upgrade',
    directoryId: values.get('directory.id') ?? null,
    wal: values.get('s3.wal.path') ?? null,
  }
}

function check(folder: string, meta: Meta, owner: FolderOwner): void {
  if (meta.nodeId !== owner.nodeId)
    throw new StartRefused(`log.dirs: ${folder} belongs to node ${meta.nodeId}, not ${owner.nodeId}: see node.id`)
  if (owner.clusterId !== null && meta.clusterId !== owner.clusterId) {
    throw new StartRefused(`log.dirs: ${folder} belongs to cluster ${meta.clusterId}, not ${owner.clusterId}: see cluster.id`)
  }
}
