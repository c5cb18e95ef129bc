import { ByteBudget } from '../../src/base/byte-budget.ts'
import type { Loaded } from '../../src/network/thread-messages.ts'
import type { WalRange } from '../disk/wal-file.ts'
import type { LentRecords, ObjectReader } from './object-reader.ts'

/** Of a partition, what one answer has of old records: a client that does not take it holds no more memory. */
const answerBytesMax = 1 << 20
/** For answers that lie outside block memory. */
const copiesBytesMax = 32 << 20
/** Of that, what is left to those who have nothing yet: however much some hold who take nothing, others get something. */
const patientBytes = copiesBytesMax / 2

const pressureMs = 1_000

/**
 * Old records on their way to clients. Those of objects are sent from block memory, which they hold until their clients have
 * taken them; when clients hold so much of it that others could not read any more, records are copied out, as those always
 * are that only the file of the log has. When there is no memory for that either, whoever asks waits, or hears that it is crowded.
 */
export class ColdFetches {
  readonly #cold: ObjectReader
  readonly #onPressure: () => void
  readonly #copies = new ByteBudget(copiesBytesMax)
  /** How what is out is given back, by its pin. */
  readonly #out = new Map<number, () => void>()
  #lent = 0
  #pins = 0
  /** Who waits for something to be given back. */
  #waiting: (() => void)[] = []

  #pressure: NodeJS.Timeout | undefined

  /** `onPressure`: a read waits for memory that clients hold; called every second until none waits. */
  constructor(cold: ObjectReader, onPressure: () => void) {
    this.#cold = cold
    this.#onPressure = onPressure
  }

  /** Whoever holds other answers while it waits must not be patient: two of that kind would wait for each other. */
  async find(stream: number, offset: number, bytesMax: number, isPatient: boolean): Promise<Loaded | 'outOfMemory' | undefined> {
    for (;;) {
      const lent = await this.#cold.lend(stream, offset, Math.min(bytesMax, answerBytesMax), isPatient)
      if (lent === undefined || lent === 'outOfMemory') return lent
      const found = this.#lend(lent) ?? this.#copy(lent, isPatient)
      if (found !== undefined) return found
      lent.release()
      if (!isPatient) return 'outOfMemory'
      await this.#wait()
    }
  }

  /** Batches that the log has, read by `read` when there is memory for them: the first, and as many as one answer has. */
  async ofLog(
    ranges: readonly WalRange[],
    isPatient: boolean,
    read: (ranges: readonly WalRange[]) => Promise<Uint8Array<ArrayBuffer> | undefined>,
  ): Promise<Loaded | 'outOfMemory' | undefined> {
    const { wanted, bytes } = first(ranges)
    // One that is larger than all of it has it to itself.
    const taken = Math.min(bytes, isPatient ? copiesBytesMax : patientBytes)
    while (!this.#take(taken, isPatient)) {
      if (!isPatient) return 'outOfMemory'
      await this.#wait()
    }
    const pin = this.#hold(() => this.#copies.give(taken))
    const found = await read(wanted).catch((error: Error) => {
      this.giveBack(pin)
      throw error
    })
    if (found !== undefined) return { pin, bytes: found }
    this.giveBack(pin)
    return undefined
  }

  giveBack(pin: number): void {
    this.#out.get(pin)?.()
    this.#out.delete(pin)
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }

  #lend({ ranges, release }: LentRecords): Loaded | undefined {
    if (this.#lent === this.#cold.lendsMax) return undefined
    this.#lent++
    const giveBack = (): void => {
      this.#lent--
      release()
    }
    return { pin: this.#hold(giveBack), ranges }
  }

  #copy(lent: LentRecords, isPatient: boolean): Loaded | undefined {
    const bytes = lent.ranges.reduce((sum, range) => sum + range.bytes, 0)
    if (!this.#take(bytes, isPatient)) return undefined
    return { pin: this.#hold(() => this.#copies.give(bytes)), bytes: this.#cold.copied(lent) }
  }

  #take(bytes: number, isPatient: boolean): boolean {
    return this.#copies.take(bytes, isPatient ? 0 : patientBytes)
  }

  #wait(): Promise<void> {
    this.#pressure ??= setInterval(() => this.#press(), pressureMs).unref()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #press(): void {
    if (this.#waiting.length > 0) this.#onPressure()
    else {
      clearInterval(this.#pressure)
      this.#pressure = undefined
    }
  }

  #hold(giveBack: () => void): number {
    this.#out.set(this.#pins, giveBack)
    return this.#pins++
  }
}

function first(ranges: readonly WalRange[]): { readonly wanted: readonly WalRange[]; readonly bytes: number } {
  const wanted: WalRange[] = []
  let bytes = 0
  for (const range of ranges) {
    if (wanted.length > 0 && bytes + range.bytes > answerBytesMax) break
    wanted.push(range)
    bytes += range.bytes
  }
  return { wanted, bytes }
}
