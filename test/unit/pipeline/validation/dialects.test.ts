import { expect, test } from 'vitest'
import { packSnappy } from '../../../../src/wire/compression/snappy.ts'
import { KernelBench, type KernelResult, validationModule } from '../../../support/validation-kernel.ts'
import { xxhash32 } from '../../../support/xxhash32.ts'
import { batchOf, recordOf } from './samples.ts'

const bench = new KernelBench(await validationModule())

const little = (value: number, bytes: number): Buffer => {
  const out = Buffer.alloc(bytes)
  out.writeUIntLE(value, 0, bytes)
  return out
}

/** A record whose value repeats itself every 10 bytes. */
const value = '0123456789'.repeat(3)
const record = recordOf(Buffer.from(value))
const start = record.indexOf('0123')

const frame = (...blocks: Buffer[]): Buffer => {
  const descriptor = Buffer.from([0x60, 0x40])
  return Buffer.concat([little(0x184d2204, 4), descriptor, Buffer.from([(xxhash32(descriptor) >>> 8) & 0xff]), ...blocks, little(0, 4)])
}
const stored = (bytes: Buffer): Buffer => Buffer.concat([little((bytes.length | 0x80000000) >>> 0, 4), bytes])
const packed = (bytes: Buffer): Buffer => Buffer.concat([little(bytes.length, 4), bytes])

function literals(bytes: Buffer, match: number): Buffer {
  const head = bytes.length < 15 ? [(bytes.length << 4) | match] : [0xf0 | match, bytes.length - 15]
  return Buffer.concat([Buffer.from(head), bytes])
}

/** All in literals but for a match that ends `rest` bytes before the end. */
function endingAfter(rest: number): Buffer {
  const [from, to] = [start + 10, record.length - rest]
  return packed(Buffer.concat([literals(record.subarray(0, from), to - from - 4), little(10, 2), literals(record.subarray(to), 0)]))
}

const empty = packed(Buffer.from([0]))

test.each<[string, Buffer, KernelResult]>([
  ['5 literals behind the last match', frame(endingAfter(5)), 'done'],
  ['4 literals behind the last match', frame(endingAfter(4)), 'damaged'],
  ['1 literal behind the last match', frame(endingAfter(1)), 'damaged'],
  ['a block of one token that gives nothing', frame(stored(record.subarray(0, 15)), empty, stored(record.subarray(15))), 'damaged'],
])('lz4: %s', (_, bytes, result) => {
  expect(bench.validate(batchOf('lz4', bytes, 1))).toBe(result)
})

const big = (number: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeInt32BE(number)
  return out
}
const header = (version: number, compatible: number): Buffer =>
  Buffer.concat([Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]), big(version), big(compatible)])
const chunk = (bytes: Buffer): Buffer => {
  const whole = packSnappy(bytes)
  const bare = whole[0] === 0x82 ? whole.subarray(20) : whole
  return Buffer.concat([big(bare.length), bare])
}
const [first, second] = [chunk(record.subarray(0, 9)), chunk(record.subarray(9))]

test.each<[string, Buffer, KernelResult]>([
  ['a first header of version 0', Buffer.concat([header(0, 0), first, second]), 'done'],
  ['a first header of version -1', Buffer.concat([header(-1, 1), first, second]), 'done'],
  ['a second header', Buffer.concat([header(1, 1), first, header(1, 1), second]), 'done'],
  ['a second header of version 2', Buffer.concat([header(1, 1), first, header(2, 0), second]), 'done'],
  ['a second header of version 0', Buffer.concat([header(1, 1), first, header(0, 1), second]), 'damaged'],
  ['a last header of version -1', Buffer.concat([header(1, 1), first, second, header(-1, 1)]), 'damaged'],
])('snappy: %s', (_, bytes, result) => {
  expect(bench.validate(batchOf('snappy', bytes, 1))).toBe(result)
})
