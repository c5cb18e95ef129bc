import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseProperties } from '../src/config/properties.ts'
import type { Entropy } from '../src/ports.ts'
import { replaceFile, syncFolder } from './durable-file.ts'

/** The folder cannot be used, and no retry will help: the message is for the operator. */
export class FolderRefused extends Error {}

export interface DataFolder {
  readonly path: string
  readonly clusterId: string
  /** This start founded it. */
  readonly isNew: boolean
  /** Lets another process have it. */
  release(): void
}

export interface FolderOwner {
  readonly nodeId: number
  /** What the settings ask for; null takes what the folder has, or a random one. */
  readonly clusterId: string | null
}

/** What the volume of a folder has room for, and for how much more. */
export async function volumeSpace(path: string): Promise<{ totalBytes: number; usableBytes: number }> {
  const { bsize, blocks, bavail } = await statfs(path)
  return { totalBytes: bsize * blocks, usableBytes: bsize * bavail }
}

const metaFile = 'meta.properties'
const lockFile = '.lock'

/** Takes the folder for this process alone, formats it if it is empty, and checks that it belongs to this node and cluster. */
export async function openDataFolder(path: string, owner: FolderOwner, entropy: Entropy): Promise<DataFolder> {
  const folder = resolve(path)
  const made = mkdirSync(folder, { recursive: true })
  if (made !== undefined) await syncFolder(dirname(made))
  const release = lock(folder)
  try {
    const meta = await readMeta(join(folder, metaFile))
    if (meta !== undefined) {
      check(folder, meta, owner)
      return { path: folder, clusterId: meta.clusterId, isNew: false, release }
    }
    const clusterId = owner.clusterId ?? Buffer.from(entropy.bytes(16)).toString('base64url')
    await replaceFile(join(folder, metaFile), [Buffer.from(`version=1\nnode.id=${owner.nodeId}\ncluster.id=${clusterId}\n`)])
    return { path: folder, clusterId, isNew: true, release }
  } catch (error) {
    release()
    throw error
  }
}

interface Meta {
  readonly nodeId: string
  readonly clusterId: string
}

async function readMeta(path: string): Promise<Meta | undefined> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (content === undefined) return undefined
  const values = new Map(parseProperties(content).map(({ key, value }) => [key, value]))
  const [version, nodeId, clusterId] = [values.get('version'), values.get('node.id'), values.get('cluster.id')]
  if (version !== '1' || nodeId === undefined || clusterId === undefined) {
    throw new FolderRefused(`${path} is not one that Millrace wrote: expected version=1, node.id and cluster.id`)
  }
  return { nodeId, clusterId }
}

function check(folder: string, meta: Meta, owner: FolderOwner): void {
  if (meta.nodeId !== String(owner.nodeId))
    throw new FolderRefused(`${folder} belongs to node ${meta.nodeId}, not ${owner.nodeId}: see node.id`)
  if (owner.clusterId !== null && meta.clusterId !== owner.clusterId) {
    throw new FolderRefused(`${folder} belongs to cluster ${meta.clusterId}, not ${owner.clusterId}: see cluster.id`)
  }
}

/** The lock names its process; one that is gone, killed before it could release, has left it to whoever comes. */
function lock(folder: string): () => void {
  const path = join(folder, lockFile)
  const mine = `${process.pid} ${startOf(process.pid)}\n`
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 })
      return () => releaseLock(path, mine)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      takeAwayFromTheDead(folder, path)
    }
  }
  throw new FolderRefused(`${folder} could not be locked: other processes keep taking ${path}`)
}

function takeAwayFromTheDead(folder: string, path: string): void {
  const found = readText(path)
  if (found === undefined) return
  const [pid, started] = found.trim().split(' ')
  const isAlive = Number(pid) > 0 && isRunning(Number(pid)) && startOf(Number(pid)) === started
  if (isAlive) throw new FolderRefused(`${folder} is used by process ${pid}: see ${path}`)
  // Renaming decides between two that find the same dead owner: what the loser moves is looked at again.
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
    if (readText(aside) !== found) renameSync(aside, path)
    else rmSync(aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function releaseLock(path: string, mine: string): void {
  if (readText(path) === mine) rmSync(path, { force: true })
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** When a process started, where the system says so: process numbers come again, in containers at once. */
function startOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`)
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie is dead, though nobody has buried it.
  if (fields?.[0] === 'Z') return 'dead'
  return fields?.[19] ?? '-'
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
