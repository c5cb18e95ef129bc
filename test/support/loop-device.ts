import { spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A block device that is a file of this machine. */
export interface LoopDevice {
  readonly path: string
  remove(): void
}

/** Why there are none here; null where there are. */
export function loopMissing(): string | null {
  if (process.getuid?.() !== 0) return 'loop devices are for root'
  try {
    loopDevice(1 << 20).remove()
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** A device of zeros. `sectorBytes`: what direct I/O has to be aligned to. */
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
