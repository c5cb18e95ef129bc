import { describe, expect, test } from 'vitest'
import { nodeCodecs } from '../../../../native-free-io/threads/codecs.ts'
import { zstdMatch } from '../../../support/bombs.ts'
import { KernelBench, type KernelResult, validationModule } from '../../../support/validation-kernel.ts'
import { xxhash64 } from '../../../support/xxhash64.ts'
import { batchOf, countOf, recordOf, samples } from './samples.ts'

const module = await validationModule()
/** Node's own encoder refers back over all of a sample. */
const bench = new KernelBench(module, { windowBytes: 4 << 20 })

const little = (value: number, bytes: number): Buffer => {
  const out = Buffer.alloc(bytes)
  out.writeUIntLE(value, 0, bytes)
  return out
}
const magic = little(0xfd2fb528, 4)
const kind = { raw: 0, repeated: 1, compressed: 2, reserved: 3 } as const
const block = (what: number, size: number, content: Buffer, isLast: boolean): Buffer =>
  Buffer.concat([little(Number(isLast) | (what << 1) | (size * 8), 3), content])
const frame = (flags: number, header: readonly number[], ...blocks: Buffer[]): Buffer =>
  Buffer.concat([magic, Buffer.from([flags, ...header]), ...blocks])
const skippable = (bytes: number): Buffer => Buffer.concat([little(0x184d2a5f, 4), little(bytes, 4), Buffer.alloc(bytes, 7)])

const content = recordOf(Buffer.from('a small record'))
const size = content.length
const whole = block(kind.raw, size, content, true)
const single = frame(0x20, [size], whole)
const windowed = (descriptor: number): Buffer => frame(0, [descriptor], whole)
const checksum = Number(xxhash64(content) & 0xffffffffn)
const large = recordOf(Buffer.alloc(2000, 'abc'))
/** Literals as they are and no sequences. */
const bare = Buffer.concat([Buffer.from([size << 3]), content])

/** Each as Kafka's reader takes it, except where a comment states that Kafka accepts it or may. */
const frames: readonly [string, Buffer, KernelResult][] = [
  ['a frame of one segment', single, 'done'],
  ['a window of 1 KiB', windowed(0), 'done'],
  ['a window of 128 MiB', windowed(17 << 3), 'done'],
  ['a larger window', windowed((17 << 3) | 1), 'damaged'],
  ['a window of 256 MiB', windowed(18 << 3), 'damaged'],
  ['a window of 2 TiB', windowed(0xff), 'damaged'],
  ['one segment of 200 MiB', frame(0xa0, [...little(200 << 20, 4)], whole), 'damaged'],
  ['the unused bit', frame(0x30, [size], whole), 'done'],
  ['the reserved bit', frame(0x28, [size], whole), 'damaged'],
  ['a dictionary id of 0', frame(0x21, [0, size], whole), 'done'],
  ['a dictionary id of 0 in four bytes', frame(0x23, [0, 0, 0, 0, size], whole), 'done'],
  ['a dictionary', frame(0x21, [1, size], whole), 'damaged'],
  ['a dictionary id of four bytes', frame(0x23, [0, 0, 0, 1, size], whole), 'damaged'],
  ['less content than the frame declares', frame(0x20, [size + 1], whole), 'damaged'],
  ['more content than the frame declares', frame(0x20, [size - 1], whole), 'damaged'],
  ['a checksum that is right', Buffer.concat([frame(0x24, [size], whole), little(checksum, 4)]), 'done'],
  ['a checksum that is wrong', Buffer.concat([frame(0x24, [size], whole), little((checksum ^ 1) >>> 0, 4)]), 'damaged'],
  ['a checksum that is cut off', Buffer.concat([frame(0x24, [size], whole), little(checksum & 0xffffff, 3)]), 'damaged'],
  ['a skippable frame first', Buffer.concat([skippable(9), single]), 'done'],
  ['skippable frames around', Buffer.concat([skippable(0), single, skippable(5)]), 'done'],
  ['a skippable frame that is cut off', Buffer.concat([single, skippable(5).subarray(0, 12)]), 'damaged'],
  ['an empty frame first', Buffer.concat([frame(0x20, [0], block(kind.raw, 0, Buffer.alloc(0), true)), single]), 'done'],
  ['a record over two frames', Buffer.concat([cut(0, 5), cut(5, size)]), 'done'],
  ['a byte behind the last frame', Buffer.concat([single, Buffer.from([0])]), 'damaged'],
  ['a magic behind the last frame', Buffer.concat([single, magic]), 'damaged'],
  ['no frame', Buffer.alloc(0), 'malformed'],
  ['a frame of another kind', Buffer.concat([little(0xfd2fb527, 4), single.subarray(4)]), 'damaged'],
  [
    'empty blocks',
    frame(0, [0], block(kind.raw, 0, Buffer.alloc(0), false), block(kind.repeated, 0, Buffer.from([1]), false), whole),
    'done',
  ],
  ['a compressed block of no bytes', frame(0, [0], block(kind.compressed, 0, Buffer.alloc(0), false), whole), 'damaged'],
  ['a reserved block', frame(0, [0], block(kind.reserved, size, content, true)), 'damaged'],
  ['a block that is larger than its window', frame(0, [0], block(kind.raw, large.length, large, true)), 'damaged'],
  ['a block that is cut off', frame(0, [0], block(kind.raw, size + 1, content, true)), 'damaged'],
  ['no last block', frame(0, [0], block(kind.raw, size, content, false)), 'damaged'],
  ['no sequences', frame(0, [0], block(kind.compressed, size + 2, Buffer.concat([bare, Buffer.from([0])]), true)), 'done'],
  [
    'no sequences in two bytes',
    frame(0, [0], block(kind.compressed, size + 3, Buffer.concat([bare, Buffer.from([0x80, 0])]), true)),
    'done',
  ],
  [
    'a byte behind no sequences',
    frame(0, [0], block(kind.compressed, size + 3, Buffer.concat([bare, Buffer.from([0, 0])]), true)),
    'damaged',
  ],
  [
    'tables of a block before, and none',
    frame(0, [0], block(kind.compressed, size + 4, Buffer.concat([bare, Buffer.from([1, 0xfc, 1])]), true)),
    'damaged',
  ],
]

