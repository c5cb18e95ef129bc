/** The encoding of Kafka's primitive types. All other encodings are composed of these. */
import { Slices } from './slices.ts'
/** The received bytes are not a valid message. The text contains the expected value, the found value and the position. */
export class MalformedMessage extends Error {}

/** The value cannot be encoded, or not in this version. */
export class UnencodableMessage extends Error {}

/** Kafka rejects longer strings, although a compact length allows them. */
export const stringBytesMax = 0x7fff

/**
 * Array elements of one message, over all arrays: limits the heap memory that a small frame can cause. The largest requests
 * of real clients name each partition of a node once.
 */
export const elementsMaxDefault = 1 << 17
/** Tagged fields of one struct. Kafka's own have at most five. */
const tagsOfStructMax = 64

const internedBytesMax = 48
const internedStrings = 512
const internedUuids = 256

/*
 * Cache of strings that the readers of a thread have read. A slot contains the latest string, so the size is bounded and no entry is ever
 * stale.
 */
const strings: string[] = new Array(internedStrings).fill('')
const uuidWords = new Int32Array(internedUuids * 4)
const uuids: string[] = new Array(internedUuids).fill('AAAAAAAAAAAAAAAAAAAAAA')

/**
 * Reads one frame at a time from a buffer with many frames. The buffer may be in memory shared between threads.
 *
 * Invariants: no byte outside [start, end) is read; nothing is allocated for a length or count that exceeds the remaining bytes.
 */
export class Reader {
  at = 0
  end: number
  readonly buffer: Buffer
  readonly #view: DataView
  readonly #elementsMax: number
  #start = 0
  #elementsLeft: number
  /** Over all structs of a message: one for each element, and as many again. */
  #tagsLeft: number

  constructor(buffer: Buffer, elementsMax = elementsMaxDefault) {
    this.buffer = buffer
    this.end = buffer.length
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
    this.#elementsMax = elementsMax
    this.#elementsLeft = elementsMax
    this.#tagsLeft = 2 * elementsMax
  }

  /** Starts the frame at [start, end), with new limits. */
  reset(start: number, end: number): this {
    if (start < 0 || end < start || end > this.buffer.length)
      throw new RangeError(`a frame at ${start}-${end} of ${this.buffer.length} bytes`)
    this.#start = start
    this.at = start
    this.end = end
    this.#elementsLeft = this.#elementsMax
    this.#tagsLeft = 2 * this.#elementsMax
    return this
  }

  get remaining(): number {
    return this.end - this.at
  }

  /** Array elements counted since the last `reset`. */
  get elements(): number {
    return this.#elementsMax - this.#elementsLeft
  }

  /** Verifies that the frame ends after the message. */
  finish(): void {
    if (this.at !== this.end) throw this.#malformed('the end of the message', `${this.end - this.at} more bytes`)
  }

