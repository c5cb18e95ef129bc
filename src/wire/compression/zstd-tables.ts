import { Output } from './output.ts'

/* What Zstandard's format predefines, and its streams of bits. Source: RFC 8878. */

export const magic = 0xfd2fb528

export const highBit = (value: number): number => 31 - Math.clz32(value)

export const literalBits = [...new Array(16).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] as number[]
export const matchBits = [...new Array(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] as number[]
export const literalBase = basesOf(literalBits, 0)
export const matchBase = basesOf(matchBits, 3)

/** Each code begins where the one before it ends. */
function basesOf(bits: readonly number[], first: number): number[] {
  let base = first
  return bits.map((width) => {
    const own = base
    base += 2 ** width
    return own
  })
}

/** A decoding table of finite state entropy: for each state a symbol, and where to go from there. */
export interface FseTable {
  readonly log: number
  readonly symbol: Uint8Array
  readonly bits: Uint8Array
  readonly base: Uint16Array
}

/** `counts` are the symbols' shares of the table; -1 is a share below one. */
export function fseOf(counts: readonly number[], log: number): FseTable {
  const size = 1 << log
  const table = { log, symbol: new Uint8Array(size), bits: new Uint8Array(size), base: new Uint16Array(size) }
  const next = new Uint16Array(counts.length)
  let high = size
  counts.forEach((count, symbol) => {
    next[symbol] = Math.abs(count)
    if (count === -1) table.symbol[--high] = symbol
  })
  const step = (size >> 1) + (size >> 3) + 3
  let position = 0
  counts.forEach((count, symbol) => {
    for (let i = 0; i < count; i++) {
      table.symbol[position] = symbol
      do position = (position + step) & (size - 1)
      while (position >= high)
    }
  })
  for (let state = 0; state < size; state++) {
    const value = next[table.symbol[state]!]!++
    table.bits[state] = log - highBit(value)
    table.base[state] = (value << table.bits[state]!) - size
  }
  return table
}

/** The predefined tables of literal lengths, offsets and match lengths, in the order in which tables come. */
export const usualTables = [
  fseOf([4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6),
  fseOf([1, 1, 1, 1, 1, 1, 2, 2, 2, ...new Array(15).fill(1), -1, -1, -1, -1, -1], 5),
  fseOf([1, 4, 3, 2, 2, 2, 2, 2, 2, ...new Array(37).fill(1), -1, -1, -1, -1, -1, -1, -1], 6),
] as const

/** Bits from the start on, for a reader that begins at the end: a set bit behind the last marks it. */
export class ForwardBits {
  readonly #out = new Output(1024, bitBytesMax)
  #bits = 0
  #count = 0

  /** Up to 24 bits. */
  put(value: number, count: number): void {
    this.#bits |= value << this.#count
    this.#count += count
    for (; this.#count >= 8; this.#count -= 8) {
      this.#out.byte(this.#bits & 0xff)
      this.#bits >>>= 8
    }
  }

  finished(): Buffer {
    this.put(1, 1)
    if (this.#count > 0) this.#out.byte(this.#bits)
    return this.#out.finished()
  }
}
/** More than the sequences of one block can take. */
const bitBytesMax = 1 << 20
