import { constants, crc32, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { KernelBench, type KernelResult, validationModule } from '../../../support/validation-kernel.ts'
import { batchOf, countOf, recordOf, samples } from './samples.ts'

const module = await validationModule()
const bench = new KernelBench(module)

const content = recordOf(Buffer.from(`${'a record '.repeat(30)}and its end`))
const packed = gzipSync(content)
const flag = { text: 1, headerChecksum: 2, extra: 4, name: 8, comment: 16 } as const

const headerOf = (flags: number, fields = ''): Buffer =>
  Buffer.concat([Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3]), Buffer.from(fields, 'latin1')])
const member = (flags: number, fields = ''): Buffer => Buffer.concat([headerOf(flags, fields), packed.subarray(10)])
const changed = (at: number, bits = 1): Buffer => {
  const bytes = Buffer.from(packed)
  bytes[at < 0 ? bytes.length + at : at]! ^= bits
  return bytes
}
const behind = (bytes: Buffer): Buffer => Buffer.concat([packed, bytes])
/** With a checksum of the header, in which `bits` are wrong. */
function checked(bits: number): Buffer {
  const header = headerOf(flag.headerChecksum | flag.name, 'name\0')
  const sum = (crc32(header) & 0xffff) ^ bits
  return Buffer.concat([header, Buffer.from([sum & 0xff, sum >> 8]), packed.subarray(10)])
}
const nothing = gzipSync(Buffer.alloc(0))
const half = content.length >> 1

/** Bit by bit, from the lowest. Numbers as [value, bits]. */
function bits(...parts: readonly [number, number][]): Buffer {
  const all = parts.flatMap(([value, count]) => Array.from({ length: count }, (_, i) => (value >> i) & 1))
  return Buffer.from(
    Array.from({ length: Math.ceil(all.length / 8) }, (_, at) =>
      all.slice(at * 8, at * 8 + 8).reduce((sum, bit, i) => sum | (bit << i), 0),
    ),
  )
}
const blockOf = (...parts: readonly [number, number][]): Buffer => Buffer.concat([headerOf(0), bits(...parts), Buffer.alloc(40)])
const lastDynamic = [
  [1, 1],
  [2, 2],
] as const satisfies [number, number][]

/** Each as Java's GZIPInputStream takes it, but where a remark says otherwise. */
const members: readonly [string, Buffer, KernelResult][] = [
  ['one member', packed, 'done'],
  ['an extra field', member(flag.extra, '\x03\0abc'), 'done'],
  ['an extra field that is cut off', member(flag.extra, '\xff\xff'), 'damaged'],
  ['a name', member(flag.name, 'name\0'), 'done'],
  ['a name without an end', headerOf(flag.name, 'name'), 'damaged'],
  ['a comment', member(flag.comment, 'words\0'), 'done'],
  ['an extra field, a name and a comment', member(flag.extra | flag.name | flag.comment, '\x01\0abc\0d\0'), 'done'],
  ['a text', member(flag.text), 'done'],
  ['a header checksum that is right', checked(0), 'done'],
  ['a header checksum that is wrong', checked(1), 'damaged'],
  ['a reserved flag, which Java passes over and zlib rejects', member(0x20), 'damaged'],
  ['another method', changed(2), 'damaged'],
  ['another magic', changed(0), 'damaged'],
  ['a wrong checksum', changed(-8), 'damaged'],
  ['a wrong size', changed(-4), 'damaged'],
  ['a size that is wrong in its highest bit', changed(-1, 0x80), 'damaged'],
  ['no last byte', packed.subarray(0, -1), 'damaged'],
  ['no trailer', packed.subarray(0, -8), 'damaged'],
  ['a header and no more', packed.subarray(0, 10), 'damaged'],
  ['nothing', Buffer.alloc(0), 'damaged'],
  ['a record over two members', Buffer.concat([gzipSync(content.subarray(0, half)), gzipSync(content.subarray(half))]), 'done'],
  ['an empty member first', Buffer.concat([nothing, packed]), 'done'],
  ['an empty member last', behind(nothing), 'done'],
  ['a wrong checksum in a second member', behind(nothing.map((byte, at) => byte ^ Number(at === nothing.length - 8)) as Buffer), 'damaged'],
  ['another byte', behind(Buffer.from([1])), 'done'],
  ['what is no header', behind(Buffer.alloc(40, 3)), 'done'],
  ['a header that is cut off', behind(headerOf(flag.name, 'name')), 'done'],
  ['a header without a member', behind(Buffer.concat([headerOf(0), Buffer.alloc(40)])), 'damaged'],
  ['a reserved kind of block', blockOf([1, 1], [3, 2]), 'damaged'],
  ['a stored block whose lengths differ', blockOf([1, 1], [0, 7], [5, 16], [5, 16]), 'damaged'],
  ['a distance behind the start', blockOf([1, 1], [1, 2], [0b1000000, 7], [0, 5]), 'damaged'],
  ['287 length codes', blockOf(...lastDynamic, [30, 5], [0, 5], [0, 4]), 'damaged'],
  ['31 distance codes', blockOf(...lastDynamic, [0, 5], [30, 5], [0, 4]), 'damaged'],
  ['a precode without codes', blockOf(...lastDynamic, [0, 5], [0, 5], [0, 4], [0, 12]), 'damaged'],
  ['a precode that is incomplete', blockOf(...lastDynamic, [0, 5], [0, 5], [0, 4], [2, 3], [0, 9]), 'damaged'],
  ['a precode that is too full', blockOf(...lastDynamic, [0, 5], [0, 5], [0, 4], [1, 3], [1, 3], [1, 3], [0, 3]), 'damaged'],
]

test.each(members)('gzip: %s', (_, bytes, result) => {
  expect(bench.validate(batchOf('gzip', bytes, 1))).toBe(result)
  expect(bench.validate(batchOf('gzip', bytes, 1), 1)).toBe(result)
})

const strategies = ['Z_DEFAULT_STRATEGY', 'Z_FILTERED', 'Z_HUFFMAN_ONLY', 'Z_RLE', 'Z_FIXED'] as const

describe.each(Object.entries(samples))('gzip: %s', (_, sample) => {
  const raw = sample()
  test.each(strategies)('equals the input of zlib, %s, at every level', (strategy) => {
    for (const level of [0, 1, 4, 6, 9]) {
      for (const memLevel of [1, 8]) {
        const batch = batchOf('gzip', gzipSync(raw, { level, memLevel, strategy: constants[strategy] }), countOf(raw))
        const { result, output } = bench.unpack(batch)
        expect(result).toBe('done')
        expect(output.equals(raw)).toBe(true)
        expect(bench.outOfBoundsWrites(batch)).toEqual([])
      }
    }
  })
})
