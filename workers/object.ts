/** Work of the object workers: tasks that take long and that nobody's latency may wait for. */
import { readSync } from 'node:fs'
import { move, workerData } from 'piscina'
import { type Arena, createArena, openArena } from '../native-free-io/arena.ts'
import { type CleanedObjects, type CleanTask, cleanObjects } from '../native-free-io/clean-objects.ts'
import type {
  BlocksTask,
  BuildTask,
  BuiltObject,
  BuiltPart,
  MeterData,
  ObjectWorkerData,
  RangesTask,
  RewriteTask,
  Sealed,
  TailTask,
  UnbuiltPart,
} from '../native-free-io/object-jobs.ts'
import { damaged, indexOf, readWhole, runsOf, tailOf, triesMax } from '../native-free-io/object-reads.ts'
import { OpenFiles } from '../native-free-io/open-files.ts'
import { BandwidthGate, budgeted } from '../native-free-io/store/bandwidth-gate.ts'
import { openStore } from '../native-free-io/store/open-store.ts'
import { readWalRanges, WalFile } from '../native-free-io/wal-file.ts'
import { copyLog } from '../native-free-io/wal-reads.ts'
import { assert } from '../src/base/assert.ts'
import { getI64 } from '../src/base/long.ts'
import { MetricBlock } from '../src/metrics/rows.ts'
import { type Kernel, kernel, kernelBytes } from '../src/pipeline/kernel/kernel.ts'
import type { ListPage, ObjectStore, ObjectUpload, StoreFault } from '../src/ports.ts'
import { BandwidthBudget, type Priority } from '../src/stream/bandwidth.ts'
import { type DataBlock, encodeIndex, partOf, type StreamBlocks } from '../src/stream/object-format.ts'
import { planObject, type StagedBatch } from '../src/stream/object-plan.ts'
import { uploadsMax } from '../src/stream/seal-policy.ts'
import { isFault } from '../src/stream/store-faults.ts'
import { storeTable } from '../src/stream/store-metrics.ts'
import { alignBlock, blockBytes, type Cut } from '../src/stream/wal-record.ts'
import { readDurable } from '../src/stream/wal-recovery.ts'
import { batchHeader } from '../src/wire/record-batch.ts'

const { store: location, blocks, budget, log, meter } = workerData as ObjectWorkerData & MeterData
let opened: Promise<ObjectStore> | undefined
/** One store for all; who asks for what decides who waits for bandwidth. */
async function store(priority: Priority): Promise<ObjectStore> {
  opened ??= openStore(location, { meter: new MetricBlock(storeTable, meter) })
  return gates === undefined ? opened : budgeted(await opened, gates, priority)
}
const gateOf = (words: BigInt64Array): BandwidthGate => new BandwidthGate(new BandwidthBudget(words, budget!.bytesPerSecond))
const gates = budget === null ? undefined : { received: gateOf(budget.received), sent: gateOf(budget.sent) }

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

/** A larger one takes the place of the one before, which goes when its last object is stored. */
function roomFor(logBytes: number): Room {
  if (kept === undefined || kept.logBytes < logBytes) kept = new Room(logBytes)
  return kept
}

/** Turns a durable part of the write-ahead log into an object, its batches sorted by stream. */
export async function build({ wal, from, until, key, stored, port }: BuildTask): Promise<BuiltPart | UnbuiltPart> {
  const start = Math.floor(from.trimmed / blockBytes) * blockBytes
  const logBytes = alignBlock(until - start) + readAheadBytes
  const room = roomFor(logBytes)
  const { arena, kernel: machine } = room
  const at = room.takeOutput()
  try {
    const { end, streams } = readLog({ wal, from, until, stored, start }, arena, machine)
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
    const fault = await (await store('upload')).put(key, pieces)
    if (fault !== undefined) return { end, fault }
    return { end, object: { bytes: plan.bytes + index.length, streams: plan.streams.map(partOf) } }
  } finally {
    port.close()
    room.giveOutput(at)
  }
}

