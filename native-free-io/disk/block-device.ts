import { readFileSync, realpathSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import { blockBytes } from '../../src/wal/wal-record.ts'
import { StartRefused } from '../process/start-refused.ts'

/** A disk or a disk partition, used without a file system. */
export interface BlockDevice {
  readonly bytes: number
  /** Required alignment for direct I/O. */
  readonly sectorBytes: number
}

/** Unit of the kernel for sizes of devices, regardless of their block size. */
const kernelSectorBytes = 512

/** Size and sector size of a device, from sysfs: `fstat` returns size 0 for a device. */
export function blockDevice(path: string, { rdev }: Pick<Stats, 'rdev'>): BlockDevice {
  const folder = sysFolder(rdev)
  try {
    const bytes = numberIn(join(folder, 'size')) * kernelSectorBytes
    const sectorBytes = sectorOf(folder)
    if (!(bytes > 0)) throw new StartRefused(`s3.wal.path: the device ${path} has no size: nothing is attached to it`)
    if (sectorBytes > blockBytes) {
      throw new StartRefused(
        `s3.wal.path: the device ${path} has blocks of ${sectorBytes} bytes; the write-ahead log works with at most ${blockBytes}`,
      )
    }
    return { bytes, sectorBytes }
  } catch (error) {
    if (error instanceof StartRefused) throw error
    throw new StartRefused(`s3.wal.path: the size of the device ${path} cannot be read from ${folder}: ${(error as Error).message}`)
  }
}

/** Path of a device in sysfs; decodes the device number as packed by Linux. */
export function sysFolder(rdev: number): string {
  const high = Math.floor(rdev / 2 ** 32)
  const low = rdev % 2 ** 32
  const major = ((low >>> 8) & 0xfff) | (high & ~0xfff)
  const minor = (low & 0xff) | ((low >>> 12) & 0xfff00)
  return `/sys/dev/block/${major}:${minor}`
}

/** A disk partition has no queue of its own: the queue is in the folder of its disk, one level up. */
function sectorOf(folder: string): number {
  const own = realpathSync(folder)
  try {
    return numberIn(join(own, 'queue', 'logical_block_size'))
  } catch {
    return numberIn(join(dirname(own), 'queue', 'logical_block_size'))
  }
}

const numberIn = (path: string): number => Number(readFileSync(path, 'utf8').trim())
