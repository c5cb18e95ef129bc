import { damaged, Output } from './output.ts'
import { BackwardBits, type FseTable, fseOf, fseOfOne, type HuffmanTable, readFse, readHuffman, unpackHuffman } from './zstd-entropy.ts'

/**
 * Zstandard, reading. Source: RFC 8878. The checksum of a frame is passed over: the batch around it has one.
 * Absent: dictionaries, which no Kafka client uses.
 *
 * Invariant: the work is bounded by the bytes that may come out. Every length is checked before it is walked.
 */
export const magic = 0xfd2fb528
const skippable = 0x184d2a50
const blockBytesMax = 128 * 1024
const flag = { checksum: 0x04, reserved: 0x08, singleSegment: 0x20 } as const

const corrupt = (what: string): Error => damaged('zstd', what)

/** What blocks of one frame hand on to the next. */
interface Frame {
  readonly start: number
  readonly offsets: [number, number, number]
  huffman: HuffmanTable | undefined
  tables: readonly FseTable[] | undefined
}

export function unpackZstd(bytes: Buffer, bytesMax: number): Buffer {
  const out = new Output('zstd', bytes.length * 4, bytesMax)
  let at = 0
  do at = word(bytes, at, 4) >>> 4 === skippable >>> 4 ? at + 8 + word(bytes, at + 4, 4) : unpackFrame(bytes, at, out)
  while (at < bytes.length)
  if (at > bytes.length) throw corrupt('the last frame is cut off')
  return out.finished()
}

/** The result is where the next frame begins. */
function unpackFrame(bytes: Buffer, start: number, out: Output): number {
  if (word(bytes, start, 4) !== magic) throw corrupt('no frame begins here')
  const flags = word(bytes, start + 4, 1)
  if (flags & flag.reserved) throw corrupt(`a frame with flags ${flags}`)
  const isSingle = (flags & flag.singleSegment) !== 0
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!
  let at = start + 5 + (isSingle ? 0 : 1)
  if (dictionaryBytes > 0 && word(bytes, at, dictionaryBytes) !== 0) throw corrupt('a frame with a dictionary')
  at += dictionaryBytes + [isSingle ? 1 : 0, 2, 4, 8][flags >>> 6]!
  const frame: Frame = { start: out.at, offsets: [1, 4, 8], huffman: undefined, tables: undefined }
  for (let isLast = false; !isLast; ) {
    const header = word(bytes, at, 3)
    isLast = (header & 1) === 1
    at = unpackBlock((header >>> 1) & 3, header >>> 3, bytes, at + 3, out, frame)
  }
  at += flags & flag.checksum ? 4 : 0
  if (at > bytes.length) throw corrupt('the end of a frame is cut off')
  return at
}

function unpackBlock(kind: number, size: number, bytes: Buffer, at: number, out: Output, frame: Frame): number {
  if (size > blockBytesMax) throw corrupt(`a block of ${size} bytes`)
  const end = at + (kind === 1 ? 1 : size)
  if (end > bytes.length) throw corrupt(`a block of ${size} bytes, where ${bytes.length - at} are left`)
  if (kind === 0) out.literal(bytes, at, size)
  else if (kind === 1) repeat(bytes[at]!, size, out)
  else if (kind === 2) unpackCompressed(bytes, at, end, out, frame)
  else throw corrupt('a block of a reserved kind')
  return end
}

function repeat(byte: number, count: number, out: Output): void {
  out.reserve(count)
  out.bytes.fill(byte, out.at, out.at + count)
  out.at += count
}

function unpackCompressed(bytes: Buffer, start: number, end: number, out: Output, frame: Frame): void {
  const { literals, at } = readLiterals(bytes, start, end, frame)
  const blockEnd = out.at + blockBytesMax
  const used = runSequences(bytes, at, end, literals, out, frame, blockEnd)
  if (out.at + literals.length - used > blockEnd) throw corrupt('a block that becomes too large')
  out.literal(literals, used, literals.length - used)
}

const literalsKind = { raw: 0, repeated: 1, packed: 2, packedAsBefore: 3 } as const

function readLiterals(bytes: Buffer, start: number, end: number, frame: Frame): { literals: Buffer; at: number } {
  const first = word(bytes, start, 1)
  const kind = first & 3
  const form = (first >>> 2) & 3
  if (kind === literalsKind.packed || kind === literalsKind.packedAsBefore) return readPackedLiterals(bytes, start, end, kind, form, frame)
  const headerBytes = [1, 2, 1, 3][form]!
  const size = word(bytes, start, headerBytes) >>> (headerBytes === 1 ? 3 : 4)
  const at = start + headerBytes
  const next = at + (kind === literalsKind.raw ? size : 1)
  if (size > blockBytesMax || next > end) throw corrupt(`${size} literals, where ${end - at} bytes are left`)
  return { literals: kind === literalsKind.raw ? bytes.subarray(at, next) : Buffer.alloc(size, bytes[at]!), at: next }
}

function readPackedLiterals(
  bytes: Buffer,
  start: number,
  end: number,
  kind: number,
  form: number,
  frame: Frame,
): { literals: Buffer; at: number } {
  const sizeBits = [10, 10, 14, 18][form]!
  const headerBytes = [3, 3, 4, 5][form]!
  const header = word(bytes, start, headerBytes)
  const size = Math.floor(header / 16) % 2 ** sizeBits
  const packed = Math.floor(header / 2 ** (4 + sizeBits))
  let at = start + headerBytes
  const next = at + packed
  if (size > blockBytesMax || next > end) throw corrupt(`${packed} bytes of literals, where ${end - at} are left`)
  if (kind === literalsKind.packed) {
    const huffman = readHuffman(bytes, at, next)
    frame.huffman = huffman.table
    at = huffman.end
  }
  if (frame.huffman === undefined) throw corrupt('no Huffman table before its use')
  const literals = Buffer.allocUnsafe(size)
  if (form === 0) unpackHuffman(frame.huffman, bytes, at, next, literals, 0, size)
  else unpackFour(frame.huffman, bytes, at, next, literals)
  return { literals, at: next }
}

