import { isFault } from '../object-store/store-faults.ts'
import type { ObjectStore, StoreFault } from '../ports/object-store.ts'
import type { DataBlock } from '../ports/stored-objects.ts'
import { crc32c } from '../wire/crc32c.ts'
import { isBlock } from './block-check.ts'
import { spanOf } from './block-runs.ts'
import { footerBytes, ObjectDamaged, ObjectIndex, readFooter } from './object-format.ts'

/** Maximum number of reads of blocks that do not match the index, before they count as damaged in the store. */
export const triesMax = 3
/** Size of the first read of an index, enough for most; a longer one is read again. */
const tailBytes = 64 << 10

/** Reads at least the index and the footer of an object, and checks their CRCs. */
export async function tailOf(from: ObjectStore, key: string, bytes: number): Promise<Uint8Array | StoreFault> {
  for (let tries = 1; ; tries++) {
    try {
      const tail = await readTail(from, key, bytes)
      if (!isFault(tail)) indexIn(tail, bytes)
      return tail
    } catch (error) {
      if (!(error instanceof ObjectDamaged)) throw error
      if (tries === triesMax) return { fault: 'corrupt', operation: 'get', key, detail: error.message, attempts: tries, mayBeDone: false }
    }
  }
}

async function readTail(from: ObjectStore, key: string, bytes: number): Promise<Uint8Array | StoreFault> {
  const tail = await from.get(key, Math.max(0, bytes - tailBytes), bytes)
  if (isFault(tail)) return tail
  const needed = footerBytes + readFooter(tail.subarray(Math.max(0, tail.length - footerBytes)), bytes).indexBytes
  return needed <= tail.length ? tail : from.get(key, bytes - needed, bytes)
}

/** The index at the end of an object of `bytes`. Throws ObjectDamaged. */
export function indexIn(tail: Uint8Array, bytes: number): ObjectIndex {
  const footer = readFooter(tail.subarray(Math.max(0, tail.length - footerBytes)), bytes)
  return new ObjectIndex(tail.subarray(tail.length - footerBytes - footer.indexBytes, tail.length - footerBytes), footer)
}

export async function indexOf(from: ObjectStore, key: string, bytes: number): Promise<ObjectIndex | StoreFault> {
  const tail = await tailOf(from, key, bytes)
  return isFault(tail) ? tail : indexIn(tail, bytes)
}

/** The bytes of a run, with its gaps; each block is at its position relative to the first, and is checked against the index. */
export async function readWhole(from: ObjectStore, key: string, run: readonly DataBlock[]): Promise<Uint8Array | StoreFault> {
  const { position } = run[0]!
  const bytes = spanOf(run)
  for (let tries = 1; ; tries++) {
    const found = await from.get(key, position, position + bytes)
    if (isFault(found)) return found
    if (found.length === bytes && areBlocks(found, run)) return found
    if (tries === triesMax) return damaged(key, position, bytes, tries)
  }
}

function areBlocks(found: Uint8Array, run: readonly DataBlock[]): boolean {
  const view = new DataView(found.buffer, found.byteOffset, found.length)
  const crc = (at: number, bytes: number): number => crc32c(found, at, at + bytes) | 0
  return run.every((block) => isBlock(view, block.position - run[0]!.position, block, crc))
}

/** Each block of such a run, and its bytes. */
export function* blocksIn(bytes: Uint8Array, run: readonly DataBlock[]): Generator<readonly [DataBlock, Uint8Array], void, void> {
  for (const block of run) {
    const at = block.position - run[0]!.position
    yield [block, bytes.subarray(at, at + block.bytes)]
  }
}

export const damaged = (key: string, position: number, bytes: number, attempts: number): StoreFault => {
  const detail = `${bytes} bytes at ${position} do not match the index`
  return { fault: 'corrupt', operation: 'get', key, detail, attempts, mayBeDone: false }
}
