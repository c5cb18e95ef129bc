import { record } from '../base/layout.ts'
import { getU64, putU64 } from '../base/long.ts'
import { crc32c } from '../wire/crc32c.ts'

/**
 * An object: the batches of some streams, one stream after another, then an index of them, then a footer. Little-endian.
 *
 * Batches carry their own CRC-32C; index and footer have one each. A format that changes gets a new version.
 */
const streamRow = record({ stream: 'u32', batches: 'u32', start: 'u64', end: 'u64', firstBatch: 'u32', zero: 'u32' })
const batchRow = record({ baseOffset: 'u64', position: 'u64', maxTimestamp: 'i64', length: 'u32', count: 'u32' })
const footer = record({ crc: 'u32', magic: 'u32', version: 'u32', indexCrc: 'u32', indexPosition: 'u64', streams: 'u32', batches: 'u32' })
const magic = 0x424f524d // "MROB"
const version = 1

export const footerBytes = footer.bytes

export interface ObjectBatch {
  readonly baseOffset: number
  /** Offsets it takes. */
  readonly count: number
  readonly bytes: number
  readonly maxTimestamp: number
}

export interface ObjectStream {
  readonly stream: number
  /** First offset, and the one behind the last. */
  readonly start: number
  readonly end: number
}

/** Where a batch lies in its object. */
export interface PlacedBatch extends ObjectBatch {
  readonly position: number
}

/** Index and footer for the batches of each stream, in the order in which their bytes precede it. */
export function indexOf(streams: readonly (readonly [stream: number, batches: readonly ObjectBatch[]])[]): Buffer {
  const batchCount = streams.reduce((sum, [, batches]) => sum + batches.length, 0)
  const indexBytes = streams.length * streamRow.bytes + batchCount * batchRow.bytes
  const out = Buffer.alloc(indexBytes + footer.bytes)
  const view = new DataView(out.buffer, out.byteOffset, out.length)
  let position = 0
  let batchIndex = 0
  streams.forEach(([stream, batches], i) => {
    const last = batches.at(-1)!
    const row = i * streamRow.bytes
    view.setUint32(row + streamRow.stream, stream, true)
    view.setUint32(row + streamRow.batches, batches.length, true)
    putU64(view, row + streamRow.start, batches[0]!.baseOffset)
    putU64(view, row + streamRow.end, last.baseOffset + last.count)
    view.setUint32(row + streamRow.firstBatch, batchIndex, true)
    for (const batch of batches) {
      const at = streams.length * streamRow.bytes + batchIndex++ * batchRow.bytes
      putU64(view, at + batchRow.baseOffset, batch.baseOffset)
      putU64(view, at + batchRow.position, position)
      view.setBigInt64(at + batchRow.maxTimestamp, BigInt(batch.maxTimestamp), true)
      view.setUint32(at + batchRow.length, batch.bytes, true)
      view.setUint32(at + batchRow.count, batch.count, true)
      position += batch.bytes
    }
  })
  view.setUint32(indexBytes + footer.magic, magic, true)
  view.setUint32(indexBytes + footer.version, version, true)
  view.setUint32(indexBytes + footer.indexCrc, crc32c(out, 0, indexBytes), true)
  putU64(view, indexBytes + footer.indexPosition, position)
  view.setUint32(indexBytes + footer.streams, streams.length, true)
  view.setUint32(indexBytes + footer.batches, batchCount, true)
  view.setUint32(indexBytes + footer.crc, crc32c(out, indexBytes + footer.magic, out.length), true)
  return out
}

/** The object is not what was written. */
export class ObjectDamaged extends Error {}

export interface Footer {
  readonly indexPosition: number
  readonly indexBytes: number
  readonly indexCrc: number
  readonly streams: number
}