/** Four streams behind the lengths of the first three. */
function unpackFour(table: HuffmanTable, bytes: Buffer, start: number, end: number, literals: Buffer): void {
  const quarter = (literals.length + 3) >>> 2
  let at = start + 6
  for (let stream = 0; stream < 4; stream++) {
    const to = stream * quarter
    const next = stream === 3 ? end : at + word(bytes, start + stream * 2, 2)
    const count = stream === 3 ? literals.length - to : quarter
    if (next > end || count < 0) throw corrupt('a Huffman stream that is cut off')
    unpackHuffman(table, bytes, at, next, literals, to, count)
    at = next
  }
}

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

interface Code {
  readonly logMax: number
  readonly symbolMax: number
  readonly usual: FseTable
}

/** In the order in which their tables come. */
export const codes: readonly Code[] = [
  {
    logMax: 9,
    symbolMax: 35,
    usual: fseOf([4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6),
  },
  { logMax: 8, symbolMax: 31, usual: fseOf([1, 1, 1, 1, 1, 1, 2, 2, 2, ...new Array(15).fill(1), -1, -1, -1, -1, -1], 5) },
  { logMax: 9, symbolMax: 52, usual: fseOf([1, 4, 3, 2, 2, 2, 2, 2, 2, ...new Array(37).fill(1), -1, -1, -1, -1, -1, -1, -1], 6) },
]

/** Literals and copies in turn. The result is how many literals were used. */
function runSequences(bytes: Buffer, start: number, end: number, literals: Buffer, out: Output, frame: Frame, blockEnd: number): number {
  const first = word(bytes, start, 1)
  if (first === 0) return 0
  const countBytes = first < 128 ? 1 : first < 255 ? 2 : 3
  const count =
    countBytes === 1 ? first : countBytes === 2 ? ((first - 128) << 8) + word(bytes, start + 1, 1) : word(bytes, start + 1, 2) + 0x7f00
  const { tables, at } = readTables(bytes, start + countBytes, end, frame)
  const [lengths, offsets, matches] = tables as [FseTable, FseTable, FseTable]
  const bits = new BackwardBits(bytes, at, end)
  let length = bits.read(lengths.log)
  let offset = bits.read(offsets.log)
  let match = bits.read(matches.log)
  let used = 0
  for (let left = count; left > 0; left--) {
    const offsetCode = offsets.symbol[offset]!
    const matchCode = matches.symbol[match]!
    const lengthCode = lengths.symbol[length]!
    const offsetValue = 2 ** offsetCode + bits.readLong(offsetCode)
    const matchLength = matchBase[matchCode]! + bits.read(matchBits[matchCode]!)
    const literalLength = literalBase[lengthCode]! + bits.read(literalBits[lengthCode]!)
    if (bits.left < 0 || out.at + literalLength + matchLength > blockEnd) throw corrupt('a sequence that is too long')
    out.literal(literals, used, literalLength)
    used += literalLength
    const distance = distanceOf(offsetValue, literalLength === 0, frame.offsets)
    if (distance > out.at - frame.start) throw corrupt(`a copy from ${distance} bytes back, after ${out.at - frame.start}`)
    out.copy(distance, matchLength)
    if (left === 1) break
    length = lengths.base[length]! + bits.read(lengths.bits[length]!)
    match = matches.base[match]! + bits.read(matches.bits[match]!)
    offset = offsets.base[offset]! + bits.read(offsets.bits[offset]!)
  }
  if (bits.left !== 0) throw corrupt('a sequence stream of another length')
  return used
}

function readTables(bytes: Buffer, start: number, end: number, frame: Frame): { tables: readonly FseTable[]; at: number } {
  const modes = word(bytes, start, 1)
  if (modes & 3) throw corrupt('reserved bits in a sequence header')
  let at = start + 1
  const before = frame.tables
  const tables = codes.map((code, index) => {
    const mode = (modes >>> (6 - index * 2)) & 3
    if (mode === 0) return code.usual
    if (mode === 3) {
      if (before === undefined) throw corrupt('no sequence table before its use')
      return before[index]!
    }
    if (mode === 2) {
      const read = readFse(bytes, at, end, code.logMax, code.symbolMax)
      at = read.end
      return read.table
    }
    const symbol = word(bytes, at++, 1)
    if (symbol > code.symbolMax) throw corrupt(`a sequence code of ${symbol}`)
    return fseOfOne(symbol)
  })
  frame.tables = tables
  return { tables, at }
}

/** The values 1 to 3 name one of the last three distances, or, where no literals come first, the next one or the last less one. */
function distanceOf(value: number, isBare: boolean, last: [number, number, number]): number {
  const index = value > 3 ? 3 : value - 1 + (isBare ? 1 : 0)
  if (index === 0) return last[0]
  const distance = value > 3 ? value - 3 : index === 3 ? last[0] - 1 : last[index]!
  if (index !== 1) last[2] = last[1]
  last[1] = last[0]
  last[0] = distance
  return distance
}

/** A little-endian number of up to five bytes. */
function word(bytes: Buffer, at: number, count: number): number {
  if (at + count > bytes.length) throw corrupt('the data is cut off')
  let value = 0
  for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!
  return value
}
