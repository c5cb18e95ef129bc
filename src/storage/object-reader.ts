import { Pieces } from '../base/pieces.ts'
import { unfilled } from '../base/unfilled.ts'
import { batchesFrom, hasRecords } from '../objects/block-batches.ts'
import { BlockCache, type CachedBlock } from '../objects/block-cache.ts'
import { continuesRun, runBytesMax, spanOf, takeBlocks } from '../objects/block-runs.ts'
import type { ObjectIndex } from '../objects/object-format.ts'
import type { ObjectMap } from '../objects/object-map.ts'
import { indexIn } from '../objects/object-reads.ts'
import { ReadAhead } from '../objects/read-ahead.ts'
import type { BlockMemory, ObjectJobs } from '../ports/object-jobs.ts'
import type { DataBlock, StoredPart } from '../ports/stored-objects.ts'
import type { Time } from '../ports/time.ts'

/** Maximum number of requests that one read, or one read-ahead, sends to the store: blocks of a segment may be far from each other. */
const requestsMax = 256
/** Share of the block cache for the read-ahead of one reader. */
const aheadShare = 8
/** Share of the block cache for one read. */
const readShare = 4
/** Share of the block cache for leased blocks: a leased block keeps all blocks that were read with it. */
const leasedShare = 2
/** Maximum size of the cached indices. */
const indexBytesMax = 32 << 20

export interface ObjectReadCounters {
  add(row: 'hits' | 'misses' | 'read_ahead' | 'unread', by: number): void
}

/** Records of a partition from objects: whole batches, copied out of the block cache. */
export interface ColdRecords {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Offset after the last record. */
  readonly end: number
}

/** Records in the block cache, which stay unchanged until they are released. */
export interface LeasedRecords {
  readonly ranges: readonly { readonly address: number; readonly bytes: number }[]
  readonly end: number
  release(): void
}

/** Reads records that are no longer in the WAL. Simultaneous reads of the same block share one request. */
export class ObjectReader {
  readonly #objects: ObjectMap
  readonly #jobs: Pick<ObjectJobs, 'readTail' | 'loadBlocks'>
  readonly #memory: BlockMemory
  readonly #cache: BlockCache
  readonly #ahead: ReadAhead
  readonly #time: Time
  readonly #counters: ObjectReadCounters
  /** In the order of use. */
  readonly #indices = new Map<number, { readonly index: Promise<ObjectIndex>; bytes: number }>()
  /** Reads that wait for room. */
  #waiting: (() => void)[] = []