function readLog(
  { wal, from, until, stored, start }: Pick<BuildTask, 'wal' | 'from' | 'until' | 'stored'> & { readonly start: number },
  arena: Arena,
  { crc }: Kernel,
): { end: Cut; streams: Map<number, StagedBatch[]> } {
  const streams = new Map<number, StagedBatch[]>()
  const buffers = { ...arena, crc, superblock: superblockAt, zeros: { base: superblockAt, bytes: blockBytes } }
  const file = wal.path === null ? undefined : WalFile.attach(wal.path, wal.state, buffers)
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

/** Makes one object of parts of others. Blocks stay as they are, so that only their positions change. */
export async function rewrite({ key, sources }: RewriteTask): Promise<BuiltObject | StoreFault> {
  const from = await store('compaction')
  const upload = from.upload(key)
  const streams: StreamBlocks[] = []
  try {
    for (const source of sources) {
      const blocks = await copyBlocks(from, upload, source)
      if (isFault(blocks)) return await abandoned(upload, blocks)
      const last = streams.at(-1)
      if (last?.stream === source.stream) streams.splice(-1, 1, { ...last, end: source.end, blocks: [...last.blocks, ...blocks] })
      else streams.push({ stream: source.stream, start: source.start, end: source.end, blocks })
    }
    const fault = await upload.append([encodeIndex(streams, upload.bytes)])
    const bytes = fault ?? (await upload.complete())
    return isFault(bytes) ? await abandoned(upload, bytes) : { bytes, streams: streams.map(partOf) }
  } catch (error) {
    await upload.abort()
    throw error
  }
}

async function abandoned(upload: ObjectUpload, fault: StoreFault): Promise<StoreFault> {
  await upload.abort()
  return fault
}

/** Copies the blocks of one source that are still needed; each is seen to be whole on the way. */
async function copyBlocks(
  from: ObjectStore,
  upload: ObjectUpload,
  source: RewriteTask['sources'][number],
): Promise<DataBlock[] | StoreFault> {
  const index = await indexOf(from, source.key, source.objectBytes)
  if (isFault(index)) return index
  const copied: DataBlock[] = []
  for (const run of runsOf([...index.from(source.stream, Math.max(source.from, source.start))])) {
    const { position } = run[0]!
    const found = await readWhole(from, source.key, run)
    if (isFault(found)) return found
    for (const block of run) copied.push({ ...block, position: upload.bytes + (block.position - position) })
    const fault = await upload.append([found])
    if (fault !== undefined) return fault
  }
  return copied
}

export async function readTail({ key, bytes }: TailTask): Promise<Uint8Array | StoreFault> {
  const tail = await tailOf(await store('read'), key, bytes)
  return isFault(tail) ? tail : moved(own(tail))
}

const blockMemory = openArena(blocks)
const blockKernel = kernel(blocks)

export async function loadBlocks({ key, position, address, blocks: wanted, urgent }: BlocksTask): Promise<StoreFault | undefined> {
  const bytes = wanted.reduce((sum, block) => sum + block.bytes, 0)
  for (let tries = 1; ; tries++) {
    const found = await (await store(urgent ? 'read' : 'readAhead')).get(
      key,
      position,
      position + bytes,
      blockMemory.bytes.subarray(address, address + bytes),
    )
    if (isFault(found)) return found
    if (found.length === bytes && areWhole(address, wanted)) return undefined
    if (tries === triesMax) return damaged(key, position, bytes, tries)
  }
}

function areWhole(address: number, wanted: BlocksTask['blocks']): boolean {
  let at = address
  return wanted.every(({ bytes, crc }) => {
    at += bytes
    return blockKernel.crc(at - bytes, bytes, 0) === crc
  })
}

export const clean = async (task: CleanTask): Promise<CleanedObjects | StoreFault> => cleanObjects(await store('compaction'), task)

/** Batches that only the file of the write-ahead log holds; undefined when one of them has been overwritten. */
export function ranges({ path, capacity, ranges: wanted }: RangesTask): Uint8Array | undefined {
  const fd = walFiles.open(path)
  const read = readWalRanges((bytes, at) => readSync(fd, bytes, 0, bytes.length, at), capacity, wanted)
  return read && moved(read)
}

const walFiles = new OpenFiles()

export const remove = async ({ keys }: { readonly keys: readonly string[] }): Promise<StoreFault | undefined> =>
  (await store('upload')).remove(keys)

export const abandonUploads = async ({
  prefix,
  beforeMs,
}: {
  readonly prefix: string
  readonly beforeMs: number
}): Promise<number | StoreFault> => (await store('upload')).abandonUploads(prefix, beforeMs)

export const list = async ({ prefix, from }: { readonly prefix: string; readonly from?: string }): Promise<ListPage | StoreFault> =>
  (await store('upload')).list(prefix, from)

/** Memory of its own, which can be handed over. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const isWhole = bytes.byteOffset === 0 && bytes.length === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer
  return isWhole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}

/** Handed to the main thread, not copied for it. */
const moved = (bytes: Uint8Array<ArrayBuffer>): Uint8Array => move(bytes) as Uint8Array
