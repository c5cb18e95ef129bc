import { assert } from '../base/assert.ts'
import type { DataBlock } from '../ports/stored-objects.ts'
import { spanOf } from './block-runs.ts'

/** Blocks that were read together are stored together. */
interface Run {
  address: number
  readonly bytes: number
  readonly blocks: readonly CachedBlock[]
}

export interface CachedBlock {
  readonly objectId: number
  readonly partitionId: number
  readonly block: DataBlock
  readonly address: number
  /** Undefined when the bytes have been loaded. */
  loading: Promise<void> | undefined
  /** Number of readers that use the block. */
  pins: number
  /** The block was requested by a reader, not only read ahead. */
  read: boolean
}

const keyOf = (objectId: number, position: number): string => `${objectId}:${position}`

/**
 * Data blocks of objects in a ring of memory. The oldest blocks are evicted first; blocks that are being read or loaded are skipped. Logs
 * are read forward, so the block that was loaded first is no longer needed first.
 *
 * Invariant: the runs are in the order of the queue after `head`, and never overlap.
 */
export class BlockCache {
  readonly #base: number
  readonly #bytes: number
  readonly #onUnread: (block: CachedBlock) => void
  readonly #blocks = new Map<string, CachedBlock>()
  #queue: Run[] = []
  #head = 0

  /** `onUnread` is called for blocks that were read ahead and evicted unused. */
  constructor(base: number, bytes: number, onUnread: (block: CachedBlock) => void) {
    this.#base = base
    this.#bytes = bytes
    this.#onUnread = onUnread
  }

  get bytes(): number {
    return this.#bytes
  }

  find(objectId: number, position: number): CachedBlock | undefined {
    return this.#blocks.get(keyOf(objectId, position))
  }

  /**
   * Reserves room for a run of blocks of an object with its gaps; undefined while too much is in use. Each block has one pin. The addresses
   * have no gaps: the load moves the blocks together, so that one range can be sent.
   */
  reserve(objectId: number, partitionId: number, blocks: readonly DataBlock[], read: boolean): CachedBlock[] | undefined {
    const bytes = spanOf(blocks)
    const address = this.#room(bytes)
    if (address === undefined) return undefined
    let next = this.#base + address
    const cached = blocks.map((block): CachedBlock => {
      next += block.bytes
      return { objectId, partitionId, block, address: next - block.bytes, loading: undefined, pins: 1, read }
    })
    for (const each of cached) {
      assert(!this.#blocks.has(keyOf(objectId, each.block.position)), 'a block is cached once')
      this.#blocks.set(keyOf(objectId, each.block.position), each)
    }
    this.#queue.push({ address, bytes, blocks: cached })
    return cached
  }

  /** Removes blocks that could not be loaded; their room is reused in its turn. */
  drop(blocks: readonly CachedBlock[]): void {
    for (const { objectId, block } of blocks) this.#blocks.delete(keyOf(objectId, block.position))
  }

  #room(bytes: number): number | undefined {
    if (bytes > this.#bytes) return undefined
    let start = this.#head
    // Once around at most: by then every evictable block has been evicted.
    for (let wraps = 0; wraps < 2; ) {
      if (start + bytes > this.#bytes) {
        this.#clear(start, this.#bytes)
        start = 0
        wraps++
        continue
      }
      const busy = this.#clear(start, start + bytes)
      if (busy === undefined) {
        this.#head = start + bytes
        return start
      }
      start = busy
    }
    this.#head = start
    return undefined
  }

  /** Frees [start, end), the oldest first. Returns the end of the last run in it that is in use. */
  #clear(start: number, end: number): number | undefined {
    let busy: number | undefined
    for (let oldest = this.#queue[0]; oldest !== undefined && oldest.address >= start && oldest.address < end; oldest = this.#queue[0]) {
      this.#queue.shift()
      if (oldest.blocks.some(({ pins, loading }) => pins > 0 || loading !== undefined)) {
        busy = oldest.address + oldest.bytes
        this.#queue.push(oldest)
        continue
      }
      for (const cached of oldest.blocks) {
        if (this.find(cached.objectId, cached.block.position) !== cached) continue
        this.#blocks.delete(keyOf(cached.objectId, cached.block.position))
        if (!cached.read) this.#onUnread(cached)
      }
    }
    return busy
  }
}