  /** `memory` is the block cache, into which object jobs read. */
  constructor(parts: {
    readonly objects: ObjectMap
    readonly jobs: Pick<ObjectJobs, 'readTail' | 'loadBlocks'>
    readonly memory: BlockMemory
    readonly time: Time
    readonly counters: ObjectReadCounters
  }) {
    const { base, size } = parts.memory
    this.#objects = parts.objects
    this.#jobs = parts.jobs
    this.#memory = parts.memory
    this.#time = parts.time
    this.#counters = parts.counters
    this.#ahead = new ReadAhead(Math.min(runBytesMax * 2, size / aheadShare))
    this.#cache = new BlockCache(base, size, ({ partitionId, block }) => {
      this.#ahead.wasted(partitionId, this.#time.monotonic())
      this.#counters.add('unread', block.bytes)
    })
  }

  /** Batches from the first that ends after `offset` on: at least one, then as many as `bytesMax` allows. Undefined when there are none. */
  async read(partitionId: number, offset: number, bytesMax: number): Promise<ColdRecords | undefined> {
    const leased = await this.lease(partitionId, offset, bytesMax, true)
    return leased === undefined || leased === 'outOfMemory' ? undefined : { bytes: this.copied(leased), end: leased.end }
  }

  /** Maximum number of leases that leaves room for other reads. */
  get leasesMax(): number {
    return Math.max(1, Math.floor(this.#cache.bytes / leasedShare / runBytesMax))
  }

  /**
   * As `read`, without a copy. Without room, the read waits if `mayWait`, and otherwise returns `outOfMemory`.
   *
   * Some clients fail on an answer in which every batch is empty: such batches are skipped if others follow.
   */
  async lease(partitionId: number, offset: number, bytesMax: number, mayWait: boolean): Promise<LeasedRecords | 'outOfMemory' | undefined> {
    const found = await this.#leaseAny(partitionId, offset, bytesMax, mayWait)
    if (found === undefined || found === 'outOfMemory' || this.#hasRecords(found)) return found
    // Released first: a read that waits for room must not occupy any.
    found.release()
    return (await this.lease(partitionId, found.end, bytesMax, mayWait)) ?? this.#leaseAny(partitionId, offset, bytesMax, mayWait)
  }

  async #leaseAny(
    partitionId: number,
    offset: number,
    bytesMax: number,
    mayWait: boolean,
  ): Promise<LeasedRecords | 'outOfMemory' | undefined> {
    for (const part of this.#objects.from(partitionId, offset)) {
      try {
        const records = await this.#leasePart(part, offset, bytesMax, mayWait)
        if (records !== undefined) return records
      } catch (error) {
        // Compaction may have replaced the object in the meantime.
        if (this.#objects.has(part)) throw error
        return this.#leaseAny(partitionId, offset, bytesMax, mayWait)
      }
    }
    return undefined
  }

  #hasRecords({ ranges }: LeasedRecords): boolean {
    return ranges.some(({ address, bytes }) => hasRecords(this.#memory.view, address, address + bytes))
  }

  async #leasePart(
    part: StoredPart,
    offset: number,
    bytesMax: number,
    mayWait: boolean,
  ): Promise<LeasedRecords | 'outOfMemory' | undefined> {
    const { objectId, partitionId } = part
    const index = await this.#index(part)
    const share = this.#cache.bytes / readShare
    const limit = Math.min(bytesMax, share)
    const blocks = takeBlocks(index.from(partitionId, offset), limit, Math.min(share, Math.max(limit, runBytesMax)))
    if (blocks.length === 0) return undefined
    const cached = await this.#load(objectId, partitionId, blocks, mayWait)
    if (cached === 'outOfMemory') return cached
    const records = this.#leased(cached, offset, bytesMax)
    const ahead = this.#ahead.onRead(partitionId, offset, records.end, this.#time.monotonic())
    // No read waits for these blocks yet; a later one receives the error.
    if (ahead > 0) this.#readAhead(partitionId, cached.at(-1)!.block.end, ahead).catch(() => {})
    return records
  }

  /** The first block, from an offset on, that may contain a record with at least this timestamp. */
  async *since(partitionId: number, offset: number, timestamp: number): AsyncGenerator<ColdRecords, void, void> {
    for (const part of this.#objects.from(partitionId, offset)) {
      for (const block of (await this.#index(part)).from(partitionId, offset)) {
        if (block.maxTimestamp >= timestamp) yield await this.#block(part, block, offset)
      }
    }
  }

  /** The latest timestamp of the first block from an offset on that has one; undefined if no stored block has. */
  async firstTimestamp(partitionId: number, offset: number): Promise<number | undefined> {
    for (const part of this.#objects.from(partitionId, offset)) {
      for (const block of (await this.#index(part)).from(partitionId, offset)) if (block.maxTimestamp > 0) return block.maxTimestamp
    }
    return undefined
  }

  /**
   * Blocks from an offset on by descending timestamp, for equal timestamps by offset. A block's timestamp is an upper bound: its record may
   * be below `offset`, or removed by compaction.
   */
  async *latest(partitionId: number, offset: number): AsyncGenerator<{ readonly maxTimestamp: number; records(): Promise<ColdRecords> }> {
    let last: DataBlock | undefined
    for (;;) {
      let best: { part: StoredPart; block: DataBlock } | undefined
      for (const part of this.#objects.from(partitionId, offset)) {
        for (const block of (await this.#index(part)).from(partitionId, offset)) {
          if (last !== undefined && !isLater(last, block)) continue
          if (best === undefined || isLater(block, best.block)) best = { part, block }
        }
      }
      if (best === undefined) return
      const { part, block } = best
      yield { maxTimestamp: block.maxTimestamp, records: () => this.#block(part, block, offset) }
      last = block
    }
  }

  async #block(part: StoredPart, block: DataBlock, offset: number): Promise<ColdRecords> {
    const cached = (await this.#load(part.objectId, part.partitionId, [block], true)) as CachedBlock[]
    const leased = this.#leased(cached, offset, Number.POSITIVE_INFINITY)
    return { bytes: this.copied(leased), end: leased.end }
  }

  /** Loads and pins the first of these blocks: as many as there is room for at once, so that no read waits while it occupies blocks. */
  async #load(
    objectId: number,
    partitionId: number,
    blocks: readonly DataBlock[],
    mayWait: boolean,
  ): Promise<CachedBlock[] | 'outOfMemory'> {
    if (blocks[0]!.bytes > this.#cache.bytes) throw new Error('a batch is larger than s3.block.cache.size')
    let pinned: CachedBlock[]
    for (;;) {
      pinned = this.#pinFirst(objectId, partitionId, blocks, true)
      if (pinned.length > 0) break
      if (!mayWait) return 'outOfMemory'
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    try {
      // All at once: otherwise an error of one load would be unhandled while another is awaited.
      await Promise.all(pinned.map(({ loading }) => loading))
      return pinned
    } catch (error) {
      this.#release(pinned)
      throw error
    }
  }

  /** Pins the first of these blocks, and requests those that are not cached: as many as there is room for, and requests. */
  #pinFirst(objectId: number, partitionId: number, blocks: readonly DataBlock[], read: boolean): CachedBlock[] {
    const pinned: CachedBlock[] = []
    const reserved: CachedBlock[][] = []
    while (pinned.length < blocks.length && reserved.length < requestsMax) {
      const block = blocks[pinned.length]!
      if (this.#cache.find(objectId, block.position) !== undefined) {
        pinned.push(this.#pin(objectId, block, read))
        continue
      }
      const run = this.#unknownRun(objectId, blocks, pinned.length)
      const cached = this.#cache.reserve(objectId, partitionId, run, read)
      if (cached === undefined) break
      reserved.push(cached)
      for (const each of cached) pinned.push(each)
    }
    for (const runs of jobsOf(reserved)) {
      const loading = this.#get(objectId, runs, read)
      // Reads that wait for the blocks receive the error; there may be none.
      loading.catch(() => {})
      for (const run of runs) for (const each of run) each.loading = loading
    }
    return pinned
  }

  /** Blocks from an index on that are not cached, and are read with one request. */
  #unknownRun(objectId: number, blocks: readonly DataBlock[], first: number): DataBlock[] {
    const run = [blocks[first]!]
    for (let next = first + 1; next < blocks.length; next++) {
      const block = blocks[next]!
      if (!continuesRun(run, block) || this.#cache.find(objectId, block.position) !== undefined) break
      run.push(block)
    }
    return run
  }

  #pin(objectId: number, { position, bytes }: DataBlock, read: boolean): CachedBlock {
    const cached = this.#cache.find(objectId, position)!
    cached.pins++
    if (read) {
      cached.read = true
      this.#counters.add('hits', bytes)
    }
    return cached
  }

  async #get(objectId: number, runs: readonly (readonly CachedBlock[])[], read: boolean): Promise<void> {
    const cached = runs.flat()
    this.#counters.add(
      read ? 'misses' : 'read_ahead',
      cached.reduce((sum, { block }) => sum + block.bytes, 0),
    )
    const requested = runs.map((run) => ({ address: run[0]!.address, blocks: run.map(({ block }) => block) }))
    try {
      await this.#jobs.loadBlocks(objectId, requested, read)
    } catch (error) {
      this.#cache.drop(cached)
      throw error
    } finally {
      for (const each of cached) each.loading = undefined
      this.#wake()
    }
  }

  async #readAhead(partitionId: number, from: number, bytes: number): Promise<void> {
    let left = bytes
    for (const part of this.#objects.from(partitionId, from)) {
      if (left <= 0) return
      const blocks = takeBlocks((await this.#index(part)).from(partitionId, from), left, left)
      const pinned = this.#pinFirst(part.objectId, partitionId, blocks, false)
      this.#release(pinned)
      if (pinned.length < blocks.length) return
      left -= blocks.reduce((sum, block) => sum + block.bytes, 0)
    }
  }

  #leased(cached: readonly CachedBlock[], offset: number, bytesMax: number): LeasedRecords {
    const ranges: { address: number; bytes: number }[] = []
    let left = bytesMax
    let end = offset
    for (const { address, block } of cached) {
      const range = batchesFrom(this.#memory.view, address, address + block.bytes, { offset, bytesMax: left, first: ranges.length === 0 })
      const last = ranges.at(-1)
      if (last !== undefined && last.address + last.bytes === range.address) last.bytes += range.bytes
      else if (range.bytes > 0) ranges.push({ address: range.address, bytes: range.bytes })
      end = Math.max(end, range.end)
      left -= range.bytes
      if (left <= 0 || range.end < block.end) break
    }
    return { ranges, end, release: () => this.#release(cached) }
  }

  /** Copies leased records into separate memory, and releases the lease. */
  copied(leased: LeasedRecords): Uint8Array<ArrayBuffer> {
    const bytes = unfilled(leased.ranges.reduce((sum, range) => sum + range.bytes, 0))
    this.copy(leased, [bytes])
    return bytes
  }

  /** Copies leased records to `into`, and releases the lease. */
  copy({ ranges, release }: LeasedRecords, into: readonly Uint8Array[]): void {
    const out = new Pieces(into)
    for (const { address, bytes } of ranges) out.write(this.#memory.bytes.subarray(address, address + bytes))
    release()
  }

  #release(cached: readonly CachedBlock[]): void {
    for (const each of cached) each.pins--
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }

  #index({ objectId, objectBytes: bytes }: StoredPart): Promise<ObjectIndex> {
    const known = this.#indices.get(objectId)
    if (known !== undefined) {
      this.#indices.delete(objectId)
      this.#indices.set(objectId, known)
      return known.index
    }
    const index = this.#jobs.readTail(objectId, bytes).then((tail) => indexIn(tail, bytes))
    const kept = { index, bytes: 0 }
    this.#indices.set(objectId, kept)
    index.then(
      (read) => {
        kept.bytes = read.bytes
        this.#shrink()
      },
      () => this.#indices.delete(objectId),
    )
    return index
  }

  /** Keeps the most recently used indices. */
  #shrink(): void {
    let total = 0
    for (const { bytes } of this.#indices.values()) total += bytes
    for (const [objectId, { bytes }] of this.#indices) {
      if (total <= indexBytesMax) return
      total -= bytes
      this.#indices.delete(objectId)
    }
  }
}

/** Whether a block precedes another in the order of `latest`. */
const isLater = (block: DataBlock, other: DataBlock): boolean =>
  block.maxTimestamp > other.maxTimestamp || (block.maxTimestamp === other.maxTimestamp && block.baseOffset < other.baseOffset)

/** Runs of blocks that are read by one job: together no larger than one request. */
function* jobsOf(runs: readonly CachedBlock[][]): Generator<CachedBlock[][], void, void> {
  let job: CachedBlock[][] = []
  let bytes = 0
  for (const run of runs) {
    const span = spanOf(run.map(({ block }) => block))
    if (job.length > 0 && bytes + span > runBytesMax) {
      yield job
      job = []
      bytes = 0
    }
    job.push(run)
    bytes += span
  }
  if (job.length > 0) yield job
}
