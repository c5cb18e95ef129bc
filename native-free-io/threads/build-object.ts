import { assert } from '../../src/base/assert.ts'
import { getI64 } from '../../src/base/long.ts'
import { encodeIndex, partOf } from '../../src/objects/object-format.ts'
import { planObject, type StagedBatch } from '../../src/objects/object-plan.ts'
import { uploadsMax } from '../../src/objects/upload-policy.ts'
import { type Kernel, kernel, kernelBytes } from '../../src/pipeline/kernel/kernel.ts'
import type { BuiltPart, Sealed } from '../../src/ports/object-jobs.ts'
import type { ObjectStore } from '../../src/ports/object-store.ts'
import type { TrimPoint } from '../../src/ports/trim-point.ts'
import { alignBlock, blockBytes } from '../../src/wal/wal-record.ts'
import { readDurable } from '../../src/wal/wal-recovery.ts'
import { batchHeader } from '../../src/wire/record-batch.ts'
import { WalFile } from '../disk/wal-file.ts'
import { mountFault } from '../store/mount-fault.ts'
import { type Arena, createArena, openArena } from './arena.ts'
import type { BuildTask, LogPlace, UnbuiltPart } from './object-tasks.ts'
import { copyLog } from './wal-reads.ts'

/** Size of one read; small enough not to delay the writes of the WAL. */
const readBytes = 256 << 10
/** The WAL is read in pieces that may end after the requested position. */
const readAheadBytes = 2 << 20
/** Address to which the superblock of the WAL is read, after the kernel's tables. */
const superblockAt = alignBlock(kernelBytes)
const logAt = superblockAt + blockBytes

/** Room after an object, so that a disk can write it in one piece. Only an index of tens of thousands of partitions is larger. */
const indexBytesMax = 8 << 20

/**
 * Memory for a part of the WAL, which is read and sorted at once, and for the objects built from such parts, which stay until the store has
 * them. Allocated once: the first touch of memory costs more than its use. Untouched pages occupy no physical memory.
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

  /** Returns the address of room for one object. */
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

/**
 * Step of the room's size. Parts differ slightly in size, and the garbage collector frees such memory late, so rooms grow in large steps.
 */
const roomStepBytes = 16 << 20

/** A larger room replaces the previous one, which is released when its last object is stored. */
function roomFor(logBytes: number): Room {
  if (kept === undefined || kept.logBytes < logBytes) kept = new Room(Math.ceil(logBytes / roomStepBytes) * roomStepBytes)
  return kept
}

/** Builds an object from a durable part of the WAL, with its batches sorted by partition. */
export async function buildObject(
  store: () => Promise<ObjectStore>,
  logs: readonly (LogPlace | undefined)[],
  task: BuildTask,
): Promise<BuiltPart | UnbuiltPart> {
  const { from, until, port } = task
  const start = Math.floor(from.trimmed / blockBytes) * blockBytes
  const logBytes = alignBlock(until - start) + readAheadBytes
  const room = roomFor(logBytes)
  const { arena, kernel: machine } = room
  const at = room.takeOutput()
  try {
    const { end, partitions } = readLog(task, logs[task.lane], start, room)
    port.postMessage({ end } satisfies Sealed)
    if (partitions.size === 0) return { end, object: undefined }
    const plan = planObject(partitions, machine.crc)
    let to = at
    for (const { address, bytes } of plan.batches) {
      machine.copy(to, address, bytes)
      to += bytes
    }
    const index = encodeIndex(plan.partitions, plan.bytes)
    const isTogether = index.length <= indexBytesMax
    if (isTogether) arena.bytes.set(index, to)
    const pieces = isTogether ? [arena.bytes.subarray(at, to + index.length)] : [arena.bytes.subarray(at, to), index]
    const objects = await store()
    const fault = (await mountFault(objects, task.marker)) ?? (await objects.put(task.key, pieces))
    if (fault !== undefined) return { end, fault }
    return { end, object: { bytes: plan.bytes + index.length, parts: plan.partitions.map((partition) => partOf(partition, Date.now())) } }
  } finally {
    port.close()
    room.giveOutput(at)
  }
}

function readLog(
  { wal, from, until, stored }: BuildTask,
  log: LogPlace | undefined,
  start: number,
  { arena, kernel: { crc } }: Room,
): { end: TrimPoint; partitions: Map<number, StagedBatch[]> } {
  const partitions = new Map<number, StagedBatch[]>()
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
      // The CRCs of this incarnation's batches were checked by the append.
      sumBatches: false,
      readBytes,
      searchBase: undefined,
      read: readInto,
    }
    const end = readDurable(source, until, ({ partitionId, baseOffset, bytes, address }) => {
      const known = stored.get(partitionId)
      if (known === undefined || baseOffset < known) return
      const batches = partitions.get(partitionId) ?? []
      partitions.set(partitionId, batches)
      batches.push({
        baseOffset,
        end: baseOffset + arena.view.getInt32(address + batchHeader.lastOffsetDelta) + 1,
        bytes,
        maxTimestamp: getI64(arena.view, address + batchHeader.maxTimestamp),
        address,
      })
    })
    return { end, partitions }
  } finally {
    file?.close()
  }
}
