import { below, nextWord, type Prng, prng } from '../../../../src/base/prng.ts'
import { buildBatch } from '../../../../src/wire/batch-builder.ts'
import { crc32c } from '../../../../src/wire/crc32c.ts'
import { batchHeader, type CodecName, codecs } from '../../../../src/wire/record-batch.ts'

/** Sequences of records as they are before compression, by name, each a function of its name alone. */
export const samples: Readonly<Record<string, () => Buffer>> = {
  'one byte': () => recordOf(Buffer.from('a')),
  'a byte repeated': () => recordOf(Buffer.alloc(300_000)),
  'short repeats': () => recordOf(Buffer.from('abcabdabe'.repeat(9000))),
  noise: () => recordOf(noise(prng(1), 150_000)),
  'few letters': () => recordOf(letters(prng(2), 5000)),
  'JSON, 100 B': () => jsonRecords(16 << 10, 100),
  'JSON, 1 KiB': () => jsonRecords(64 << 10, 1024),
  'JSON, 1 MiB': () => jsonRecords(1 << 20, 1024),
}

function noise(random: Prng, bytes: number): Buffer {
  const out = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at++) out[at] = nextWord(random) >>> 24
  return out
}

const letters = (random: Prng, count: number): Buffer => Buffer.from(Array.from({ length: count }, () => 97 + below(random, 5) ** 2))

/** A record whose value is `value`. */
export const recordOf = (value: Buffer): Buffer => recordsOf([value])

/** Records without keys and headers, one after the other. */
export const recordsOf = (values: readonly Buffer[]): Buffer =>
  buildBatch(values.map((value) => ({ value, timestamp: 1_700_000_000_000n }))).subarray(batchHeader.bytes)

const words = 'order payment customer shipped pending failed express standard retry warehouse europe america'.split(' ')

/** About `bytes` of JSON-like records of about `recordBytes`. */
export function jsonRecords(bytes: number, recordBytes: number, seed = 7): Buffer {
  return recordsOf(jsonValues(bytes, recordBytes, seed))
}

export function jsonValues(bytes: number, recordBytes: number, seed = 7): Buffer[] {
  const random = prng(seed)
  const word = (): string => words[below(random, words.length)]!
  return Array.from({ length: Math.ceil(bytes / recordBytes) }, (_, id) => {
    let text = `{"id":${1_000_000 + id},"time":${1_700_000_000_000 + id * 7},"user":"${below(random, 50_000)}","status":"${word()}","trace":"${nextWord(random).toString(36)}"`
    while (text.length < recordBytes - 30) text += `,"${word()}":"${nextWord(random).toString(36)}-${word()}"`
    return Buffer.from(`${text}}`)
  })
}

/** A batch around records that have been compressed by other means. */
export function batchOf(codec: CodecName, packed: Buffer, recordsCount: number): Buffer {
  const batch = Buffer.concat([buildBatch([{ value: null, timestamp: 1_700_000_000_000n }]).subarray(0, batchHeader.bytes), packed])
  batch.writeInt32BE(batch.length - 12, batchHeader.batchLength)
  batch.writeInt16BE(codecs[codec], batchHeader.attributes)
  batch.writeInt32BE(recordsCount - 1, batchHeader.lastOffsetDelta)
  batch.writeInt32BE(recordsCount, batchHeader.recordsCount)
  return sealed(batch)
}

/** The batch with a right CRC. */
export function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, batchHeader.attributes), batchHeader.crc)
  return batch
}

/** How many records there are in what `recordsOf` has made. */
export function countOf(records: Buffer): number {
  let count = 0
  for (let at = 0; at < records.length; count++) {
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = records[at++]!
      length += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    at += length / 2
  }
  return count
}
