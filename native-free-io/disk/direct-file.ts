import { closeSync, constants, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { blockBytes } from '../../src/wal/wal-record.ts'
import { isNoRoom } from './disk-room.ts'

/** Memory for direct I/O: whole aligned blocks. */
export interface DirectBuffers {
  readonly bytes: Buffer
  /** Address of one block. */
  readonly superblock: number
  readonly zeros: { readonly base: number; readonly bytes: number }
}

/** Direct and synchronous where the file system supports it; otherwise each write is followed by `fdatasync`. */
export interface DirectFile {
  readonly fd: number
  readonly direct: boolean
}

/** Some file systems reject direct I/O at open, some at the first read or write, so the first block is read or written as a test. */
export function openDirect(path: string, buffers: DirectBuffers, flags: number): DirectFile {
  const base = constants.O_RDWR | flags
  let fd = -1
  try {
    fd = openSync(path, base | constants.O_DIRECT | constants.O_DSYNC, 0o600)
    readSync(fd, buffers.bytes, buffers.superblock, blockBytes, 0)
    if (fstatSync(fd).isFile() && fstatSync(fd).size === 0) writeSync(fd, buffers.bytes, buffers.zeros.base, blockBytes, 0)
    return { fd, direct: true }
  } catch (error) {
    if (fd >= 0) closeSync(fd)
    if (!['EINVAL', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    // The first attempt may have created it.
    return { fd: openSync(path, base & ~constants.O_EXCL, 0o600), direct: false }
  }
}

/** Returns false when the write itself finds no room. A failed sync throws, since the contents of the disk are then undefined. */
export function writeIfRoom({ fd, direct }: DirectFile, bytes: Buffer, from: { address: number; bytes: number }, at: number): boolean {
  try {
    // A disk with too little room writes only a part.
    if (writeSync(fd, bytes, from.address, from.bytes, at) !== from.bytes) return false
  } catch (error) {
    if (isNoRoom(error)) return false
    throw error
  }
  if (!direct) fdatasyncSync(fd)
  return true
}

/** Reads into the buffer; what is after the end of the file are zeros. */
export function readZeroed(fd: number, bytes: Buffer, into: { address: number; bytes: number }, at: number): void {
  const found = readSync(fd, bytes, into.address, into.bytes, at)
  bytes.fill(0, into.address + found, into.address + into.bytes)
}
