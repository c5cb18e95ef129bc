import { blockBytesMax, matches } from './matches.ts'
import { ForwardBits, type FseTable, highBit, literalBase, literalBits, magic, matchBase, matchBits, usualTables } from './zstd-tables.ts'

/**
 * Zstandard, writing. Source: RFC 8878. Blocks of 64 KiB that refer to nothing before them, with the tables of sequences that every
 * reader has.
 *
 * Absent: entropy coding of literals and tables of its own, so what it packs is about as large as with lz4.
 */
const blockKind = { raw: 0, repeated: 1, compressed: 2 } as const
const windowLogMin = 10
/** No flags, then how far back a reader must remember: the least there is that holds a block. */
const frameStart = Buffer.from([0, 0, 0, 0, 0, (highBit(blockBytesMax) - windowLogMin) << 3])
frameStart.writeUInt32LE(magic)

/** One frame. `effort`: how many earlier places are compared at each place. */
export function packZstd(bytes: Uint8Array, effort: number): Buffer {
  const parts: Uint8Array[] = [frameStart]
  let at = 0
  do {
    const end = Math.min(bytes.length, at + blockBytesMax)
    const packed = packBlock(bytes, at, end, effort)
    const header = Buffer.alloc(3)
    const kind = packed === undefined ? blockKind.raw : blockKind.compressed
    header.writeUIntLE((end === bytes.length ? 1 : 0) | (kind << 1) | ((packed?.length ?? end - at) << 3), 0, 3)
    parts.push(header, packed ?? bytes.subarray(at, end))
    at = end
  } while (at < bytes.length)
  return Buffer.concat(parts)
}

/** Undefined where it would be no smaller. */
function packBlock(bytes: Uint8Array, start: number, end: number, effort: number): Buffer | undefined {
  matches.find(bytes, start, end, effort)
  if (matches.count === 0) return undefined
  const packed = Buffer.concat([...literalsOf(bytes, start, end), ...sequences()])
  return packed.length < end - start ? packed : undefined
}

function literalsOf(bytes: Uint8Array, start: number, end: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  let at = start
  let size = 0
  for (let i = 0; i <= matches.count; i++) {
    const next = i === matches.count ? end : at + matches.literals[i]!
    parts.push(bytes.subarray(at, next))
    size += next - at
    at = next + (matches.lengths[i] ?? 0)
  }
  const header = Buffer.alloc(3)
  header.writeUIntLE((size << 4) | rawLiterals, 0, 3)
  return [header, ...parts]
}
/** A size of 20 bits follows. */
const rawLiterals = 3 << 2

function sequences(): Uint8Array[] {
  const { count } = matches
  const header = count < 128 ? Buffer.from([count, 0]) : Buffer.from([128 + (count >>> 8), count & 0xff, 0])
  const bits = new ForwardBits()
  const [literal, distance, match] = usualTables.map((table) => new Encoder(table)) as [Encoder, Encoder, Encoder]
  // From the last to the first: readers begin at the end.
  for (let i = count - 1; i >= 0; i--) {
    const [literals, length] = [matches.literals[i]!, matches.lengths[i]!]
    const literalCode = codeOf(literalBase, literals)
    const matchCode = codeOf(matchBase, length)
    // The values 1 to 3 would name distances that have been before.
    const value = matches.distances[i]! + 3
    const distanceCode = highBit(value)
    distance.put(bits, distanceCode)
    match.put(bits, matchCode)
    literal.put(bits, literalCode)
    bits.put(literals - literalBase[literalCode]!, literalBits[literalCode]!)
    bits.put(length - matchBase[matchCode]!, matchBits[matchCode]!)
    bits.put(value - 2 ** distanceCode, distanceCode)
  }
  match.finish(bits)
  distance.finish(bits)
  literal.finish(bits)
  return [header, bits.finished()]
}

function codeOf(bases: readonly number[], value: number): number {
  let code = Math.min(value, bases.length - 1)
  while (bases[code]! > value) code--
  return code
}

/** Goes through a reader's table backwards: which state has this symbol and leads to the one that is needed. */
class Encoder {
  readonly #table: FseTable
  readonly #states: readonly Uint8Array[]
  #state = -1

  constructor(table: FseTable) {
    this.#table = table
    this.#states = statesOf(table)
  }

  put(bits: ForwardBits, symbol: number): void {
    const to = this.#state
    // The last symbol leads nowhere: any state that has it will do.
    this.#state = this.#states[symbol]![Math.max(0, to)]!
    if (to >= 0) bits.put(to - this.#table.base[this.#state]!, this.#table.bits[this.#state]!)
  }

  finish(bits: ForwardBits): void {
    bits.put(this.#state, this.#table.log)
  }
}

const known = new Map<FseTable, readonly Uint8Array[]>()

/** For each symbol, the state from which each state is reached. The states of a symbol share out all of them. */
function statesOf(table: FseTable): readonly Uint8Array[] {
  const found = known.get(table)
  if (found !== undefined) return found
  const size = 1 << table.log
  const states = Array.from({ length: Math.max(...table.symbol) + 1 }, () => new Uint8Array(size))
  for (let state = 0; state < size; state++) {
    const from = table.base[state]!
    states[table.symbol[state]!]!.fill(state, from, from + (1 << table.bits[state]!))
  }
  known.set(table, states)
  return states
}
