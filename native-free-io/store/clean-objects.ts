import { hash } from 'node:crypto'
import { orThrow, StoreFailed } from '../../src/object-store/store-faults.ts'
import { BlockPacker, packedBatch } from '../../src/objects/block-packer.ts'
import { runsOf } from '../../src/objects/block-runs.ts'
import { type CleaningRules, cleanBatch, type KeyHash, noteKeys } from '../../src/objects/compaction/clean-batch.ts'
import { grouped } from '../../src/objects/compaction/cleaning-plan.ts'
import { KeyMap, keyHashBytes } from '../../src/objects/compaction/key-map.ts'
import { encodeIndex, partOf } from '../../src/objects/object-format.ts'
import { blocksIn, indexOf, readWhole } from '../../src/objects/object-reads.ts'
import type { CleanedObjects } from '../../src/ports/object-jobs.ts'
import type { ObjectStore, StoreFault } from '../../src/ports/object-store.ts'
import type { ObjectContents } from '../../src/ports/stored-objects.ts'
import { type BatchHeader, batchBytes, batchHeader, lastOffset, readBatchHeader } from '../../src/wire/record-batch.ts'
import { nodeCodecs } from '../threads/codecs.ts'
import type { CleanTask } from '../threads/object-tasks.ts'

/** 128 bits of SHA-256: a client that chooses keys cannot produce a collision with another client's key. */
const hashOf: KeyHash = (key) => hash('sha256', key, 'buffer').subarray(0, keyHashBytes)

/** Reads the records that have never been compacted for their keys, then reads all records again and writes the retained ones. */
export async function cleanObjects(store: ObjectStore, task: CleanTask): Promise<CleanedObjects | StoreFault> {
  try {
    const keys = await keysOf(store, task)
    const rules = { ...task, keys, hash: hashOf, codecs: nodeCodecs }
    const sources = task.sources.filter(({ start }) => start < keys.end)
    const outputs: (ObjectContents | undefined)[] = []
    for (const group of grouped(sources, task.groupBytesMax)) {
      outputs.push(await cleanGroup(store, task.keys[outputs.length]!, group, rules))
    }
    return { end: keys.end, replaced: sources.length, outputs }
  } catch (error) {
    if (error instanceof StoreFailed) return error.fault
    throw error
  }
}

async function keysOf(store: ObjectStore, { sources, dirtyFrom, mapBytes }: CleanTask): Promise<KeyMap> {
  const keys = new KeyMap(mapBytes)
  const tools = { keys, hash: hashOf, codecs: nodeCodecs }
  for (const source of sources) {
    if (source.end <= dirtyFrom) continue
    for await (const piece of piecesOf(store, source, dirtyFrom)) {
      for (const { at, header } of batchesIn(piece)) if (!noteKeys(piece, at, header, dirtyFrom, tools)) return keys
    }
    keys.end = source.end
  }
  return keys
}

/** The object of a group, if any of its records are retained. */
async function cleanGroup(
  store: ObjectStore,
  key: string,
  sources: CleanTask['sources'],
  rules: CleaningRules & Pick<CleanTask, 'partitionId' | 'logStart'>,
): Promise<ObjectContents | undefined> {
  const upload = store.upload(key)
  const packer = new BlockPacker(0)
  const write = async (pieces: readonly Uint8Array[]): Promise<void> => {
    if (pieces.length > 0) orThrow(await upload.append(pieces))
  }
  try {
    for (const source of sources) {
      for await (const piece of piecesOf(store, source, rules.logStart)) {
        for (const { at, header } of batchesIn(piece)) {
          const batch = stayingOf(piece, at, header, rules)
          if (batch !== undefined) await write(packer.add(packedBatch(batch)))
        }
      }
    }
    await write(packer.finish())
    const { partitionId } = rules
    const { blocks } = packer
    if (blocks.length === 0) {
      await upload.abort()
      return undefined
    }
    const cleaned = { partitionId, start: sources[0]!.start, end: sources.at(-1)!.end, blocks }
    await write([encodeIndex([cleaned], upload.bytes)])
    return { bytes: orThrow(await upload.complete()), parts: [partOf(cleaned, rules.nowMs)] }
  } catch (error) {
    await upload.abort()
    throw error
  }
}

/** Returns a copy: a small retained part would otherwise keep the whole read buffer alive. */
function stayingOf(
  piece: Buffer,
  at: number,
  header: BatchHeader,
  rules: CleaningRules & { readonly logStart: number },
): Buffer | undefined {
  if (Number(lastOffset(header)) < rules.logStart) return undefined
  const cleaned = cleanBatch(piece, at, header, rules)
  if (cleaned === 'nothing') return undefined
  return cleaned === 'all' ? Buffer.from(piece.subarray(at, at + batchBytes(header))) : cleaned
}

/** The blocks of a source from an offset on: whole batches each. Several are read at a time. */
async function* piecesOf(store: ObjectStore, source: CleanTask['sources'][number], from: number): AsyncGenerator<Buffer, void, void> {
  const index = orThrow(await indexOf(store, source.key, source.objectBytes))
  for (const run of runsOf(index.from(source.partitionId, Math.max(from, source.start)))) {
    const found = orThrow(await readWhole(store, source.key, run))
    for (const [, bytes] of blocksIn(found, run)) yield Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

function* batchesIn(piece: Buffer): Generator<{ readonly at: number; readonly header: BatchHeader }, void, void> {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.length)
  for (let at = 0; at + batchHeader.bytes <= piece.length; ) {
    const header = readBatchHeader(view, at)
    yield { at, header }
    at += batchBytes(header)
  }
}
