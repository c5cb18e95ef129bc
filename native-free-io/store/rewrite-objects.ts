import { orThrow, StoreFailed } from '../../src/object-store/store-faults.ts'
import { BlockPacker, packedBatch } from '../../src/objects/block-packer.ts'
import { runsOf } from '../../src/objects/block-runs.ts'
import { encodeIndex, type ObjectIndex, type PartitionBlocks, partOf } from '../../src/objects/object-format.ts'
import { blocksIn, indexOf, readWhole } from '../../src/objects/object-reads.ts'
import type { ObjectStore, ObjectUpload, StoreFault } from '../../src/ports/object-store.ts'
import type { DataBlock, ObjectContents } from '../../src/ports/stored-objects.ts'
import type { RewriteTask } from '../threads/object-tasks.ts'

type RewriteSource = RewriteTask['sources'][number]

/** Maximum size of the indices that a task keeps: an object is a source once for each of its partitions. */
const indexBytesMax = 32 << 20

/**
 * Builds one object of format 2 from parts of existing objects. Blocks with a checksum are copied unchanged; only their positions change.
 * Blocks of one batch are packed into larger ones. `nowMs` is the wall clock.
 */
export async function rewriteObjects(
  from: ObjectStore,
  { key, sources }: RewriteTask,
  nowMs: number,
): Promise<ObjectContents | StoreFault> {
  const upload = from.upload(key)
  const indices = new SourceIndices(from)
  const partitions: PartitionBlocks[] = []
  try {
    for (const ofPartition of byPartition(sources)) {
      const [{ partitionId, start }] = ofPartition as [RewriteSource]
      const blocks = await rewritePart(from, upload, indices, ofPartition)
      partitions.push({ partitionId, start, end: ofPartition.at(-1)!.end, blocks })
    }
    orThrow(await upload.append([encodeIndex(partitions, upload.bytes)]))
    return { bytes: orThrow(await upload.complete()), parts: partitions.map((partition) => partOf(partition, nowMs)) }
  } catch (error) {
    await upload.abort()
    if (error instanceof StoreFailed) return error.fault
    throw error
  }
}

/** Sources of one partition follow each other. */
function* byPartition(sources: readonly RewriteSource[]): Generator<RewriteSource[], void, void> {
  for (let first = 0, next = 0; first < sources.length; first = next) {
    while (next < sources.length && sources[next]!.partitionId === sources[first]!.partitionId) next++
    yield sources.slice(first, next)
  }
}

/** Writes the blocks of one partition that are still needed, in the order of their offsets, and verifies each. */
async function rewritePart(
  from: ObjectStore,
  upload: ObjectUpload,
  indices: SourceIndices,
  sources: readonly RewriteSource[],
): Promise<DataBlock[]> {
  const part = new PartWriter(upload)
  for (const source of sources) {
    const index = await indices.of(source)
    for (const run of runsOf(index.from(source.partitionId, Math.max(source.from, source.start)))) {
      await part.write(run, orThrow(await readWhole(from, source.key, run)))
    }
  }
  return part.finish()
}

/** The blocks of one partition in a new object. */
class PartWriter {
  readonly #upload: ObjectUpload
  readonly #blocks: DataBlock[] = []
  /** Batches that are not written yet, and the blocks of those that were since the last copied block. */
  #packer: BlockPacker | undefined

  constructor(upload: ObjectUpload) {
    this.#upload = upload
  }

  /** All blocks of a run are of one format: they are from one object. */
  write(run: readonly DataBlock[], bytes: Uint8Array): Promise<void> {
    return run[0]!.crc === null ? this.#pack(run, bytes) : this.#copy(run, bytes)
  }

  async finish(): Promise<DataBlock[]> {
    if (this.#packer !== undefined) {
      await this.#append(this.#packer.finish())
      for (const block of this.#packer.blocks) this.#blocks.push(block)
      this.#packer = undefined
    }
    return this.#blocks
  }

  async #pack(run: readonly DataBlock[], bytes: Uint8Array): Promise<void> {
    this.#packer ??= new BlockPacker(this.#upload.bytes)
    for (const [, batch] of blocksIn(bytes, run)) await this.#append(this.#packer.add(packedBatch(batch)))
  }

  async #copy(run: readonly DataBlock[], bytes: Uint8Array): Promise<void> {
    await this.finish()
    for (const [block, piece] of blocksIn(bytes, run)) {
      this.#blocks.push({ ...block, position: this.#upload.bytes })
      await this.#append([piece])
    }
  }

  async #append(pieces: readonly Uint8Array[]): Promise<void> {
    if (pieces.length > 0) orThrow(await this.#upload.append(pieces))
  }
}

/** The indices of the sources. Those that were read last are kept. */
class SourceIndices {
  readonly #from: ObjectStore
  readonly #kept = new Map<string, ObjectIndex>()
  #bytes = 0

  constructor(from: ObjectStore) {
    this.#from = from
  }

  async of({ key, objectBytes }: RewriteSource): Promise<ObjectIndex> {
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const index = orThrow(await indexOf(this.#from, key, objectBytes))
    this.#kept.set(key, index)
    this.#bytes += index.bytes
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= indexBytesMax || oldest === key) break
      this.#kept.delete(oldest)
      this.#bytes -= bytes
    }
    return index
  }
}
