import { MalformedMessage } from './primitives.ts'

/** Limit of the last byte of a number: 48 bits and a sign, which is thousands of years. */
const scaleMax = 2 ** 42

/**
 * Iterates over the records of a batch without an object for each: the fields are the positions of the current record's parts.
 *
 * Throws MalformedMessage for invalid records, and for timestamps thousands of years apart.
 */
export class RecordWalk {
  readonly bytes: Buffer
  #at = 0
  #left: number
  /** The record, with its length prefix. */
  start = 0
  end = 0
  attributes = 0
  timestampDelta = 0
  /** Position of the offset delta, which follows the timestamp. */
  restAt = 0
  offsetDelta = 0
  keyAt = 0
  /** -1 for null, as in `valueBytes`. */
  keyBytes = -1
  valueAt = 0
  valueBytes = -1

  /** `bytes` are the decompressed bytes after the batch header. */
  constructor(bytes: Buffer, count: number) {
    this.bytes = bytes
    this.#left = count
  }

  /** Advances to the next record; false after the last. */
  next(): boolean {
    if (this.#left === 0) {
      if (this.#at !== this.bytes.length) throw new MalformedMessage(`${this.bytes.length - this.#at} bytes follow the last record`)
      return false
    }
    this.#left--
    this.start = this.#at
    const length = this.#varint()
    this.end = this.#at + length
    if (length < 0 || this.end > this.bytes.length) throw new MalformedMessage(`a record of ${length} bytes at ${this.start}`)
    this.attributes = this.#byte()
    this.timestampDelta = this.#varint()
    this.restAt = this.#at
    this.offsetDelta = this.#varint()
    this.keyBytes = this.#varint()
    this.keyAt = this.#at
    this.#at += Math.max(0, this.keyBytes)
    this.valueBytes = this.#varint()
    this.valueAt = this.#at
    if (this.#at + Math.max(0, this.valueBytes) > this.end) throw new MalformedMessage(`the record at ${this.start} is cut off`)
    this.#at = this.end
    return true
  }

  key(): Buffer {
    return this.bytes.subarray(this.keyAt, this.keyAt + this.keyBytes)
  }

  value(): Buffer {
    return this.bytes.subarray(this.valueAt, this.valueAt + this.valueBytes)
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      if (scale === scaleMax) throw new MalformedMessage(`a number of the record at ${this.start} is too long`)
    }
  }

  #byte(): number {
    const byte = this.bytes[this.#at++]
    if (byte === undefined) throw new MalformedMessage(`the record at ${this.start} is cut off`)
    return byte
  }
}
