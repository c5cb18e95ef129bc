import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Reason why no file system of a given size can be mounted here; undefined if it can. */
export function smallDiskMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting is for root'
  try {
    new SmallDisk(1).unmount()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** A file system in memory, of `mib` MiB. */
export class SmallDisk {
  readonly path = mkdtempSync(join(tmpdir(), 'small-disk-'))

  constructor(mib: number) {
    this.#mount('-t', 'tmpfs', '-o', `size=${mib}M`, 'tmpfs')
  }

  resize(mib: number): void {
    this.#mount('-o', `remount,size=${mib}M`)
  }

  /** Uses the remaining space, to the last block. */
  fill(): void {
    const fd = openSync(join(this.path, 'filler'), 'a')
    try {
      for (const piece of [1 << 20, 4096]) while (isWritten(fd, piece));
    } finally {
      closeSync(fd)
    }
  }

  free(): void {
    rmSync(join(this.path, 'filler'))
  }

  unmount(): void {
    spawnSync('umount', ['-l', this.path])
    rmSync(this.path, { recursive: true, force: true })
  }

  #mount(...args: readonly string[]): void {
    const { status, stderr } = spawnSync('mount', [...args, this.path], { encoding: 'utf8' })
    if (status === 0) return
    rmSync(this.path, { recursive: true, force: true })
    throw new Error(`no file system of a given size: ${stderr || 'there is no mount'}`)
  }
}

function isWritten(fd: number, bytes: number): boolean {
  try {
    return writeSync(fd, Buffer.alloc(bytes)) === bytes
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false
    throw error
  }
}
