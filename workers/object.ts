/** Work of the object workers: tasks that take long and that nobody's latency may wait for. */
import { readSync } from 'node:fs'
import { move } from 'piscina'
import type { Staging } from '../native-free-io/aligned-writer.ts'
import { type Arena, createArena, openArena } from '../native-free-io/arena.ts'
import { ObjectReader, type StagedBatch, writeObject } from '../native-free-io/object-file.ts'
import type { BuildTask, BuiltObject, FindTask, RangesTask, ReadTask } from '../native-free-io/object-jobs.ts'
import { OpenFiles } from '../native-free-io/open-files.ts'
import { readWalRanges, WalFile } from '../native-free-io/wal-file.ts'
import { getI64 } from '../src/base/long.ts'
import { type Kernel, kernel, kernelBytes } from '../src/pipeline/kernel/kernel.ts'
import { alignBlock, blockBytes } from '../src/stream/wal-record.ts'
import { readDurable } from '../src/stream/wal-recovery.ts'
import { batchHeader } from '../src/wire/record-batch.ts'

interface Room {
  /** Bytes for the log, behind the staging area. */
  readonly log: number
  readonly arena: Arena
  readonly kernel: Kernel
  readonly staging: Staging
}

/** Small enough for the write-ahead log not to notice. */
const readBytes = 256 << 10
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Half of the disk's time is for others. */
function pause(tookMs: number): void {
  Atomics.wait(sleeper, 0, 0, tookMs)
}

/** Behind the kernel's tables. */
const base = alignBlock(kernelBytes)
/** The log is read in pieces that may reach behind what is asked for. */
const readAheadBytes = 2 << 20
/** An object is written in pieces of this size. */
const stagingBytes = 4 << 20
let room: Room | undefined

/** Memory for a part of the log: direct I/O and the kernel want it so. Made once, since memory costs more to touch first than to use. */
function roomFor(bytes: number): Room {
  if (room === undefined || room.log < bytes) {
    const memory = createArena(Math.ceil((base + stagingBytes + bytes) / 65536))
    const arena = openArena(memory)
    const machine = kernel(memory)
    room = { log: bytes, arena, kernel: machine, staging: { memory: arena.bytes, base, bytes: stagingBytes, copy: machine.copy, pause } }
  }
  return room
}

/** Turns a durable part of the write-ahead log into an object, its batches sorted by stream. */
export function build({ wal, from, until, folder, objectId, stored }: BuildTask): BuiltObject {
  const start = Math.floor(from.trimmed / blockBytes) * blockBytes
  const { arena, kernel: machine, staging } = roomFor(alignBlock(until - start) + readAheadBytes)
  const { crc } = machine
  const log = staging.base + staging.bytes
  const file = WalFile.attach(wal.path, wal.state, { ...arena, crc, superblock: base, zeros: { base, bytes: blockBytes } })
  const streams = new Map<number, StagedBatch[]>()
  try {
    const source = {
      ...wal.state,
      ...from,
      window: Number.MAX_SAFE_INTEGER,
      base: log - start,
      view: arena.view,
      crc,
      // Those of this life were summed when they were appended.
      sumBatches: false,
      readBytes,
      read: (position: number, bytes: number) => file.read(log + position - start, bytes, position),
    }
    const end = readDurable(source, until, ({ stream, baseOffset, bytes, address }) => {
      const known = stored.get(stream)
      if (known === undefined || baseOffset < known) return
      const batches = streams.get(stream) ?? []
      streams.set(stream, batches)
      batches.push({
        baseOffset,
        count: arena.view.getInt32(address + batchHeader.recordsCount),
        bytes,
        maxTimestamp: getI64(arena.view, address + batchHeader.maxTimestamp),
        address,
      })
    })
    return { end, object: streams.size === 0 ? undefined : writeObject(folder, objectId, streams, staging) }
  } finally {
    file.close()
  }
}

const readers = new Map<string, ObjectReader>()
function readerOf(folder: string): ObjectReader {
  let reader = readers.get(folder)
  if (reader === undefined) readers.set(folder, (reader = new ObjectReader(folder)))
  return reader
}

export function read({ folder, objectId, stream, offset, bytesMax }: ReadTask): Uint8Array | undefined {
  return moved(readerOf(folder).read(objectId, stream, offset, bytesMax))
}

export const firstSince = ({ folder, objectId, stream, offset, timestamp }: FindTask): Uint8Array | undefined =>
  readerOf(folder).firstSince(objectId, stream, offset, timestamp)
export const latest = ({ folder, objectId, stream, offset }: FindTask): { maxTimestamp: number; batch: Uint8Array } | undefined =>
  readerOf(folder).latest(objectId, stream, offset)

/** Batches that only the file of the write-ahead log holds; undefined when one of them has been overwritten. */
export function ranges({ path, capacity, ranges: wanted }: RangesTask): Uint8Array | undefined {
  const fd = walFiles.open(path)
  return moved(readWalRanges((bytes, at) => readSync(fd, bytes, 0, bytes.length, at), capacity, wanted))
}

const walFiles = new OpenFiles()

/** Handed to the main thread, not copied for it. */
const moved = (bytes: Uint8Array<ArrayBuffer> | undefined): Uint8Array | undefined => bytes && (move(bytes) as Uint8Array)
