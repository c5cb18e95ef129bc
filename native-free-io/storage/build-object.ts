import { assert } from '../../src/base/assert.ts'
import { getI64 } from '../../src/base/long.ts'
import { isFault } from '../../src/object-store/store-faults.ts'
import { encodeIndex, partOf } from '../../src/objects/object-format.ts'
import { planObject, type StagedBatch } from '../../src/objects/object-plan.ts'
import { uploadsMax } from '../../src/objects/upload-policy.ts'
import { type Kernel, kernel, kernelBytes } from '../../src/pipeline/kernel/kernel.ts'
import type { ObjectStore, StoreFault } from '../../src/ports.ts'
import { alignBlock, blockBytes, type TrimPoint } from '../../src/wal/wal-record.ts'
import { readDurable } from '../../src/wal/wal-recovery.ts'
import { batchHeader } from '../../src/wire/record-batch.ts'
import { WalFile } from '../disk/wal-file.ts'
import { type Arena, createArena, openArena } from '../threads/arena.ts'
import type { BuildTask, BuiltPart, Sealed, UnbuiltPart } from '../threads/object-jobs.ts'
import { copyLog, type LogPlace } from './wal-reads.ts'

/** Small enough for the write-ahead log not to notice. */
const readBytes = 256 << 10
/** The log is read in pieces that may reach behind what is asked for. */
const readAheadBytes = 2 << 20
/** Behind the kernel's tables: where the log's superblock is read to. */
const superblockAt = alignBlock(kernelBytes)
const logAt = superblockAt + blockBytes

/** Room behind an object, so that a disk may take it in one piece. An index is larger only where tens of thousands of streams share an object. */
const indexBytesMax = 8 << 20

/**
 * Memory for a part of the log, which is read and sorted in one go, and for the objects that are made of such parts, which
 * stay until the store has them. Made once: memory costs more to touch first than to use. What nobody touches takes no room.
 */
class Room {
  readonly logBytes: number
  readonly arena: Arena
  readonly kernel: Kernel
  readonly #free: number[]

  constructor(logBytes: number) {
    const outputBytes = alignBlock(logBytes + indexBytesMax)
    const memory = createArena(Math.ceil((logAt + logBytes + uploadsMax * outputBytes) / 65536))
    this.logBytes = logBytes
    this.arena = openArena(memory)
    this.kernel = kernel(memory)
    this.#free = Array.from({ length: uploadsMax }, (_, index) => logAt + logBytes + index * outputBytes)
  }

  /** Where an object can be made. */
  takeOutput(): number {
    const at = this.#free.shift()
    assert(at !== undefined, 'no more objects are built at a time than there is room for')
    return at
  }

  giveOutput(at: number): void {
    this.#free.unshift(at)
  }
}

let kept: Room | undefined

/** Parts differ by a little: memory that goes is seldom missed by whoever collects it, so that it is made in large steps. */
const roomStepBytes = 16 << 20

/** A larger one takes the place of the one before, which goes when its last object is stored. */
function roomFor(logBytes: number): Room {
  if (kept === undefined || kept.logBytes < logBytes) kept = new Room(Math.ceil(logBytes / roomStepBytes) * roomStepBytes)
  return kept
}

/** Turns a durable part of the write-ahead log into an object, its batches sorted by stream. */
export async function buildObject(
  store: () => Promise<ObjectStore>,
  log: LogPlace | null,
  task: BuildTask,
): Promise<BuiltPart | UnbuiltPart> {
  const { from, until, port } = task
  const start = Math.floor(from.trimmed / blockBytes) * blockBytes
  const logBytes = alignBlock(until - start) + readAheadBytes
  const room = roomFor(logBytes)
  const { arena, kernel: machine } = room
  const at = room.takeOutput()
  try {
    const { end, streams } = readLog(task, log, start, room)
    port.postMessage({ end } satisfies Sealed)
    if (streams.size === 0) return { end, object: undefined }
    const plan = planObject(streams, machine.crc)
    let to = at
    for (const { address, bytes } of plan.batches) {
      machine.copy(to, address, bytes)
      to += bytes
    }
    const index = encodeIndex(plan.streams, plan.bytes)
    const isTogether = index.length <= indexBytesMax
    if (isTogether) arena.bytes.set(index, to)
    const pieces = isTogether ? [arena.bytes.subarray(at, to + index.length)] : [arena.bytes.subarray(at, to), index]
    const fault = await putMounted(await store(), task, pieces)
    if (fault !== undefined) return { end, fault }
    return { end, object: { bytes: plan.bytes + index.length, streams: plan.streams.map((stream) => partOf(stream, Date.now())) } }
  } finally {
    port.close()
    room.giveOutput(at)
  }
}

/** An object that is put into the empty folder below a file system would be gone when that is mounted again. */
async function putMounted(store: ObjectStore, { key, marker }: BuildTask, pieces: readonly Uint8Array[]): Promise<StoreFault | undefined> {
  const seen = marker === null ? 0 : await store.size(marker)
  if (!isFault(seen)) return store.put(key, pieces)
  return seen.fault === 'missing' ? { ...seen, fault: 'unavailable', detail: 'the store is not mounted, or was emptied' } : seen
}

function readLog(
  { wal, from, until, stored }: BuildTask,
  log: LogPlace | null,
  start: number,
  { arena, kernel: { crc } }: Room,
): { end: TrimPoint; streams: Map<number, StagedBatch[]> } {
  const streams = new Map<number, StagedBatch[]>()
  const buffers = { ...arena, crc, superblock: superblockAt, zeros: { base: superblockAt, bytes: blockBytes } }
  const file = wal.path === null ? undefined : WalFile.attach(wal.path, wal, buffers)
  const readInto = (address: number, bytes: number, position: number): void => {
    if (file !== undefined) file.read(address, bytes, position)
    else copyLog(log!, position, arena.bytes.subarray(address, address + bytes))
  }
  try {
    const source = {
      ...wal.state,
      ...from,
      window: Number.MAX_SAFE_INTEGER,
      base: logAt - start,
      view: arena.view,
      crc,
      // Those of this life were summed when they were appended.
      sumBatches: false,
      readBytes,
      read: (position: number, bytes: number) => readInto(logAt + position - start, bytes, position),
    }
    const end = readDurable(source, until, ({ stream, baseOffset, bytes, address }) => {
      const known = stored.get(stream)
      if (known === undefined || baseOffset < known) return
      const batches = streams.get(stream) ?? []
      streams.set(stream, batches)
      batches.push({
        baseOffset,
        end: baseOffset + arena.view.getInt32(address + batchHeader.lastOffsetDelta) + 1,
        bytes,
        maxTimestamp: getI64(arena.view, address + batchHeader.maxTimestamp),
        address,
      })
    })
    return { end, streams }
  } finally {
    file?.close()
  }
}