function cut(from: number, to: number): Buffer {
  return frame(0x20, [to - from], block(kind.raw, to - from, content.subarray(from, to), true))
}

test.each(frames)('zstd: %s', (_, packed, result) => {
  expect(bench.validate(batchOf('zstd', packed, 1))).toBe(result)
  expect(bench.validate(batchOf('zstd', packed, 1), 1)).toBe(result)
})

test.each([1, 31, 32, 33, 95, 3000])('zstd: the checksum of blocks of %i bytes is compared', (blockBytes) => {
  const raw = recordOf(Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * at) & 0xff)))
  const blocks: Buffer[] = []
  for (let at = 0; at < raw.length; at += blockBytes) {
    const part = raw.subarray(at, at + blockBytes)
    blocks.push(block(kind.raw, part.length, part, at + blockBytes >= raw.length))
  }
  const sum = Number(xxhash64(raw) & 0xffffffffn)
  const summed = (value: number): Buffer => batchOf('zstd', Buffer.concat([frame(4, [10 << 3], ...blocks), little(value >>> 0, 4)]), 1)
  expect(bench.validate(summed(sum))).toBe('done')
  expect(bench.validate(summed(sum ^ 0x10000))).toBe('damaged')
})

test('zstd: small blocks do not move a long history each time', () => {
  const raw = recordOf(Buffer.alloc(1_200_000, 'some of a long value'))
  const blocks: Buffer[] = []
  for (let at = 0; at < raw.length; at += 300)
    blocks.push(block(kind.raw, Math.min(300, raw.length - at), raw.subarray(at, at + 300), at + 300 >= raw.length))
  const tight = new KernelBench(module, { windowBytes: 512 << 10 })
  tight.begin(batchOf('zstd', frame(0, [10 << 3], ...blocks), 1))
  let moves = 0
  let result: KernelResult
  do {
    const before = tight.dropped
    result = tight.run(1).result
    if (tight.dropped > before) moves++
  } while (result === 'more')
  expect(result).toBe('done')
  expect(moves).toBeGreaterThan(1)
  expect(moves).toBeLessThan(20)
})

test('zstd: a match behind the window buffer requires a larger one', () => {
  const value = Buffer.alloc(600_000)
  for (let at = 0, word = 1; at < value.length; at += 4) value.writeUInt32LE((word = Math.imul(word, 0x9e3779b1) ^ at) >>> 0, at)
  const raw = recordOf(Buffer.concat([value, value.subarray(0, 1000)]))
  const from = raw.length - 1001
  const rawBlocks: Buffer[] = []
  for (let at = 0; at < from; at += 100_000)
    rawBlocks.push(block(kind.raw, Math.min(100_000, from - at), raw.subarray(at, Math.min(from, at + 100_000)), false))
  // One sequence of predefined states: no literals, a match of 1,000 bytes, its distance; then one literal.
  const sequence = zstdMatch(600_000, 1000, raw.subarray(-1))
  const packed = frame(0, [10 << 3], ...rawBlocks, block(kind.compressed, sequence.length, sequence, true))
  expect(new KernelBench(module, { windowBytes: 2 << 20 }).validate(batchOf('zstd', packed, 1))).toBe('done')
  expect(new KernelBench(module, { windowBytes: 512 << 10 }).validate(batchOf('zstd', packed, 1))).toBe('window')
  const farther = frame(
    0,
    [10 << 3],
    ...rawBlocks,
    block(kind.compressed, sequence.length, zstdMatch(600_100, 1000, raw.subarray(-1)), true),
  )
  expect(new KernelBench(module, { windowBytes: 512 << 10 }).validate(batchOf('zstd', farther, 1))).toBe('damaged')
})

describe.each(Object.entries(samples))('zstd: %s', (_, sample) => {
  const raw = sample()
  test.each([1, 3, 7])('equals the input of our own compressor, level %i', (level) => {
    const batch = batchOf('zstd', nodeCodecs.zstd(raw, level), countOf(raw))
    const { result, output } = bench.unpack(batch)
    expect(result).toBe('done')
    expect(output.equals(raw)).toBe(true)
    expect(bench.outOfBoundsWrites(batch)).toEqual([])
  })
})
