import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  rmdirSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { segmentFolder, segmentName, segmentStart } from '../../src/wal/segments.ts'
import { circularBytes, logStart, readSuperblocks, type Superblock } from '../../src/wal/wal-superblock.ts'
import { systemReason } from '../process/start-failure.ts'
import { StartRefused } from '../process/start-refused.ts'
import { type BlockDevice, blockDevice } from './block-device.ts'
import { syncNewFolders } from './durable-file.ts'
import { checkFolder, makeFolder } from './folders.ts'
import { lockFor } from './process-lock.ts'
import { removeAllSegments, segmentsIn } from './segment-files.ts'

/** Contents of the location for a WAL. */
export type WalContent =
  | { readonly type: 'absent' }
  /** Only zeros, or empty. */
  | { readonly type: 'blank' }
  /** Something else, such as a file system. */
  | { readonly type: 'foreign'; readonly what: string }
  /** A WAL without a complete superblock. */
  | { readonly type: 'damaged' }
  /** `missingBytes`: missing at the end of the file. `missingSegment`: file name of a segment that is missing between others. */
  | {
      readonly type: 'log'
      readonly superblock: Superblock
      readonly missingBytes: number
      readonly missingSegment?: string | undefined
    }

/** Location of this node's WAL, locked for this process until it is released. */
export interface WalPlace {
  readonly path: string
  readonly device: BlockDevice | null
  readonly content: WalContent
  release(): void
}

const advice = 'Set s3.wal.path to a place that the user of this process can read and write.'

/** Throws StartRefused if the existing file cannot be opened, or no file can be created. Changes nothing. */
export function checkWalPlace(path: string, lanes: number): void {
  try {
    const stat = statOf(path)
    if (stat?.isBlockDevice()) refuseLanes(path, lanes)
    if (stat === undefined) checkFolder(dirname(path))
    else accessSync(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    throw unusable(path, error)
  }
}

/** A block device contains one log. */
export function refuseLanes(device: string, lanes: number): void {
  if (lanes === 1) return
  throw new StartRefused(
    `s3.wal.path: the device ${device} takes the write-ahead log of one lane, not of ${lanes}: set lanes=1, or s3.wal.path to a file`,
  )
}

function unusable(path: string, error: unknown): unknown {
  const reason = systemReason(error)
  if (error instanceof StartRefused || reason === undefined) return error
  return new StartRefused(`s3.wal.path: ${path} cannot be used: ${reason} (${(error as NodeJS.ErrnoException).code}). ${advice}`)
}

/** Locks the location and reads its contents. Changes only the lock, and creates the folder of a file. */
export function openWalPlace(path: string): WalPlace {
  try {
    const stat = statOf(path)
    if (stat === undefined) return newFile(path)
    if (stat.isBlockDevice()) return device(path, stat)
    if (stat.isFile()) return file(path)
    throw new StartRefused(`s3.wal.path: ${path} is neither a file nor a block device`)
  } catch (error) {
    throw unusable(path, error)
  }
}

/** Throws if a part of the path is a file or is not accessible: that does not mean that the log is new. */
function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}

function newFile(path: string): WalPlace {
  if (path.startsWith('/dev/') && !path.startsWith('/dev/shm/')) throw new StartRefused(`s3.wal.path: there is no device ${path}`)
  const folder = dirname(path)
  const made = makeFolder(folder)
  syncNewFolders(folder, made)
  const unlock = lockFor(`s3.wal.path: the write-ahead log ${path}`, lockOf(join(realpathSync(folder), basename(path))))
  const release = (): void => {
    unlock()
    removeEmpty(folder, made)
  }
  // Another process may have created the file before the lock was taken.
  if (statOf(path) !== undefined) {
    release()
    return openWalPlace(path)
  }
  return { path, device: null, content: { type: 'absent' }, release }
}

/** Removes the new folders of a rejected start. A folder that cannot be removed does no harm. */
function removeEmpty(folder: string, made: string | undefined): void {
  if (made === undefined) return
  try {
    for (let at = folder; at.length >= made.length; at = dirname(at)) rmdirSync(at)
  } catch {}
}

/** The lock is beside the file that the path resolves to, so that two names of one file have the same lock. */
const lockOf = (path: string): string => `${path}.lock`

function file(path: string): WalPlace {
  const release = lockFor(`s3.wal.path: the write-ahead log ${path}`, lockOf(realpathSync(path)))
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    const content = read(path, (fd) => contentOf(fd, fstatSync(fd).size, false))
    return { path, device: null, content: withSegments(path, content), release }
  } catch (error) {
    release()
    throw error
  }
}

