/** Work of the object workers: tasks that take long and that nobody's latency may wait for. */
import { closeSync, openSync, readSync } from 'node:fs'
import { openArena } from '../native-free-io/arena.ts'
import { type BatchParts, ObjectReader, writeObject } from '../native-free-io/object-file.ts'
import type { BuildTask, BuiltObject, FindTask, RangesTask, ReadTask } from '../native-free-io/object-jobs.ts'
import { readWalRanges, WalFile } from '../native-free-io/wal-file.ts'
import { getI64 } from '../src/base/long.ts'
import { kernel, kernelBytes, writeTables } from '../src/pipeline/kernel/kernel.ts'
import { alignBlock, blockBytes } from '../src/stream/wal-record.ts'
import { readDurable } from '../src/stream/wal-recovery.ts'
import { batchHeader } from '../src/wire/record-batch.ts'

/** Turns a durable part of the write-ahead log into an object, its batches sorted by stream. */
export function build({ wal, from, until, folder, objectId, stored }: BuildTask): BuiltObject {
  const start = Math.floor(from / blockBytes) * blockBytes
  const base = alignBlock(kernelBytes)
  const pages = Math.ceil((base + alignBlock(until - start) + (2 << 20)) / 65536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  writeTables(memory)
  const { crc } = kernel(memory)
  const arena = openArena(memory)
  const file = WalFile.attach(wal.path, wal.state, { ...arena, crc, superblock: base, zeros: { base, bytes: blockBytes } })
  const streams = new Map<number, BatchParts[]>()
  try {
    const source = {
      ...wal.state,
      trimmed: from,
      window: Number.MAX_SAFE_INTEGER,
      base: base - start,
      view: arena.view,
      crc,
      read: (position: number, bytes: number) => file.read(base + position - start, bytes, position),
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
        part: arena.bytes.subarray(address, address + bytes),
      })
    })
    return { end, object: streams.size === 0 ? undefined : writeObject(folder, objectId, streams) }
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

export const read = ({ folder, objectId, stream, offset, bytesMax }: ReadTask): Uint8Array | undefined =>
  readerOf(folder).read(objectId, stream, offset, bytesMax)

export const firstSince = ({ folder, objectId, stream, offset, timestamp }: FindTask): Uint8Array | undefined =>
  readerOf(folder).firstSince(objectId, stream, offset, timestamp)
export const latest = ({ folder, objectId, stream, offset }: FindTask): { maxTimestamp: number; batch: Uint8Array } | undefined =>
  readerOf(folder).latest(objectId, stream, offset)

/** Batches that only the file of the write-ahead log holds; undefined when one of them has been overwritten. */
export function ranges({ path, capacity, ranges: wanted }: RangesTask): Uint8Array | undefined {
  const fd = openSync(path, 'r')
  try {
    return readWalRanges((bytes, at) => readSync(fd, bytes, 0, bytes.length, at), capacity, wanted)
  } finally {
    closeSync(fd)
  }
}
