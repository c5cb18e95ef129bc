import { isFault } from '../../src/object-store/store-faults.ts'
import { encodeIndex, type PartitionBlocks, partOf } from '../../src/objects/object-format.ts'
import { indexOf, readWhole, runsOf } from '../../src/objects/object-reads.ts'
import type { ObjectStore, ObjectUpload, StoreFault } from '../../src/ports/object-store.ts'
import type { DataBlock, ObjectContents } from '../../src/ports/stored-objects.ts'
import type { RewriteTask } from '../threads/object-tasks.ts'

/** Builds one object from parts of existing objects. Blocks are copied unchanged; only their positions change. `nowMs` is the wall clock. */
export async function rewriteObjects(
  from: ObjectStore,
  { key, sources }: RewriteTask,
  nowMs: number,
): Promise<ObjectContents | StoreFault> {
  const upload = from.upload(key)
  const partitions: PartitionBlocks[] = []
  try {
    for (const source of sources) {
      const blocks = await copyBlocks(from, upload, source)
      if (isFault(blocks)) return await abandoned(upload, blocks)
      const last = partitions.at(-1)
      if (last?.partitionId === source.partitionId)
        partitions.splice(-1, 1, { ...last, end: source.end, blocks: [...last.blocks, ...blocks] })
      else partitions.push({ partitionId: source.partitionId, start: source.start, end: source.end, blocks })
    }
    const fault = await upload.append([encodeIndex(partitions, upload.bytes)])
    const bytes = fault ?? (await upload.complete())
    return isFault(bytes) ? await abandoned(upload, bytes) : { bytes, parts: partitions.map((partition) => partOf(partition, nowMs)) }
  } catch (error) {
    await upload.abort()
    throw error
  }
}

async function abandoned(upload: ObjectUpload, fault: StoreFault): Promise<StoreFault> {
  await upload.abort()
  return fault
}

/** Copies the blocks of one source that are still needed, and verifies each. */
async function copyBlocks(
  from: ObjectStore,
  upload: ObjectUpload,
  source: RewriteTask['sources'][number],
): Promise<DataBlock[] | StoreFault> {
  const index = await indexOf(from, source.key, source.objectBytes)
  if (isFault(index)) return index
  const copied: DataBlock[] = []
  for (const run of runsOf([...index.from(source.partitionId, Math.max(source.from, source.start))])) {
    const { position } = run[0]!
    const found = await readWhole(from, source.key, run)
    if (isFault(found)) return found
    for (const block of run) copied.push({ ...block, position: upload.bytes + (block.position - position) })
    const fault = await upload.append([found])
    if (fault !== undefined) return fault
  }
  return copied
}
