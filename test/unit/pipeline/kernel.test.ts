import { beforeAll, expect, test } from 'vitest'
import { below, nextWord, prng } from '../../../src/base/prng.ts'
import { type Kernel, kernel, writeTables } from '../../../src/pipeline/kernel/kernel.ts'
import { scanResult, scanStatus } from '../../../src/pipeline/kernel/scan.ts'

const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true })
const bytes = new Uint8Array(memory.buffer)
const view = new DataView(memory.buffer)
const [source, target, result] = [65536, 2 << 20, 60000]
let k: Kernel

beforeAll(() => {
  writeTables(memory)
  k = kernel(memory)
})

/** The definition: a bit at a time, the polynomial reflected. */
function bitwise(data: Uint8Array): number {
  let crc = -1
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

/** RFC 3720, appendix B.4, and the check value of the CRC catalogue. */
test.each([
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['the digits', Uint8Array.from([...'123456789'].map((c) => c.charCodeAt(0))), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
])('kernel: the published vector of %s', (_, data, expected) => {
  bytes.set(data, source)
  expect(k.crc(source, data.length, 0) >>> 0).toBe(expected)
  expect(k.copyCrc(target, source, data.length, 0) >>> 0).toBe(expected)
})

test('kernel: random regions at any alignment agree with the bitwise definition, in one piece or two', () => {
  const p = prng(20261121)
  for (let round = 0; round < 300; round++) {
    const length = below(p, round % 10 === 0 ? 70_000 : 700)
    const at = source + below(p, 16)
    for (let i = 0; i < length; i++) bytes[at + i] = nextWord(p)
    const expected = bitwise(bytes.subarray(at, at + length))
    const split = below(p, length + 1)
    expect(k.crc(at, length, 0) >>> 0).toBe(expected)
    expect(k.crc(at + split, length - split, k.crc(at, split, 0)) >>> 0).toBe(expected)
    const to = target + below(p, 16)
    expect(k.copyCrc(to, at, length, 0) >>> 0).toBe(expected)
    expect(Buffer.compare(bytes.subarray(to, to + length), bytes.subarray(at, at + length))).toBe(0)
  }
})

const zigzag = (n: bigint): number[] => {
  let rest = BigInt.asUintN(64, (n << 1n) ^ (n >> 63n))
  const out: number[] = []
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
  return [...out, Number(rest)]
}

interface Sample {
  delta: bigint
  offset: number
  key: number
  value: number
  headers: number
}
function record({ delta, offset, key, value, headers }: Sample): number[] {
  const field = (n: number): number[] => [...zigzag(BigInt(n)), ...new Array(Math.max(0, n)).fill(7)]
  const body = [0, ...zigzag(delta), ...zigzag(BigInt(offset)), ...field(key), ...field(value), ...zigzag(BigInt(headers))]
  for (let i = 0; i < headers; i++) body.push(...field(3), ...field(i % 2 ? -1 : 200))
  return [...zigzag(BigInt(body.length)), ...body]
}
function scan(data: readonly number[], count: number): { status: number; index: number; keyless: number; min: bigint; max: bigint } {
  bytes.fill(0xff, source, source + data.length + 64)
  bytes.set(data, source)
  const status = k.scan(source, source + data.length, count, result)
  return {
    status,
    index: view.getInt32(result + scanResult.index, true),
    keyless: view.getInt32(result + scanResult.keyless, true),
    min: view.getBigInt64(result + scanResult.minDelta, true),
    max: view.getBigInt64(result + scanResult.maxDelta, true),
  }
}
const plain = (offset: number, over: Partial<Sample> = {}): Sample => ({ delta: 5n, offset, key: 4, value: 100, headers: 0, ...over })

test('kernel: a scan finds the range of timestamps and the first record without a key', () => {
  const samples = [
    plain(0),
    plain(1, { delta: -70_000n, key: 0 }),
    plain(2, { delta: 2n ** 40n, key: -1, headers: 3 }),
    plain(3, { value: -1, key: -1 }),
  ]
  expect(scan(samples.flatMap(record), 4)).toEqual({ status: scanStatus.ok, index: 4, keyless: 2, min: -70_000n, max: 2n ** 40n })
})

test('kernel: a thousand records of every size scan clean', () => {
  const p = prng(7)
  const samples = Array.from({ length: 1000 }, (_, i) =>
    plain(i, { delta: BigInt(below(p, 100_000)) - 50_000n, key: below(p, 40) - 1, value: below(p, 300) - 1, headers: below(p, 3) }),
  )
  expect(scan(samples.flatMap(record), 1000).status).toBe(scanStatus.ok)
})

test('kernel: a wrong offset delta, a missing record, a spare byte are each named', () => {
  expect(scan([plain(0), plain(2)].flatMap(record), 2)).toMatchObject({ status: scanStatus.offsetDelta, index: 1 })
  expect(scan([plain(0), plain(1)].flatMap(record), 3)).toMatchObject({ status: scanStatus.malformed, index: 2 })
  expect(scan([...record(plain(0)), 0], 1)).toMatchObject({ status: scanStatus.trailing })
})

test('kernel: lengths that leave their record, negative ones and endless varints are rejected', () => {
  const rejected = (body: number[]): void => expect(scan([...zigzag(BigInt(body.length)), ...body], 1).status).toBe(scanStatus.malformed)
  rejected([0, 0, 0, ...zigzag(1_000_000n), 0, 0])
  rejected([0, 0, 0, ...zigzag(-2n), 1, 0])
  rejected([0, 0, 0, 1, 1, ...zigzag(-1n)])
  rejected([0, 0, 0, 1, 1, ...zigzag(2n), 1, 1])
  rejected([0, 0, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0])
  rejected([0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 1, 1, 0])
  expect(scan([...zigzag(-5n), 0], 1).status).toBe(scanStatus.malformed)
  expect(scan([...zigzag(2n ** 31n - 1n), 0], 1).status).toBe(scanStatus.malformed)
})

test('kernel: no prefix and no flipped byte of a good batch makes a scan leave its region', () => {
  const good = Array.from({ length: 8 }, (_, i) => plain(i, { headers: i % 3 })).flatMap(record)
  for (let length = 0; length < good.length; length++) expect(scan(good.slice(0, length), 8).status).not.toBe(scanStatus.ok)
  const p = prng(99)
  for (let round = 0; round < 5000; round++) {
    const bad = [...good]
    bad[below(p, bad.length)] = below(p, 256)
    expect(scan(bad, 8).status).toBeLessThanOrEqual(scanStatus.trailing)
  }
})