  bool(): boolean {
    return this.#view.getUint8(this.#take(1)) !== 0
  }
  int8(): number {
    return this.#view.getInt8(this.#take(1))
  }
  int16(): number {
    return this.#view.getInt16(this.#take(2))
  }
  uint16(): number {
    return this.#view.getUint16(this.#take(2))
  }
  int32(): number {
    return this.#view.getInt32(this.#take(4))
  }
  uint32(): number {
    return this.#view.getUint32(this.#take(4))
  }
  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8))
  }
  float64(): number {
    return this.#view.getFloat64(this.#take(8))
  }

  uvarint(): number {
    const first = this.#view.getUint8(this.#take(1))
    return first < 0x80 ? first : this.#uvarintRest(first & 0x7f)
  }
  #uvarintRest(low: number): number {
    let value = low
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.#view.getUint8(this.#take(1))
      if (shift === 28 && byte > 0x0f) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw this.#malformed('a varint of at most 32 bits', 'a longer one')
  }

  /** Signed, zigzag: the numbers inside a record. */
  varint(): number {
    const raw = this.uvarint()
    return (raw >>> 1) ^ -(raw & 1)
  }

  varlong(): bigint {
    let raw = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#view.getUint8(this.#take(1))
      if (shift === 63n && byte > 1) break
      raw |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return (raw >> 1n) ^ -(raw & 1n)
    }
    throw this.#malformed('a varint of at most 64 bits', 'a longer one')
  }

  uuid(): string {
    const at = this.#take(16)
    const view = this.#view
    const words = uuidWords
    const a = view.getInt32(at)
    const b = view.getInt32(at + 4)
    const c = view.getInt32(at + 8)
    const d = view.getInt32(at + 12)
    const slot = (a ^ b ^ c ^ d) & (internedUuids - 1)
    const word = slot * 4
    if (words[word] !== a || words[word + 1] !== b || words[word + 2] !== c || words[word + 3] !== d) {
      words[word] = a
      words[word + 1] = b
      words[word + 2] = c
      words[word + 3] = d
      uuids[slot] = this.buffer.toString('base64url', at, at + 16)
    }
    return uuids[slot]!
  }

  /** The lengths before strings, bytes and arrays; -1 is null. */
  length16(): number {
    return this.#length(this.int16())
  }
  length32(): number {
    return this.#length(this.int32())
  }
  lengthCompact(): number {
    return this.uvarint() - 1
  }
  #length(length: number): number {
    if (length < -1) throw this.#malformed('a length, or -1 for null', String(length))
    return length
  }

  /** A length that must not be null. */
  given(length: number, field: string): number {
    if (length < 0) throw this.#malformed(`${field}, which is never null`, 'null')
    return length
  }

  /** Whether a nullable struct follows. */
  present(): boolean {
    const mark = this.int8()
    if (mark !== 1 && mark !== -1) throw this.#malformed('1 for a struct or -1 for null', String(mark))
    return mark === 1
  }

  /** The same inside a tagged field, where Kafka writes 0 for null. */
  presentTagged(): boolean {
    const mark = this.int8()
    if (mark !== 1 && mark !== 0) throw this.#malformed('1 for a struct or 0 for null', String(mark))
    return mark === 1
  }

  text(length: number): string {
    if (length > stringBytesMax) throw this.#malformed(`a string of at most ${stringBytesMax} bytes`, String(length))
    const at = this.#take(length)
    return length <= internedBytesMax ? this.#intern(at, length) : this.buffer.toString('utf8', at, at + length)
  }

  /** Topic names and client ids repeat often: a cached string creates no garbage, and its hash is already computed for every Map. */
  #intern(at: number, length: number): string {
    const buffer = this.buffer
    let hash = length
    let all = 0
    for (let i = at; i < at + length; i++) {
      const byte = buffer[i]!
      all |= byte
      hash = (Math.imul(hash, 31) + byte) | 0
    }
    if (all > 0x7f) return buffer.toString('utf8', at, at + length)
    const slot = (hash ^ (hash >>> 9)) & (internedStrings - 1)
    const known = strings[slot]!
    let same = known.length === length
    for (let i = 0; same && i < length; i++) same = known.charCodeAt(i) === buffer[at + i]
    return same ? known : (strings[slot] = buffer.toString('latin1', at, at + length))
  }

  bytes(length: number): Buffer {
    const at = this.#take(length)
    return this.buffer.subarray(at, at + length)
  }

  /** The count of an array whose elements take at least `bytesMin` each. */
  count(count: number, bytesMin: number): number {
    if (count * bytesMin > this.end - this.at) throw this.#malformed(`at most ${this.end - this.at} bytes of elements`, `${count} elements`)
    if (count > this.#elementsLeft) throw this.#malformed(`at most ${this.#elementsMax} array elements in a message`, `${count} more`)
    if (count > 0) this.#elementsLeft -= count
    return count
  }

  /** Number of tagged fields that follow; each takes two bytes or more. */
  tagCount(): number {
    const count = this.uvarint()
    if (count === 0) return 0
    if (count * 2 > this.end - this.at) throw this.#malformed('tagged fields that fit', `${count} of them`)
    if (count > tagsOfStructMax) throw this.#malformed(`at most ${tagsOfStructMax} tagged fields in a struct`, String(count))
    if (count > this.#tagsLeft) throw this.#malformed(`at most ${2 * this.#elementsMax} tagged fields in a message`, `${count} more`)
    this.#tagsLeft -= count
    return count
  }
  /** The next tag. Tags ascend, so that none repeats. */
  tag(last: number): number {
    const tag = this.uvarint()
    if (tag <= last) throw this.#malformed(`a tag above ${last}`, String(tag))
    return tag
  }
  skipTag(): void {
    this.#take(this.uvarint())
  }
  skipTags(): void {
    let last = -1
    for (let left = this.tagCount(); left > 0; left--) {
      last = this.tag(last)
      this.skipTag()
    }
  }
  /** Narrows the reader to a tagged field; the result is the argument of `leaveTag`. */
  enterTag(): number {
    const size = this.uvarint()
    if (size > this.end - this.at) throw this.#malformed(`a tagged field within ${this.end - this.at} bytes`, `${size} bytes`)
    const outer = this.end
    this.end = this.at + size
    return outer
  }
  leaveTag(outer: number): void {
    if (this.at !== this.end) throw this.#malformed('the end of a tagged field', `${this.end - this.at} more bytes`)
    this.end = outer
  }

  #take(bytes: number): number {
    const at = this.at
    if (bytes > this.end - at) throw this.#malformed(`${bytes} bytes`, `${this.end - at}`)
    this.at = at + bytes
    return at
  }

  #malformed(expected: string, found: string): MalformedMessage {
    return new MalformedMessage(`expected ${expected}, found ${found}, at byte ${this.at - this.#start}`)
  }
}

