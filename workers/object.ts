/** Tasks of the object workers, which take long and must not delay requests of clients. */
import { readSync } from 'node:fs'
import { join } from 'node:path'
import { move, workerData } from 'piscina'
import { OpenFiles } from '../native-free-io/disk/open-files.ts'
import { readWalRanges } from '../native-free-io/disk/wal-ranges.ts'
import { cleanObjects } from '../native-free-io/store/clean-objects.ts'
import { type BlockRoom, loadRuns } from '../native-free-io/store/load-blocks.ts'
import { promoteSegment } from '../native-free-io/store/promote-segment.ts'
import { removeObjects } from '../native-free-io/store/remove-objects.ts'
import { rewriteObjects } from '../native-free-io/store/rewrite-objects.ts'
import { type StoreShare, sharedStore } from '../native-free-io/store/shared-store.ts'
import { openArena } from '../native-free-io/threads/arena.ts'
import { buildObject } from '../native-free-io/threads/build-object.ts'
import type {
  BlocksTask,
  BuildTask,
  CleanTask,
  ObjectWorkerData,
  PromoteTask,
  RangesTask,
  RemoveTask,
  RewriteTask,
  TailTask,
  UnbuiltPart,
} from '../native-free-io/threads/object-tasks.ts'
import { SerialQueue } from '../src/actor/serial-queue.ts'
import { unfilled } from '../src/base/unfilled.ts'
import { isFault } from '../src/object-store/store-faults.ts'
import { tailOf } from '../src/objects/object-reads.ts'
import { kernel } from '../src/pipeline/kernel/kernel.ts'
import { walBytes } from '../src/ports/cold-reads.ts'
import type { BuiltPart, CleanedObjects } from '../src/ports/object-jobs.ts'
import type { ListPage, StoreFault } from '../src/ports/object-store.ts'
import type { ObjectContents } from '../src/ports/stored-objects.ts'
import { segmentFolder, segmentName } from '../src/wal/segments.ts'

const { store: location, blocks, logs, budget, meter } = workerData as ObjectWorkerData & StoreShare
const store = sharedStore(location, { budget, meter })

export const build = (task: BuildTask): Promise<BuiltPart | UnbuiltPart> => buildObject(() => store('upload'), logs, task)
export const promote = async (task: PromoteTask): Promise<ObjectContents | StoreFault | 'declined'> =>
  promoteSegment(await store('upload'), task, Date.now())
export const rewrite = async (task: RewriteTask): Promise<ObjectContents | StoreFault> =>
  rewriteObjects(await store('compaction'), task, Date.now())
export const clean = async (task: CleanTask): Promise<CleanedObjects | StoreFault> => cleanObjects(await store('compaction'), task)

export async function readTail({ key, bytes }: TailTask): Promise<Uint8Array | StoreFault> {
  const tail = await tailOf(await store('read'), key, bytes)
  return isFault(tail) ? tail : moved(own(tail))
}

const { crc, copy } = kernel(blocks)
const room: BlockRoom = { ...openArena(blocks), crc: (address, bytes) => crc(address, bytes, 0), move: copy }

export const loadBlocks = async ({ key, runs, urgent }: BlocksTask): Promise<StoreFault | undefined> =>
  loadRuns(await store(urgent ? 'read' : 'readAhead'), key, runs, room)

/** Batches that are only in the files of the WAL, unless they are in `into` then; undefined when one has been overwritten or removed. */
export function ranges({ path, ranges: requested, into, ...log }: RangesTask): Uint8Array | 'copied' | undefined {
  const folder = segmentFolder(path)
  const own = into === null ? unfilled(walBytes(requested)) : undefined
  const isRead = readWalRanges(
    (bytes, segment, at) => {
      const fd = segment < 0 ? walFiles.open(path) : segmentFiles.open(join(folder, segmentName(segment)))
      return fd === undefined ? -1 : readSync(fd, bytes, 0, bytes.length, at)
    },
    log,
    requested,
    own === undefined ? into!.map(({ address, bytes }) => room.bytes.subarray(address, address + bytes)) : [own],
  )
  if (!isRead) return undefined
  return own === undefined ? 'copied' : moved(own)
}

const walFiles = new OpenFiles(1)
/** Few: the room of a removed file is free only when it is closed. */
const segmentFiles = new OpenFiles(2)

/** One task after another: two must not choose the same name for a spare segment. */
const removals = new SerialQueue()
export const remove = (task: RemoveTask): Promise<StoreFault | undefined> =>
  removals.run(async () => removeObjects(await store('upload'), task))

export const abandonUploads = async ({
  prefix,
  beforeMs,
}: {
  readonly prefix: string
  readonly beforeMs: number
}): Promise<number | StoreFault> => (await store('upload')).abandonUploads(prefix, beforeMs)

export const list = async ({ prefix, from }: { readonly prefix: string; readonly from?: string }): Promise<ListPage | StoreFault> =>
  (await store('upload')).list(prefix, from)

/** Separate memory, which can be transferred. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const isWhole = bytes.byteOffset === 0 && bytes.length === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer
  return isWhole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}

/** Transferred to the main thread, not copied. */
const moved = (bytes: Uint8Array<ArrayBuffer>): Uint8Array => move(bytes) as Uint8Array
