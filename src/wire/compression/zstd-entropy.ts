import { damaged, Output } from './output.ts'

/* Zstandard's two entropy coders. Source: RFC 8878, section 4. */

const corrupt = (what: string): Error => damaged('zstd', what)

export const highBit = (value: number): number => 31 - Math.clz32(value)

/** Bits from the end of a stream towards its start; a set bit above the first one marks where they begin. */
export class BackwardBits {
  /** Bits that are left. Below nought, nothing but zeros was read. */
  left: number
  readonly #bytes: Uint8Array
  readonly #start: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    const last = end > start ? bytes[end - 1]! : 0
    if (last === 0) throw corrupt('a bit stream without an end')
    this.#bytes = bytes
    this.#start = start
    this.left = (end - start - 1) * 8 + highBit(last)
  }

  /** The next `count` bits, at most 24. What lies before the start reads as nought. */
  peek(count: number): number {
    const low = this.left - count
    if (low < 0) return low <= -count ? 0 : (this.#word(0) & ((1 << this.left) - 1)) << -low
    return (this.#word(low >>> 3) >>> (low & 7)) & ((1 << count) - 1)
  }
  read(count: number): number {
    const value = this.peek(count)
    this.left -= count
    return value
  }
  /** Up to 32 bits. */
  readLong(count: number): number {
    if (count <= 16) return this.read(count)
    const high = this.read(count - 16)
    return high * 0x10000 + this.read(16)
  }

  #word(index: number): number {
    const [bytes, at] = [this.#bytes, this.#start + index]
    return bytes[at]! | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
  }
}

/** A decoding table of finite state entropy: for each state a symbol, and where to go from there. */
export interface FseTable {
  readonly log: number
  readonly symbol: Uint8Array
  readonly bits: Uint8Array
  readonly base: Uint16Array
}

/** A table in which everything is one symbol. */
export const fseOfOne = (symbol: number): FseTable => ({
  log: 0,
  symbol: Uint8Array.of(symbol),
  bits: new Uint8Array(1),
  base: new Uint16Array(1),
})

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

/** Reads a table's description at `start`; the result says where it ends. */
export function readFse(
  bytes: Uint8Array,
  start: number,
  end: number,
  logMax: number,
  symbolMax: number,
): { table: FseTable; end: number } {
  const bit = (position: number, count: number): number => {
    const at = start + (position >>> 3)
    const word = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16)
    return (word >>> (position & 7)) & ((1 << count) - 1)
  }
  const log = bit(0, 4) + 5
  if (log > logMax) throw corrupt(`a table of 2^${log} states, where 2^${logMax} are allowed`)
  let position = 4
  let left = 1 << log
  const counts: number[] = []
  while (left > 0) {
    if (counts.length > symbolMax) throw corrupt(`a table of more than ${symbolMax + 1} symbols`)
    const width = highBit(left + 1) + 1
    const lowMask = (1 << (width - 1)) - 1
    const threshold = (1 << width) - 2 - left
    let value = bit(position, width)
    position += width
    if ((value & lowMask) < threshold) {
      value &= lowMask
      position--
    } else if (value > lowMask) value -= threshold
    counts.push(value - 1)
    left -= Math.abs(value - 1)
    if (value === 1) position = pushZeros(counts, position, symbolMax, bit)
  }
  const at = start + ((position + 7) >>> 3)
  if (left < 0 || at > end) throw corrupt('a table that does not add up')
  return { table: fseOf(counts, log), end: at }
}

/** After a share of nought come two bits that say how many more; 3 says that two more bits follow. */
function pushZeros(counts: number[], start: number, symbolMax: number, bit: (position: number, count: number) => number): number {
  let position = start
  for (let more = 3; more === 3; position += 2) {
    more = bit(position, 2)
    for (let i = 0; i < more; i++) counts.push(0)
    if (counts.length > symbolMax + 1) throw corrupt(`a table of more than ${symbolMax + 1} symbols`)
  }
  return position
}

export interface HuffmanTable {
  readonly log: number
  readonly symbol: Uint8Array
  readonly bits: Uint8Array
}

const huffmanLogMax = 11
const directWeights = 128

/** Reads the weights at `start` and makes the table that they mean. */
export function readHuffman(bytes: Uint8Array, start: number, end: number): { table: HuffmanTable; end: number } {
  const header = bytes[start] ?? 0
  const at = start + 1
  const length = header < directWeights ? header : (header - directWeights + 2) >>> 1
  if (start >= end || at + length > end) throw corrupt('a Huffman table that is cut off')
  const weights = header < directWeights ? packedWeights(bytes, at, at + length) : plainWeights(bytes, at, header - directWeights + 1)
  return { table: huffmanOf(weights), end: at + length }
}

const plainWeights = (bytes: Uint8Array, at: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (i & 1 ? bytes[at + (i >>> 1)]! & 15 : bytes[at + (i >>> 1)]! >>> 4))

/** Two states take turns, until one of them asks for bits that are not there: then the other has the last word. */
function packedWeights(bytes: Uint8Array, start: number, end: number): number[] {
  const { table, end: at } = readFse(bytes, start, end, 6, 255)
  const bits = new BackwardBits(bytes, at, end)
  const states = [bits.read(table.log), bits.read(table.log)]
  const weights: number[] = []
  for (let turn = 0; ; turn ^= 1) {
    const state = states[turn]!
    weights.push(table.symbol[state]!)
    if (weights.length > 254) throw corrupt('a Huffman table of more than 256 symbols')
    const width = table.bits[state]!
    if (bits.left < width) {
      weights.push(table.symbol[states[turn ^ 1]!]!)
      return weights
    }
    states[turn] = table.base[state]! + bits.read(width)
  }
}

/** A symbol of weight w has 2^(w-1) places in the table. The last symbol's weight is what is left over. */
function huffmanOf(weights: number[]): HuffmanTable {
  if (weights.some((weight) => weight > huffmanLogMax)) throw corrupt('a Huffman code that is too long')
  const total = weights.reduce((sum, weight) => sum + (weight === 0 ? 0 : 2 ** (weight - 1)), 0)
  const log = total === 0 ? 0 : highBit(total) + 1
  if (log === 0 || log > huffmanLogMax) throw corrupt(`a Huffman table of 2^${log} places`)
  const left = (1 << log) - total
  if ((left & (left - 1)) !== 0) throw corrupt('a Huffman table that does not add up')
  const all = [...weights, highBit(left) + 1]
  const table = { log, symbol: new Uint8Array(1 << log), bits: new Uint8Array(1 << log) }
  let at = 0
  for (let weight = 1; weight <= log; weight++) {
    all.forEach((own, symbol) => {
      if (own !== weight) return
      const places = 1 << (weight - 1)
      table.symbol.fill(symbol, at, at + places)
      table.bits.fill(log + 1 - weight, at, at + places)
      at += places
    })
  }
  if (at !== 1 << log) throw corrupt('a Huffman table with gaps')
  return table
}

/** Decodes `count` symbols, which must be all there are. */
export function unpackHuffman(
  table: HuffmanTable,
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  to: number,
  count: number,
): void {
  const bits = new BackwardBits(bytes, start, end)
  for (let i = to; i < to + count; i++) {
    const place = bits.peek(table.log)
    out[i] = table.symbol[place]!
    bits.left -= table.bits[place]!
  }
  if (bits.left !== 0) throw corrupt('a Huffman stream of another length')
}

/** The other way round: bits from the start on, for who reads from the end. */
export class ForwardBits {
  readonly #out = new Output('zstd', 1024, bitBytesMax)
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