const sixBits = new Int8Array(128).fill(-1)
'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('').forEach((letter, index) => {
  sixBits[letter.charCodeAt(0)] = index
})

/** Writes messages one after another into a buffer, which it replaces by a larger one when necessary, up to `bytesMax`. */
export class Writer {
  at = 0
  #buffer: Buffer
  #view: DataView
  readonly #bytesMax: number

  constructor(buffer: Buffer = Buffer.allocUnsafeSlow(1024), bytesMax: number = buffer.length) {
    this.#buffer = buffer
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
    this.#bytesMax = bytesMax
  }

  reset(): this {
    this.at = 0
    return this
  }

  /** The written bytes, valid until the next `reset`: a view, not a copy. */
  finished(): Buffer {
    return this.#buffer.subarray(0, this.at)
  }

  bool(v: boolean): void {
    const at = this.#room(1)
    this.#view.setUint8(at, v ? 1 : 0)
  }
  int8(v: number): void {
    if (v !== (v << 24) >> 24) throw outside('int8', v)
    const at = this.#room(1)
    this.#view.setInt8(at, v)
  }
  int16(v: number): void {
    if (v !== (v << 16) >> 16) throw outside('int16', v)
    const at = this.#room(2)
    this.#view.setInt16(at, v)
  }
  uint16(v: number): void {
    if (v !== (v & 0xffff)) throw outside('uint16', v)
    const at = this.#room(2)
    this.#view.setUint16(at, v)
  }
  int32(v: number): void {
    if (v !== (v | 0)) throw outside('int32', v)
    const at = this.#room(4)
    this.#view.setInt32(at, v)
  }
  uint32(v: number): void {
    if (v !== v >>> 0) throw outside('uint32', v)
    const at = this.#room(4)
    this.#view.setUint32(at, v)
  }
  int64(v: bigint): void {
    if (v !== BigInt.asIntN(64, v)) throw outside('int64', v)
    const at = this.#room(8)
    this.#view.setBigInt64(at, v)
  }
  float64(v: number): void {
    const at = this.#room(8)
    this.#view.setFloat64(at, v)
  }

  uvarint(v: number): void {
    let rest = v >>> 0
    for (; rest > 0x7f; rest >>>= 7) this.#byte((rest & 0x7f) | 0x80)
    this.#byte(rest)
  }
  varint(v: number): void {
    this.uvarint(((v << 1) ^ (v >> 31)) >>> 0)
  }
  varlong(v: bigint): void {
    let rest = BigInt.asUintN(64, (v << 1n) ^ (v >> 63n))
    for (; rest > 0x7fn; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80)
    this.#byte(Number(rest))
  }

  uuid(v: string): void {
    if (v.length !== 22) throw new UnencodableMessage(`expected 22 characters of a uuid, found ${v.length}`)
    const at = this.#room(16)
    let bits = 0
    let to = at
    for (let i = 0; i < 20; i += 4) {
      bits = (six(v, i) << 18) | (six(v, i + 1) << 12) | (six(v, i + 2) << 6) | six(v, i + 3)
      this.#view.setUint16(to, bits >>> 8)
      this.#view.setUint8(to + 2, bits & 0xff)
      to += 3
    }
    this.#view.setUint8(to, (six(v, 20) << 2) | (six(v, 21) >> 4))
  }

