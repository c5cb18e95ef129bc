import { expect, test } from 'vitest'
import { MalformedMessage, UnencodableMessage } from '../../../src/wire/primitives.ts'
import { Reader } from '../../../src/wire/reader.ts'
import { Writer } from '../../../src/wire/writer.ts'

const reader = (hex: string): Reader => new Reader(Buffer.from(hex, 'hex'))

test('reader and writer: a reader of one frame reads neither the previous frame nor the next one', () => {
  const r = reader('ffff0001ffff')
  expect(r.reset(2, 4).int16()).toBe(1)
  expect(() => r.int8()).toThrow('expected 1 bytes, found 0, at byte 2')
  expect(() => r.reset(2, 4).int32()).toThrow(MalformedMessage)
  expect(() => r.reset(4, 7)).toThrow(RangeError)
})

test('reader and writer: strings and bytes can be read from memory that threads share', () => {
  const shared = Buffer.from(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer)
  Buffer.from('6f72646572730102c3a9', 'hex').copy(shared, 100)
  const r = new Reader(shared).reset(100, 110)
  expect(r.text(6)).toBe('orders')
  const bytes = r.bytes(2)
  shared[106] = 9
  expect([...bytes]).toEqual([9, 2])
  expect(r.text(2)).toBe('é')
})

test('reader and writer: a repeated string is the same string, and one with the same hash is not', () => {
  const r = new Reader(Buffer.from('AaBBAaBBC#'))
  expect([r.text(2), r.text(2), r.text(2), r.text(2), r.text(2)]).toEqual(['Aa', 'BB', 'Aa', 'BB', 'C#'])
})

test('reader and writer: bytes that are not UTF-8 become replacement characters', () => {
  expect(reader('61ff62').text(3)).toBe('a\ufffdb')
})

test('reader and writer: a varint of five bytes is at most 32 bits, and never longer', () => {
  expect(reader('ffffffff0f').uvarint()).toBe(0xffffffff)
  for (const hex of ['ffffffff1f', '808080808000', 'ffffffffff']) expect(() => reader(hex).uvarint()).toThrow('a varint of at most 32 bits')
  expect(() => reader('8080').uvarint()).toThrow(MalformedMessage)
})

test('reader and writer: signed varints survive a round trip', () => {
  const w = new Writer(Buffer.alloc(512))
  const numbers = [0, -1, 1, 63, -64, 64, 2147483647, -2147483648]
  const longs = [0n, -1n, 1n, 1n << 40n, (1n << 63n) - 1n, -(1n << 63n)]
  for (const n of numbers) w.varint(n)
  for (const n of longs) w.varlong(n)
  const r = new Reader(w.finished())
  expect(numbers.map(() => r.varint())).toEqual(numbers)
  expect(longs.map(() => r.varlong())).toEqual(longs)
  expect(() => reader('ffffffffffffffffff03').varlong()).toThrow('a varint of at most 64 bits')
})

test('reader and writer: uuids are base64url both ways, also where two share a slot of the cache', () => {
  const a = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
  const b = Buffer.from('0405060700010203' + '08090a0b0c0d0e0f', 'hex')
  const r = new Reader(Buffer.concat([a, b, a, b]))
  const read = [r.uuid(), r.uuid(), r.uuid(), r.uuid()]
  expect(read).toEqual([a, b, a, b].map((bytes) => bytes.toString('base64url')))
  const w = new Writer(Buffer.alloc(64))
  for (const uuid of read) w.uuid(uuid)
  expect(w.finished()).toEqual(Buffer.concat([a, b, a, b]))
  expect(() => w.uuid('AAAA')).toThrow(UnencodableMessage)
  expect(() => w.uuid('!!!!!!!!!!!!!!!!!!!!!!')).toThrow(UnencodableMessage)
})

test('reader and writer: all arrays of a message share one limit on their elements', () => {
  const r = new Reader(Buffer.alloc(100), 10)
  expect(r.count(6, 1)).toBe(6)
  expect(() => r.count(5, 1)).toThrow('expected at most 10 array elements in a message')
  expect(r.reset(0, 100).count(10, 1)).toBe(10)
  expect(() => new Reader(Buffer.alloc(100)).count(26, 4)).toThrow('expected at most 100 bytes of elements, found 26 elements')
})

test('reader and writer: a length below -1 is rejected', () => {
  expect(() => reader('fffe').length16()).toThrow('expected a length, or -1 for null, found -2')
  expect(() => reader('80000000').length32()).toThrow(MalformedMessage)
  expect(reader('00').lengthCompact()).toBe(-1)
})

test('reader and writer: strings of more than 32767 bytes are neither read nor written', () => {
  expect(() => new Reader(Buffer.alloc(40_000)).text(32_768)).toThrow('a string of at most 32767 bytes')
  const w = new Writer(Buffer.alloc(8), 1 << 20)
  w.stringCompact('é'.repeat(16_383))
  expect(() => w.stringCompact('é'.repeat(16_384))).toThrow('a string of 32768 bytes exceeds 32767')
})

test('reader and writer: numbers that do not fit their width are rejected', () => {
  const w = new Writer(Buffer.alloc(64))
  for (const write of [
    () => w.int8(128),
    () => w.int16(-32_769),
    () => w.uint16(-1),
    () => w.int32(2 ** 31),
    () => w.int32(0.5),
    () => w.int32(Number.NaN),
    () => w.uint32(-1),
    () => w.int64(1n << 63n),
    () => w.int32(undefined as never),
  ]) {
    expect(write).toThrow(UnencodableMessage)
  }
  expect(w.at).toBe(0)
})

test('reader and writer: a writer grows to its bound and no further', () => {
  const w = new Writer(Buffer.alloc(4), 100)
  w.put(Buffer.alloc(96, 1))
  w.int32(7)
  expect(w.finished().length).toBe(100)
  expect(() => w.bool(true)).toThrow('a message of 101 bytes or more exceeds 100')
  w.patchInt32(0, 99)
  expect(w.finished().readInt32BE(0)).toBe(99)
  expect(w.reset().finished().length).toBe(0)
})
