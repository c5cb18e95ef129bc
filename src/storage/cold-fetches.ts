import { PagePool, type PageRun, roundToPages } from '../base/page-pool.ts'
import { type Loaded, type WalRange, walBytes } from '../ports/cold-reads.ts'
import type { BlockMemory, ObjectJobs } from '../ports/object-jobs.ts'
import type { Time } from '../ports/time.ts'
import type { LeasedRecords, ObjectReader } from './object-reader.ts'

/** Maximum bytes of cold records of a partition in one answer. This bounds the memory of a client that does not read its answer. */
const answerBytesMax = 1 << 20
/**
 * This share of the memory for copies is reserved for requests without records so far. Clients that do not read their answers cannot take
 * all of it.
 */
const reservedShare = 2

const pressureMs = 1_000

export interface ColdFetchesParts {
  readonly cold: ObjectReader
  readonly jobs: Pick<ObjectJobs, 'readWal' | 'copyWal'>
  readonly memory: BlockMemory
  readonly time: Time
  /** A read waits for memory that answers occupy; called every second while any waits. */
  onPressure(): void
}

/**
 * Answers with cold records. Records of objects are sent from the block cache and occupy it until their clients have read them. When such
 * answers occupy so much of it that other reads would be blocked, records are copied out. Records that are only in the WAL file are always
 * copied. All copies are in a part of the block memory. Without memory for the copy, a read waits or returns `outOfMemory`.
 */
export class ColdFetches {
  readonly #cold: ObjectReader
  readonly #time: Time
  readonly #jobs: Pick<ObjectJobs, 'readWal' | 'copyWal'>
  readonly #memory: BlockMemory
  readonly #onPressure: () => void
  readonly #copies: PagePool
  readonly #reservedBytes: number
  /** Functions that release an answer's memory, by pin. */
  readonly #out = new Map<number, () => void>()
  #leased = 0
  #pins = 0
  /** Reads that wait for memory to be released. */
  #waiting: (() => void)[] = []
  /** A report is due while any reads wait. */
  #isPressed = false

  constructor({ cold, jobs, memory, time, onPressure }: ColdFetchesParts) {
    this.#cold = cold
    this.#jobs = jobs
    this.#memory = memory
    this.#time = time
    this.#onPressure = onPressure
    this.#copies = new PagePool(memory.copies.base, memory.copies.size)
    this.#reservedBytes = this.#copies.bytes / reservedShare
  }

  /** A caller with other answers in memory must not set `mayWait`: two such callers would wait for each other. */
  async find(partitionId: number, offset: number, bytesMax: number, mayWait: boolean): Promise<Loaded | 'outOfMemory' | undefined> {
    for (;;) {
      const leased = await this.#cold.lease(partitionId, offset, Math.min(bytesMax, answerBytesMax), mayWait)
      if (leased === undefined || leased === 'outOfMemory') return leased
      const found = this.#lease(leased) ?? this.#copy(leased, mayWait)
      if (found !== undefined) return found
      leased.release()
      if (!mayWait) return 'outOfMemory'
      await this.#wait()
    }
  }

  /** Batches in the WAL of a lane, read when there is memory for them: the first, and as many as fit in one answer. */
  async ofLog(lane: number, ranges: readonly WalRange[], mayWait: boolean): Promise<Loaded | 'outOfMemory' | undefined> {
    const requested = first(ranges)
    const bytes = walBytes(requested)
    // A batch that is larger than the memory for copies takes all of it, and is in memory of its own.
    const isOwn = bytes > this.#copies.bytes
    const taken = isOwn ? this.#copies.bytes : bytes
    let runs: readonly PageRun[] | undefined
    while ((runs = this.#take(taken, mayWait)) === undefined) {
      if (!mayWait) return 'outOfMemory'
      await this.#wait()
    }
    const pin = this.#holdCopy(runs)
    try {
      if (isOwn) {
        const found = await this.#jobs.readWal(lane, requested)
        if (found !== undefined) return { pin, bytes: found }
      } else if (await this.#jobs.copyWal(lane, requested, runs)) return { pin, ranges: runs }
    } catch (error) {
      this.release(pin)
      throw error
    }
    this.release(pin)
    return undefined
  }

  release(pin: number): void {
    this.#out.get(pin)?.()
    this.#out.delete(pin)
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }

  #lease({ ranges, release }: LeasedRecords): Loaded | undefined {
    if (this.#leased === this.#cold.leasesMax) return undefined
    this.#leased++
    const end = (): void => {
      this.#leased--
      release()
    }
    return { pin: this.#hold(end), ranges }
  }

  #copy(leased: LeasedRecords, mayWait: boolean): Loaded | undefined {
    const bytes = leased.ranges.reduce((sum, range) => sum + range.bytes, 0)
    const runs = this.#take(bytes, mayWait)
    if (runs === undefined) return undefined
    const into = runs.map((run) => this.#memory.bytes.subarray(run.address, run.address + run.bytes))
    this.#cold.copy(leased, into)
    return { pin: this.#holdCopy(runs), ranges: runs }
  }

  /** A batch that is larger than what is not reserved requires that all memory for copies is free. */
  #take(bytes: number, mayWait: boolean): readonly PageRun[] | undefined {
    if (mayWait) return this.#copies.take(bytes)
    return this.#copies.take(bytes, Math.min(this.#reservedBytes, Math.max(0, this.#copies.bytes - roundToPages(bytes))))
  }

  #holdCopy(runs: readonly PageRun[]): number {
    return this.#hold(() => this.#copies.release(runs))
  }

  #wait(): Promise<void> {
    if (!this.#isPressed) this.#time.after(pressureMs, () => this.#press())
    this.#isPressed = true
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #press(): void {
    this.#isPressed = this.#waiting.length > 0
    if (!this.#isPressed) return
    this.#onPressure()
    this.#time.after(pressureMs, () => this.#press())
  }

  #hold(release: () => void): number {
    this.#out.set(this.#pins, release)
    return this.#pins++
  }
}

function first(ranges: readonly WalRange[]): readonly WalRange[] {
  const requested: WalRange[] = []
  let bytes = 0
  for (const range of ranges) {
    if (requested.length > 0 && bytes + range.bytes > answerBytesMax) break
    requested.push(range)
    bytes += range.bytes
  }
  return requested
}
