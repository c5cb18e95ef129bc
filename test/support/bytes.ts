/**
 * Bytes in the encoding of Kafka's protocol, for tests over the network. Shares no code with `src/wire`, so that one mistake cannot cancel
 * out on both sides of a socket.
 */
export class Writer {
  #bytes = Buffer.alloc(256)
  #end = 0

  get length(): number {
    return this.#end
  }

  int8(value: number): this {
    return this.#put(1, (at) => this.#bytes.writeInt8(value, at))
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  int16(value: number): this {
    return this.#put(2, (at) => this.#bytes.writeInt16BE(value, at))
  }

  int32(value: number): this {
    return this.#put(4, (at) => this.#bytes.writeInt32BE(value, at))
  }

  uint32(value: number): this {
    return this.#put(4, (at) => this.#bytes.writeUInt32BE(value, at))
  }

  int64(value: bigint | number): this {
    return this.#put(8, (at) => this.#bytes.writeBigInt64BE(BigInt(value), at))
  }

  raw(bytes: Uint8Array): this {
    return this.#put(bytes.length, (at) => this.#bytes.set(bytes, at))
  }

  uvarint(value: number): this {
    let rest = value >>> 0
    while (rest > 0x7f) {
      this.int8((((rest & 0x7f) | 0x80) << 24) >> 24)
      rest >>>= 7
    }
    return this.int8(rest)
  }

  /** Zigzag encoding. */
  varint(value: number): this {
    return this.uvarint((value << 1) ^ (value >> 31))
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const bytes = Buffer.from(value)
    return this.int16(bytes.length).raw(bytes)
  }

  compactString(value: string | null): this {
    return this.compactBytes(value === null ? null : Buffer.from(value))
  }

  compactBytes(value: Uint8Array | null): this {
    return value === null ? this.uvarint(0) : this.uvarint(value.length + 1).raw(value)
  }

  bytes(value: Uint8Array | null): this {
    return value === null ? this.int32(-1) : this.int32(value.length).raw(value)
  }

  /** Length and bytes inside a record. */
  varBytes(value: Uint8Array | null): this {
    return value === null ? this.varint(-1) : this.varint(value.length).raw(value)
  }

  array<T>(items: readonly T[], each: (item: T) => void): this {
    this.int32(items.length)
    for (const item of items) each(item)
    return this
  }

  compactArray<T>(items: readonly T[], each: (item: T) => void): this {
    this.uvarint(items.length + 1)
    for (const item of items) each(item)
    return this
  }

  noTags(): this {
    return this.uvarint(0)
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#end)
  }

  #put(count: number, write: (at: number) => void): this {
    if (this.#end + count > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#end + count))
      this.#bytes.copy(grown, 0, 0, this.#end)
      this.#bytes = grown
    }
    write(this.#end)
    this.#end += count
    return this
  }
}

export class Reader {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  int8(): number {
    return this.bytes.readInt8(this.#take(1))
  }

  int16(): number {
    return this.bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.bytes.readInt32BE(this.#take(4))
  }

  int64(): bigint {
    return this.bytes.readBigInt64BE(this.#take(8))
  }

  raw(count: number): Buffer {
    const start = this.#take(count)
    return this.bytes.subarray(start, start + count)
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.int8()
      value |= (byte & 0x7f) << shift
      if (byte >= 0) return value >>> 0
    }
    throw new Error('a varint of more than five bytes')
  }

  varint(): number {
    const value = this.uvarint()
    return (value >>> 1) ^ -(value & 1)
  }

  varlong(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.int8()
      value |= BigInt(byte & 0x7f) << shift
      if (byte >= 0) return (value >> 1n) ^ -(value & 1n)
    }
    throw new Error('a varlong of more than ten bytes')
  }

  string(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.raw(length).toString()
  }

  compactBytes(): Buffer | null {
    const length = this.uvarint()
    return length === 0 ? null : this.raw(length - 1)
  }

  compactString(): string | null {
    return this.compactBytes()?.toString() ?? null
  }

  varBytes(): Buffer | null {
    const length = this.varint()
    return length < 0 ? null : this.raw(length)
  }

  array<T>(each: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, each)
  }

  compactArray<T>(each: () => T): T[] {
    return Array.from({ length: Math.max(0, this.uvarint() - 1) }, each)
  }

  skipTags(): void {
    for (let count = this.uvarint(); count > 0; count -= 1) {
      this.uvarint()
      this.raw(this.uvarint())
    }
  }

  #take(count: number): number {
    if (count < 0 || count > this.left) throw new Error(`${count} bytes expected at ${this.at}, ${this.left} left`)
    const start = this.at
    this.at += count
    return start
  }
}