/** Reads the last `footerBytes` of an object. */
export function readFooter(bytes: Buffer, objectBytes: number): Footer {
  if (bytes.length !== footer.bytes) throw new ObjectDamaged(`an object of ${objectBytes} bytes is too short for a footer`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(footer.crc, true) !== crc32c(bytes, footer.magic, footer.bytes) || view.getUint32(footer.magic, true) !== magic) {
    throw new ObjectDamaged('the footer of an object is damaged')
  }
  const found = view.getUint32(footer.version, true)
  if (found !== version) throw new ObjectDamaged(`an object has format ${found}; this Millrace reads ${version}`)
  const indexPosition = getU64(view, footer.indexPosition)
  return {
    indexPosition,
    indexBytes: objectBytes - footer.bytes - indexPosition,
    indexCrc: view.getUint32(footer.indexCrc, true),
    streams: view.getUint32(footer.streams, true),
  }
}

/** The index of one object, as it was read. */
export class ObjectIndex {
  readonly #view: DataView
  readonly #streams: number

  constructor(bytes: Buffer, { indexBytes, indexCrc, streams }: Footer) {
    if (bytes.length !== indexBytes || crc32c(bytes, 0, bytes.length) !== indexCrc)
      throw new ObjectDamaged('the index of an object is damaged')
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#streams = streams
  }

  get bytes(): number {
    return this.#view.byteLength
  }

  /** The batches of a stream that a read from `offset` on takes: at least one, then as many as fit. */
  range(stream: number, offset: number, bytesMax: number): { readonly position: number; readonly bytes: number } | undefined {
    const { first, count } = this.#rowsOf(stream)
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      const { baseOffset, count: offsets } = this.#batch(first + middle)
      if (baseOffset + offsets <= offset) low = middle + 1
      else high = middle
    }
    if (low === count) return undefined
    const { position } = this.#batch(first + low)
    let bytes = 0
    for (let i = low; i < count; i++) {
      const { bytes: more } = this.#batch(first + i)
      if (i > low && bytes + more > bytesMax) break
      bytes += more
    }
    return { position, bytes }
  }

  /** The first batch of a stream, from `offset` on, that may hold a record of this time or later. */
  firstSince(stream: number, offset: number, timestamp: number): PlacedBatch | undefined {
    return this.#first(stream, (batch) => batch.baseOffset + batch.count > offset && batch.maxTimestamp >= timestamp)
  }

  /** The first of the batches with the greatest timestamp, from `offset` on. */
  latest(stream: number, offset: number): PlacedBatch | undefined {
    let best: PlacedBatch | undefined
    this.#first(stream, (batch) => {
      if (batch.baseOffset + batch.count > offset && (best === undefined || batch.maxTimestamp > best.maxTimestamp)) best = batch
      return false
    })
    return best
  }

  #first(stream: number, isIt: (batch: PlacedBatch) => boolean): PlacedBatch | undefined {
    const { first, count } = this.#rowsOf(stream)
    for (let i = first; i < first + count; i++) {
      const batch = this.#batch(i)
      if (isIt(batch)) return batch
    }
    return undefined
  }

  #rowsOf(stream: number): { first: number; count: number } {
    for (let row = 0; row < this.#streams * streamRow.bytes; row += streamRow.bytes) {
      if (this.#view.getUint32(row + streamRow.stream, true) !== stream) continue
      return { first: this.#view.getUint32(row + streamRow.firstBatch, true), count: this.#view.getUint32(row + streamRow.batches, true) }
    }
    return { first: 0, count: 0 }
  }

  #batch(index: number): PlacedBatch {
    const at = this.#streams * streamRow.bytes + index * batchRow.bytes
    return {
      baseOffset: getU64(this.#view, at + batchRow.baseOffset),
      position: getU64(this.#view, at + batchRow.position),
      maxTimestamp: Number(this.#view.getBigInt64(at + batchRow.maxTimestamp, true)),
      bytes: this.#view.getUint32(at + batchRow.length, true),
      count: this.#view.getUint32(at + batchRow.count, true),
    }
  }
}
