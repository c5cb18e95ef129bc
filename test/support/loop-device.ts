import { spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A block device that is backed by a file. */
export interface LoopDevice {
  readonly path: string
  remove(): void
}

/** Reason why loop devices are not available; null if they are. */
export function loopMissing(): string | null {
  if (process.getuid?.() !== 0) return 'loop devices are for root'
  try {
    loopDevice(1 << 20).remove()
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** A device of zeros. `sectorBytes`: required alignment of direct I/O. */
export function loopDevice(bytes: number, sectorBytes = 512): LoopDevice {
  const folder = mkdtempSync(join(tmpdir(), 'loop-'))
  const file = join(folder, 'disk')
  const fd = openSync(file, 'w')
  ftruncateSync(fd, bytes)
  closeSync(fd)
  const { status, stdout, stderr } = spawnSync('losetup', ['-f', '--show', '-b', String(sectorBytes), file], { encoding: 'utf8' })
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  if (status !== 0) {
    remove()
    throw new Error(`losetup cannot make a loop device: ${stderr || 'it is not there'}`)
  }
  const path = stdout.trim()
  return {
    path,
    remove() {
      spawnSync('losetup', ['-d', path])
      remove()
    },
  }
}
