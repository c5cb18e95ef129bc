import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, fsyncSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { root } from './root.ts'

const python = '/usr/bin/python3'
const mountLimitMs = 10_000

/** Reason why the file system that keeps only synced data is not available; undefined if it is. */
export function unsyncedMissing(): string | undefined {
  if (!existsSync('/dev/fuse')) return 'no /dev/fuse'
  if (spawnSync('fusermount', ['-V']).status !== 0) return 'no fusermount (Debian package fuse)'
  return spawnSync(python, ['-c', 'import fusepy']).status === 0 ? undefined : 'no Debian package python3-fusepy'
}

/** A folder on a file system that discards all data that was not synced, when its power is cut. See `test/node/power/unsynced.py`. */
export class UnsyncedFolder {
  readonly path: string
  readonly #server: ChildProcess

  private constructor(path: string, server: ChildProcess) {
    this.path = path
    this.#server = server
    process.once('exit', this.#leave)
  }

  static async mount(): Promise<UnsyncedFolder> {
    const path = mkdtempSync(join(tmpdir(), 'unsynced-'))
    const device = statSync(path).dev
    const server = spawn(python, [join(root, 'test', 'node', 'power', 'unsynced.py'), path], { stdio: ['ignore', 'ignore', 'inherit'] })
    const until = performance.now() + mountLimitMs
    while (statSync(path).dev === device) {
      if (server.exitCode !== null || performance.now() > until)
        throw new Error('the file system that drops what is not synced does not start')
      await pause(20)
    }
    return new UnsyncedFolder(path, server)
  }

  /** Makes the names durable that the test itself has created in the root. */
  keepRoot(): void {
    const fd = openSync(this.path, 'r')
    fsyncSync(fd)
    closeSync(fd)
  }

  /** No write may be in progress. */
  cutPower(): void {
    try {
      writeFileSync(join(this.path, '.power-cut'), '')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECANCELED') return
      throw error
    }
    throw new Error('the power was not cut')
  }

  /** Requests to the file system block until `resume`. */
  stall(): void {
    this.#server.kill('SIGSTOP')
  }

  resume(): void {
    this.#server.kill('SIGCONT')
  }

  async unmount(): Promise<void> {
    const ended = new Promise((resolve) => this.#server.once('exit', resolve))
    process.off('exit', this.#leave)
    this.#leave()
    await ended
  }

  readonly #leave = (): void => {
    spawnSync('fusermount', ['-u', '-z', this.path])
    this.#server.kill('SIGKILL')
    rmSync(this.path, { recursive: true, force: true })
  }
}
