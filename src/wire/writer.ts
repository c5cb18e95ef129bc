/** Encoding of Kafka's primitive types. All other encodings are composed of these. */
import { shortStringBytesMax, stringBytesMax, UnencodableMessage } from './primitives.ts'
import { Slices } from './slices.ts'

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
    if (length > shortStringBytesMax) return false
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