  string(v: string): void {
    if (!this.#shortString(v, 2)) {
      const length = stringBytes(v)
      this.int16(length)
      this.#text(v, length)
    }
  }
  stringCompact(v: string): void {
    if (!this.#shortString(v, 1)) {
      const length = stringBytes(v)
      this.uvarint(length + 1)
      this.#text(v, length)
    }
  }
  /** Two calls into the engine cost more than a loop over the few ASCII characters of a name. */
  #shortString(v: string, prefixBytes: 1 | 2): boolean {
    const length = v.length
    if (length > internedBytesMax) return false
    const at = this.#room(prefixBytes + length)
    const buffer = this.#buffer
    for (let i = 0; i < length; i++) {
      const code = v.charCodeAt(i)
      if (code > 0x7f) {
        this.at = at
        return false
      }
      buffer[at + prefixBytes + i] = code
    }
    if (prefixBytes === 1) buffer[at] = length + 1
    else this.#view.setInt16(at, length)
    return true
  }
  #text(v: string, length: number): void {
    const at = this.#room(length)
    this.#buffer.write(v, at, length, 'utf8')
  }

  bytes(v: Uint8Array | Slices): void {
    this.int32(v.length)
    this.put(v)
  }
  bytesCompact(v: Uint8Array | Slices): void {
    this.uvarint(v.length + 1)
    this.put(v)
  }
  /** The bytes without a length. */
  put(v: Uint8Array | Slices): void {
    if (v instanceof Slices) {
      for (const part of v.parts) this.put(part)
      return
    }
    const at = this.#room(v.length)
    this.#buffer.set(v, at)
  }

  /** Begins a tagged field; the result is the argument of `leaveTag`, which writes the field's size before it. */
  enterTag(tag: number): number {
    this.uvarint(tag)
    return this.#room(1)
  }
  leaveTag(mark: number): void {
    const size = this.at - mark - 1
    let prefixBytes = 1
    for (let rest = size >>> 7; rest > 0; rest >>>= 7) prefixBytes++
    if (prefixBytes > 1) {
      this.#room(prefixBytes - 1)
      this.#buffer.copyWithin(mark + prefixBytes, mark + 1, mark + 1 + size)
    }
    const end = this.at
    this.at = mark
    this.uvarint(size)
    this.at = end
  }

  /** Writes a length that was not available at its position. */
  patchInt32(at: number, v: number): void {
    if (at + 4 > this.at) throw new RangeError(`byte ${at} is not written yet`)
    this.#view.setInt32(at, v)
  }

  rejectNull(field: string): never {
    throw new UnencodableMessage(`${field} is never null in this version`)
  }
  rejectVersion(field: string, version: number): never {
    throw new UnencodableMessage(`version ${version} can only encode the default of ${field}`)
  }

  #byte(v: number): void {
    const at = this.#room(1)
    this.#buffer[at] = v
  }
  /** Invariant: room is reserved before #view or #buffer is read, since growth replaces both. */
  #room(bytes: number): number {
    const at = this.at
    if (at + bytes > this.#buffer.length) this.#grow(at + bytes)
    this.at = at + bytes
    return at
  }
  #grow(bytes: number): void {
    if (bytes > this.#bytesMax) throw new UnencodableMessage(`a message of ${bytes} bytes or more exceeds ${this.#bytesMax}`)
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, Math.max(bytes, this.#buffer.length * 2)))
    larger.set(this.#buffer.subarray(0, this.at))
    this.#buffer = larger
    this.#view = new DataView(larger.buffer, larger.byteOffset, larger.length)
  }
}

function six(v: string, index: number): number {
  const bits = sixBits[v.charCodeAt(index)] ?? -1
  if (bits < 0) throw new UnencodableMessage(`expected a base64url uuid, found ${v}`)
  return bits
}

function stringBytes(v: string): number {
  const length = Buffer.byteLength(v)
  if (length > stringBytesMax) throw new UnencodableMessage(`a string of ${length} bytes exceeds ${stringBytesMax}`)
  return length
}

const outside = (kind: string, v: unknown): UnencodableMessage => new UnencodableMessage(`expected an ${kind}, found ${String(v)}`)

/** Reads and writes one version of one message. Reading throws MalformedMessage; writing, UnencodableMessage. */
export interface Codec<T> {
  read(from: Reader): T
  write(to: Writer, value: T): void
}