function device(path: string, stat: Stats): WalPlace {
  const fd = claim(path)
  const release = (): void => closeSync(fd)
  try {
    const found = blockDevice(path, stat)
    return { path, device: found, content: contentOf(fd, found.bytes, true), release }
  } catch (error) {
    release()
    throw error
  }
}

/** The kernel opens a device exclusively for one process or mount. */
function claim(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_EXCL)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
    throw new StartRefused(`s3.wal.path: the device ${path} is in use: it is mounted, or another process uses it`)
  }
}

function read<T>(path: string, look: (fd: number) => T): T {
  const fd = openSync(path, constants.O_RDONLY)
  try {
    return look(fd)
  } finally {
    closeSync(fd)
  }
}

/** Signatures are within this distance from the start. Some, and backup copies of signatures, are within this distance from the end. */
const signatureBytes = 1 << 20

function contentOf(fd: number, bytes: number, isDevice: boolean): WalContent {
  const head = bytesAt(fd, 0, Math.min(bytes, signatureBytes))
  const found = readSuperblocks(head)
  if (found.type === 'damaged') return found
  if (found.type === 'version')
    return { type: 'foreign', what: `a write-ahead log of format ${found.version}, which this release does not read` }
  if (found.type === 'whole') {
    const { superblock } = found
    // A file of format 2 grew as it was written; newer files have their full size from the beginning.
    const isWhole = !isDevice && superblock.identity === undefined
    const missingBytes = isWhole ? 0 : Math.max(0, logStart + circularBytes(superblock.state) - bytes)
    return { type: 'log', superblock, missingBytes }
  }
  const tail = bytesAt(fd, Math.max(0, bytes - signatureBytes), bytes)
  if (isZero(head) && isZero(tail)) return { type: 'blank' }
  return { type: 'foreign', what: signatureIn(head) }
}

/** A segment from the trim point on is missing, or has lost its end, if there is a later one: segments are created in order. */
function withSegments(path: string, content: WalContent): WalContent {
  if (content.type !== 'log') return content
  const { segments, trimmed } = content.superblock.state
  if (segments === undefined) return content
  const found = new Set(segmentsIn(segmentFolder(path)))
  const last = Math.max(-1, ...found)
  for (let start = segmentStart(segments, Math.max(trimmed, segments.from)); start < last; start += segments.bytes) {
    const name = segmentName(start)
    const isWhole = found.has(start) && statSync(join(segmentFolder(path), name)).size >= segments.bytes
    if (!isWhole) return { ...content, missingSegment: name }
  }
  return content
}

function bytesAt(fd: number, start: number, end: number): Buffer {
  const bytes = Buffer.alloc(end - start)
  let at = 0
  while (at < bytes.length) {
    const count = readSync(fd, bytes, at, bytes.length - at, start + at)
    if (count === 0) break
    at += count
  }
  return bytes.subarray(0, at)
}

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0)

/** Positions of some signatures. Content that is not zero counts as foreign, with or without a known signature. */
const signatures: readonly (readonly [what: string, at: number, bytes: string])[] = [
  ['an ext2, ext3 or ext4 file system', 1080, '\x53\xef'],
  ['an XFS file system', 0, 'XFSB'],
  ['a Btrfs file system', 65600, '_BHRfS_M'],
  ['an LVM physical volume', 536, 'LVM2 001'],
  ['a LUKS volume', 0, 'LUKS'],
  ['swap space', 4086, 'SWAPSPACE2'],
  ['a partition table', 512, 'EFI PART'],
  ['a partition table or a boot sector', 510, '\x55\xaa'],
]

function signatureIn(head: Buffer): string {
  const found = signatures.find(([, at, bytes]) => head.toString('latin1', at, at + bytes.length) === bytes)
  return found?.[0] ?? 'data that is not a write-ahead log'
}

/** Destroys the contents of the location, so that a new log can start there: all regions that may contain signatures, and all segments. */
export function wipe({ path, device: onDevice }: WalPlace): void {
  if (onDevice === null) removeAllSegments(segmentFolder(path))
  const fd = openSync(path, constants.O_RDWR)
  try {
    const bytes = onDevice?.bytes ?? fstatSync(fd).size
    const zeros = Buffer.alloc(Math.min(bytes, signatureBytes))
    // The start is erased last: until then the contents can still be identified.
    for (const at of [bytes - zeros.length, 0]) {
      for (let done = 0; done < zeros.length; ) done += writeSync(fd, zeros, done, zeros.length - done, at + done)
      fsyncSync(fd)
    }
  } finally {
    closeSync(fd)
  }
}
