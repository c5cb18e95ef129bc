import { ByteBudget } from '../base/byte-budget.ts'
import type { Loaded, WalRange } from '../ports/cold-reads.ts'
import type { Time } from '../ports/time.ts'
import type { LeasedRecords, ObjectReader } from './object-reader.ts'

/** Maximum bytes of cold records of a partition in one answer. This bounds the memory of a client that does not read its answer. */
const answerBytesMax = 1 << 20
/** Maximum bytes of answers outside the block cache. */
const copiesBytesMax = 32 << 20
/** Half of it is reserved for requests without records so far. Clients that do not read their answers cannot take all of it. */
const reservedBytes = copiesBytesMax / 2

const pressureMs = 1_000

/**
 * Answers with cold records. Records of objects are sent from the block cache and occupy it until their clients have read them. When such
 * answers occupy so much of it that other reads would be blocked, records are copied out. Records that are only in the WAL file are always
 * copied. Without memory for the copy, a read waits or returns `outOfMemory`.
 */
export class ColdFetches {
  readonly #cold: ObjectReader
  readonly #time: Time
  readonly #onPressure: () => void
  readonly #copies = new ByteBudget(copiesBytesMax)
  /** Functions that release an answer's memory, by pin. */
  readonly #out = new Map<number, () => void>()
  #leased = 0
  #pins = 0
  /** Reads that wait for memory to be released. */
  #waiting: (() => void)[] = []
  /** A report is due while any reads wait. */
  #isPressed = false

  /** `onPressure`: a read waits for memory that answers occupy; called every second while any waits. */
  constructor(cold: ObjectReader, time: Time, onPressure: () => void) {
    this.#cold = cold
    this.#time = time
    this.#onPressure = onPressure
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

  /** Batches in the WAL, read by `read` when there is memory for them: the first, and as many as fit in one answer. */
  async ofLog(
    ranges: readonly WalRange[],
    mayWait: boolean,
    read: (ranges: readonly WalRange[]) => Promise<Uint8Array<ArrayBuffer> | undefined>,
  ): Promise<Loaded | 'outOfMemory' | undefined> {
    const { requested, bytes } = first(ranges)
    // A batch that is larger than the whole budget takes all of it.
    const taken = Math.min(bytes, mayWait ? copiesBytesMax : reservedBytes)
    while (!this.#take(taken, mayWait)) {
      if (!mayWait) return 'outOfMemory'
      await this.#wait()
    }
    const pin = this.#hold(() => this.#copies.release(taken))
    const found = await read(requested).catch((error: Error) => {
      this.release(pin)
      throw error
    })
    if (found !== undefined) return { pin, bytes: found }
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
    if (!this.#take(bytes, mayWait)) return undefined
    return { pin: this.#hold(() => this.#copies.release(bytes)), bytes: this.#cold.copied(leased) }
  }

  #take(bytes: number, mayWait: boolean): boolean {
    return this.#copies.take(bytes, mayWait ? 0 : reservedBytes)
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

function first(ranges: readonly WalRange[]): { readonly requested: readonly WalRange[]; readonly bytes: number } {
  const requested: WalRange[] = []
  let bytes = 0
  for (const range of ranges) {
    if (requested.length > 0 && bytes + range.bytes > answerBytesMax) break
    requested.push(range)
    bytes += range.bytes
  }
  return { requested, bytes }
}
