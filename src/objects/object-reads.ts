import { isFault } from '../object-store/store-faults.ts'
import type { ObjectStore, StoreFault } from '../ports/object-store.ts'
import type { DataBlock } from '../ports/stored-objects.ts'
import { crc32c } from '../wire/crc32c.ts'
import { footerBytes, ObjectDamaged, ObjectIndex, readFooter } from './object-format.ts'

/** Maximum number of reads of blocks that do not match the index, before they count as damaged in the store. */
export const triesMax = 3
/** Size of the first read of an index, enough for most; a longer one is read again. */
const tailBytes = 64 << 10
/** Maximum bytes of one request for blocks. */
const runBytesMax = 4 << 20

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

/** Groups consecutive blocks into runs, each read with one request. */
export function* runsOf(blocks: readonly DataBlock[]): Generator<DataBlock[], void, void> {
  for (let first = 0, next = 0; first < blocks.length; first = next) {
    let bytes = 0
    for (next = first; next < blocks.length && (next === first || bytes + blocks[next]!.bytes <= runBytesMax); next++)
      bytes += blocks[next]!.bytes
    yield blocks.slice(first, next)
  }
}

/** The bytes of such a run; each block is checked against the index. */
export async function readWhole(from: ObjectStore, key: string, run: readonly DataBlock[]): Promise<Uint8Array | StoreFault> {
  const { position } = run[0]!
  const bytes = run.reduce((sum, block) => sum + block.bytes, 0)
  for (let tries = 1; ; tries++) {
    const found = await from.get(key, position, position + bytes)
    if (isFault(found)) return found
    const areRight = found.length === bytes && run.every((block) => crc32cOf(found, block.position - position, block.bytes) === block.crc)
    if (areRight) return found
    if (tries === triesMax) return damaged(key, position, bytes, tries)
  }
}

const crc32cOf = (bytes: Uint8Array, start: number, length: number): number => crc32c(bytes, start, start + length) | 0

export const damaged = (key: string, position: number, bytes: number, attempts: number): StoreFault => {
  const detail = `${bytes} bytes at ${position} do not match the checksum in the index`
  return { fault: 'corrupt', operation: 'get', key, detail, attempts, mayBeDone: false }
}
