import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { systemReason } from '../process/start-failure.ts'
import { StartRefused } from '../process/start-refused.ts'

const advice = 'Set it to a place that the user of this process can write.'

/**
 * Locks a resource for this process by a lock file; `name` is its name for an operator. Returns the function that releases it.
 *
 * The file contains the number and the start time of its process. The file of a killed process remains, and the next process takes it over.
 */
export function lockFor(name: string, path: string): () => void {
  const mine = `${process.pid} ${startOf(process.pid)}\n`
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 })
      return () => release(path, mine)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new StartRefused(`${name} cannot be locked by ${path}: ${systemReason(error) ?? (error as Error).message}. ${advice}`)
      takeFromTheDead(name, path)
    }
  }
  throw new StartRefused(`${name} could not be locked: other processes lock ${path} at the same time`)
}

function takeFromTheDead(name: string, path: string): void {
  const found = readLock(name, path)
  if (found === undefined) return
  const [pid, started] = found.trim().split(' ')
  const isAlive = Number(pid) > 0 && isRunning(Number(pid)) && startOf(Number(pid)) === started
  if (isAlive) throw new StartRefused(`${name} is in use by process ${pid}: see ${path}`)
  // The rename decides between two processes that find the same dead owner: the loser checks the file that it has moved.
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
    if (readText(aside) !== found) renameSync(aside, path)
    else rmSync(aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Undefined if the file no longer exists. An unreadable file belongs to another user, and its process may be running. */
function readLock(name: string, path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StartRefused(`${name} is locked by ${path}, which cannot be read: ${(error as Error).message}`)
  }
}

function release(path: string, mine: string): void {
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

/** Start time of a process, where the system provides it: process numbers are reused, in containers soon. */
function startOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`)
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie is dead, although its parent has not collected its status.
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
