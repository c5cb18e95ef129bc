import { Allowance } from '../src/base/allowance.ts'
import type { Loaded } from '../src/broker/thread-messages.ts'
import type { ColdReader, LentRecords } from './cold-reader.ts'

/** Of a partition, what one answer has of old records: a client that does not take it holds no more of block memory. */
const answerBytesMax = 1 << 20
/** For answers that lie outside block memory. */
const copiesBytesMax = 64 << 20

/**
 * Old records on their way to clients. They are sent from block memory, which they hold until their clients have taken them;
 * when clients hold so much of it that others could not read any more, records are copied out, and when there is no memory
 * for that either, whoever asks waits, or hears that it is crowded.
 */
export class ColdAnswers {
  readonly #cold: ColdReader
  readonly #copies = new Allowance(copiesBytesMax)
  /** How what is out is given back, by its pin. */
  readonly #out = new Map<number, () => void>()
  #lent = 0
  #pins = 0
  /** Who waits for something to be given back. */
  #waiting: (() => void)[] = []

  constructor(cold: ColdReader) {
    this.#cold = cold
  }

  /** Whoever holds other answers while it waits must not be patient: two of that kind would wait for each other. */
  async find(stream: number, offset: number, bytesMax: number, isPatient: boolean): Promise<Loaded | 'crowded' | undefined> {
    for (;;) {
      const lent = await this.#cold.lend(stream, offset, Math.min(bytesMax, answerBytesMax), isPatient)
      if (lent === undefined || lent === 'crowded') return lent
      const found = this.#lend(lent) ?? this.#copy(lent)
      if (found !== undefined) return found
      lent.release()
      if (!isPatient) return 'crowded'
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
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

  #copy(lent: LentRecords): Loaded | undefined {
    const bytes = lent.ranges.reduce((sum, range) => sum + range.bytes, 0)
    if (!this.#copies.take(bytes)) return undefined
    return { pin: this.#hold(() => this.#copies.give(bytes)), bytes: this.#cold.copied(lent) }
  }

  #hold(giveBack: () => void): number {
    this.#out.set(this.#pins, giveBack)
    return this.#pins++
  }
}
