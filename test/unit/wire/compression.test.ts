import { expect, test } from 'vitest'
import { nodeCodecs } from '../../../native-free-io/threads/codecs.ts'
import { prng } from '../../../src/base/prng.ts'
import { buildBatch } from '../../../src/wire/batch-builder.ts'
import { packLz4 } from '../../../src/wire/compression/lz4.ts'
import { packSnappy } from '../../../src/wire/compression/snappy.ts'
import { packZstd } from '../../../src/wire/compression/zstd-writer.ts'
import { MalformedMessage } from '../../../src/wire/primitives.ts'
import { batchAt, codecNames, isBatchError } from '../../../src/wire/record-batch.ts'
import { readRecords } from '../../../src/wire/records.ts'
import { arbitraryBytes } from './arbitrary.ts'

const text = Buffer.from(Array.from({ length: 400 }, (_, i) => `${i % 37}:${(i * 7919) % 1000};`).join(''))
const bytesMax = 1 << 20

/** Text that repeats, noise, and runs: at sizes around a block's. */
const packable = [0, 1, 11, 12, 13, 100, 65_535, 65_536, 65_537, 200_000].flatMap((size) => [
  arbitraryBytes(prng(size), size),
  Buffer.alloc(size, text),
  Buffer.alloc(size, 7),
  Buffer.from(arbitraryBytes(prng(size), size).map((byte) => byte & 3)),
])

test.each([
  ['lz4', (bytes: Buffer, effort: number) => packLz4(bytes, effort)],
  ['snappy', (bytes: Buffer) => packSnappy(bytes)],
  ['zstd', (bytes: Buffer, effort: number) => packZstd(bytes, effort)],
] as const)('compression: %s unpacks to what was packed, which was no larger but for its frame', (codec, pack) => {
  for (const bytes of packable) {
    for (const effort of [1, 16]) {
      const packed = pack(bytes, effort)
      expect(nodeCodecs.unpack(codec, packed, bytesMax).equals(bytes)).toBe(true)
      expect(packed.length).toBeLessThanOrEqual(bytes.length + bytes.length / 1024 + 64)
    }
  }
  expect(pack(Buffer.alloc(200_000, text), 1).length).toBeLessThan(20_000)
})

test('compression: more effort packs tighter', () => {
  const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 1000}:${(i * 31) % 77};`).join(''))
  expect(packLz4(bytes, 64).length).toBeLessThan(packLz4(bytes, 1).length)
  expect(packZstd(bytes, 64).length).toBeLessThan(packZstd(bytes, 1).length)
})

test('compression: records come out of a batch as they went in, in every codec', () => {
  const records = [
    { timestamp: 5n, key: Buffer.from('k'), value: null, headers: [{ key: 'h', value: null }] },
    { timestamp: 3n, key: null, value: text, headers: [] },
  ]
  for (const codec of codecNames) {
    const batch = buildBatch(records, { codec, codecs: nodeCodecs, baseOffset: 70n })
    const header = batchAt(batch, 0)
    if (isBatchError(header)) throw new Error(header.because)
    const read = readRecords(batch, 0, header, nodeCodecs, bytesMax)
    expect(read).toEqual(records.map((record, index) => ({ ...record, offset: 70n + BigInt(index), sequence: -1 })))
    expect(header.maxTimestamp).toBe(5n)
    if (codec !== 'none') expect(() => readRecords(batch, 0, header, nodeCodecs, 100)).toThrow(MalformedMessage)
  }
})
