/** Decoding of Kafka's primitive types. All other decodings are composed of these. */
import { MalformedMessage, shortStringBytesMax, stringBytesMax } from './primitives.ts'

/**
 * Array elements of one message, over all arrays: limits the heap memory that a small frame can cause. The largest requests
 * of real clients name each partition of a node once.
 */
export const elementsMaxDefault = 1 << 17
/** Tagged fields of one struct. Kafka's own have at most five. */
const tagsOfStructMax = 64

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
    return length <= shortStringBytesMax ? this.#intern(at, length) : this.buffer.toString('utf8', at, at + length)
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
