import { below, chance, nextWord, type Prng } from '../../../src/base/prng.ts'
import { packSnappy } from '../../../src/wire/compression/snappy.ts'
import type { CodecName } from '../../../src/wire/record-batch.ts'
import type { Codec } from '../../support/kafka-codecs.ts'
import { xxhash32 } from '../../support/xxhash32.ts'
import { xxhash64 } from '../../support/xxhash64.ts'

export interface StreamDamage {
  readonly actions: readonly string[]
  readonly bytes: Buffer
}

type DamageAction = (random: Prng, bytes: Buffer, raw: Buffer) => [string, Buffer]

/** Damage of compressed bytes: of any kind, and of the kinds that a format invites. */
export function damageStream(random: Prng, codec: CodecName, bytes: Buffer, raw: Buffer): StreamDamage {
  const actions: string[] = []
  let result: Buffer = Buffer.from(bytes)
  const times = chance(random, 850) ? 1 : 2
  for (let i = 0; i < times; i++) {
    const choice = chance(random, 500) || codec === 'none' ? anywhere : byCodec[codec]
    const [name, next] = choice[below(random, choice.length)]!(random, result, raw)
    actions.push(name)
    result = next
  }
  return { actions, bytes: result }
}

/** Half of the places are near the start, where formats have their headers. */
const place = (random: Prng, bytes: Buffer): number => below(random, chance(random, 500) ? Math.min(bytes.length, 24) : bytes.length)

function changed(bytes: Buffer, at: number, value: number): Buffer {
  const out = Buffer.from(bytes)
  if (at >= 0 && at < out.length) out[at] = value
  return out
}

const anywhere: readonly DamageAction[] = [
  (random, bytes) => {
    const at = place(random, bytes)
    return ['a bit', changed(bytes, at, (bytes[at] ?? 0) ^ (1 << below(random, 8)))]
  },
  (random, bytes) => ['a byte', changed(bytes, place(random, bytes), below(random, 256))],
  (random, bytes) => ['cut off', bytes.subarray(0, below(random, bytes.length + 1))],
  (random, bytes) => ['cut off near its end', bytes.subarray(0, Math.max(0, bytes.length - 1 - below(random, 12)))],
  (random, bytes) => {
    const at = place(random, bytes)
    return ['bytes out of it', Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 8))])]
  },
  (random, bytes) => {
    const at = place(random, bytes)
    return ['bytes into it', Buffer.concat([bytes.subarray(0, at), noise(random, 1 + below(random, 8)), bytes.subarray(at)])]
  },
  (random, bytes) => {
    const [from, to] = [below(random, bytes.length + 1), below(random, bytes.length + 1)]
    return ['spliced', Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])]
  },
  (random, bytes) => ['noise behind it', Buffer.concat([bytes, noise(random, 1 + below(random, 40))])],
  (random, bytes) => ['its start behind it', Buffer.concat([bytes, bytes.subarray(0, below(random, bytes.length + 1))])],
  (_, bytes) => ['twice', Buffer.concat([bytes, bytes])],
  (random, bytes) => {
    const out = Buffer.from(bytes)
    if (out.length < 4) return ['a word', out]
    const at = below(random, out.length - 3)
    const value = [0, 0xffffffff, 0x7fffffff, 0x80000000, nextWord(random)][below(random, 5)]!
    out.writeUInt32LE(value, at)
    return ['a word', out]
  },
]

function noise(random: Prng, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => below(random, 256)))
}

const small = (value: number, bytes: number): Buffer => {
  const out = Buffer.alloc(bytes)
  out.writeUIntLE(value, 0, bytes)
  return out
}

const lz4Magic = small(0x184d2204, 4)

/** An LZ4 frame around the blocks of another, with a right header checksum unless it is to be wrong. */
function lz4Frame(random: Prng, bytes: Buffer, flags: number, descriptor: number, more: Buffer, isWrong = false): Buffer {
  const old = bytes[4] ?? 0
  const start = 7 + (old & 8 ? 8 : 0)
  const header = Buffer.concat([Buffer.from([flags, descriptor]), more])
  const sum = ((xxhash32(header) >>> 8) & 0xff) ^ (isWrong ? 1 + below(random, 255) : 0)
  return Buffer.concat([lz4Magic, header, Buffer.from([sum]), bytes.subarray(start)])
}

const lz4Flags = (bytes: Buffer): number => bytes[4] ?? 0x60
const lz4Descriptor = (bytes: Buffer): number => bytes[5] ?? 0x40

/** Gives every block a checksum, one of them wrong with some chance. */
function withBlockChecksums(random: Prng, bytes: Buffer, wrongPermille: number): Buffer {
  const parts: Buffer[] = [lz4Frame(random, bytes, lz4Flags(bytes) | 0x10, lz4Descriptor(bytes), Buffer.alloc(0)).subarray(0, 7)]
  let at = 7
  while (at + 4 <= bytes.length) {
    const word = bytes.readUInt32LE(at)
    const size = word & 0x7fffffff
    if (word === 0 || at + 4 + size > bytes.length) break
    const block = bytes.subarray(at + 4, at + 4 + size)
    parts.push(bytes.subarray(at, at + 4), block, small((xxhash32(block) ^ Number(chance(random, wrongPermille))) >>> 0, 4))
    at += 4 + size
  }
  return Buffer.concat([...parts, bytes.subarray(at)])
}

const storedBlock = (bytes: Buffer): Buffer =>
  bytes.length === 0 ? bytes : Buffer.concat([small((bytes.length | 0x80000000) >>> 0, 4), bytes])

function lz4Literals(bytes: Buffer, match: number): Buffer {
  const head = [(Math.min(bytes.length, 15) << 4) | match]
  for (let left = bytes.length - 15; left >= 0; left -= 255) head.push(Math.min(left, 255))
  return Buffer.concat([Buffer.from(head), bytes])
}

/** A block whose one match leaves only a few literals behind it, where a repeat of the records allows one. */
function shortEnd(random: Prng, raw: Buffer): Buffer {
  for (let rest = below(random, 14); rest < raw.length - 8; rest++) {
    const end = raw.length - rest
    const from = raw.lastIndexOf(raw.subarray(end - 4, end), end - 5)
    if (from < 0) continue
    return Buffer.concat([
      lz4Literals(raw.subarray(0, end - 4), 0),
      small(Math.min(end - 4 - from, 65535), 2),
      lz4Literals(raw.subarray(end), 0),
    ])
  }
  return lz4Literals(raw, 0)
}

/** Snappy in Java's framing, of blocks of a random size. */
function framedSnappy(random: Prng, raw: Buffer): Buffer[] {
  const parts: Buffer[] = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])]
  const size = 1 + below(random, Math.max(1, Math.min(raw.length, 4000)))
  for (let at = 0; at < raw.length; at += size) {
    const block = bare(packSnappy(raw.subarray(at, at + size)))
    parts.push(big(block.length), block)
  }
  return parts
}
const big = (value: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeUInt32BE(value >>> 0)
  return out
}
function bare(bytes: Buffer): Buffer {
  return bytes.length >= 20 && bytes[0] === 0x82 ? bytes.subarray(20, 20 + bytes.readUInt32BE(16)) : bytes
}

const skippable = (count: number): Buffer => Buffer.concat([small(0x184d2a50, 4), small(count, 4), Buffer.alloc(count, 7)])

const byCodec: Readonly<Record<Codec, readonly DamageAction[]>> = {
  gzip: [
    (random, bytes) => ['flags', changed(bytes, 3, 1 << below(random, 8))],
    (random, bytes) => ['a trailer', changed(bytes, bytes.length - 1 - below(random, 8), below(random, 256))],
    (random, bytes) => {
      const fields = [noise(random, below(random, 20)), Buffer.from([0])]
      return ['a name', Buffer.concat([changed(bytes, 3, 8).subarray(0, 10), ...fields, bytes.subarray(10)])]
    },
    (random, bytes) => ['a header behind it', Buffer.concat([bytes, bytes.subarray(0, 10), noise(random, below(random, 30))])],
    (random, bytes) => ['a header checksum', Buffer.concat([changed(bytes, 3, 2).subarray(0, 10), noise(random, 2), bytes.subarray(10)])],
    (random, bytes) => ['the first bytes of its blocks', changed(bytes, 10 + below(random, 12), below(random, 256))],
    (_, bytes) => ['zeros behind it', Buffer.concat([bytes, Buffer.alloc(64)])],
  ],
  snappy: [
    (random, _, raw) => ['framed anew', Buffer.concat(framedSnappy(random, raw))],
    (random, _, raw) => {
      const parts = framedSnappy(random, raw)
      const at = 1 + 2 * below(random, (parts.length - 1) >> 1)
      if (parts[at] !== undefined) parts[at] = big(parts[at].readUInt32BE(0) + [-1, 1, 4, -0x80000000, 0x7fffffff][below(random, 5)]!)
      return ['a wrong chunk length', Buffer.concat(parts)]
    },
    (random, _, raw) => {
      const parts = framedSnappy(random, raw)
      const header = chance(random, 500) ? parts[0]! : changed(parts[0]!, 8 + below(random, 8), [0, 1, 2, 0x80, 0xff][below(random, 5)]!)
      parts.splice(1 + 2 * below(random, (parts.length + 1) >> 1), 0, header)
      return ['a second header', Buffer.concat(parts)]
    },
    (random, _, raw) => {
      const parts = framedSnappy(random, raw)
      const empty = chance(random, 500) ? [big(0)] : [big(1), Buffer.from([0])]
      parts.splice(1 + 2 * below(random, (parts.length + 1) >> 1), 0, ...empty)
      return ['an empty chunk', Buffer.concat(parts)]
    },
    (random, _, raw) => {
      const parts = framedSnappy(random, raw)
      parts[0] = changed(parts[0]!, 8 + below(random, 8), below(random, 4))
      return ['other versions', Buffer.concat(parts)]
    },
    (random, _, raw) => ['a few bytes behind', Buffer.concat([...framedSnappy(random, raw), noise(random, 1 + below(random, 5))])],
    (_, __, raw) => ['bare', bare(packSnappy(raw))],
    (random, bytes) => ['the announced length', changed(bytes, bytes[0] === 0x82 ? 20 : 0, below(random, 256))],
  ],
  lz4: [
    (random, bytes) => ['other flags', lz4Frame(random, bytes, below(random, 256), lz4Descriptor(bytes), Buffer.alloc(0))],
    (random, bytes) => ['another descriptor', lz4Frame(random, bytes, lz4Flags(bytes), below(random, 256), Buffer.alloc(0))],
    (random, bytes) => ['a wrong header checksum', lz4Frame(random, bytes, lz4Flags(bytes), lz4Descriptor(bytes), Buffer.alloc(0), true)],
    (random, bytes) => ['linked blocks', lz4Frame(random, bytes, lz4Flags(bytes) & ~0x20, lz4Descriptor(bytes), Buffer.alloc(0))],
    (random, bytes) => ['another block size', lz4Frame(random, bytes, lz4Flags(bytes), below(random, 8) << 4, Buffer.alloc(0))],
    (random, bytes, raw) => {
      const size = Buffer.alloc(8)
      size.writeUInt32LE(raw.length + Number(chance(random, 300)))
      return ['a content size', lz4Frame(random, bytes, lz4Flags(bytes) | 8, lz4Descriptor(bytes), size)]
    },
    (random, bytes) => [
      'a content checksum that is missing',
      lz4Frame(random, bytes, lz4Flags(bytes) | 4, lz4Descriptor(bytes), Buffer.alloc(0)),
    ],
    (random, bytes, raw) => {
      const frame = lz4Frame(random, bytes, lz4Flags(bytes) | 4, lz4Descriptor(bytes), Buffer.alloc(0))
      return ['a content checksum', Buffer.concat([frame, small((xxhash32(raw) ^ Number(chance(random, 500))) >>> 0, 4)])]
    },
    (random, bytes) => ['block checksums', withBlockChecksums(random, bytes, 0)],
    (random, bytes) => ['a wrong block checksum', withBlockChecksums(random, bytes, 500)],
    (random, bytes, raw) => {
      const at = below(random, raw.length + 1)
      const parts = [storedBlock(raw.subarray(0, at)), small(1, 4), Buffer.from([0]), storedBlock(raw.subarray(at)), small(0, 4)]
      return ['an empty block', Buffer.concat([lz4Frame(random, bytes, 0x60, 0x70, Buffer.alloc(0)).subarray(0, 7), ...parts])]
    },
    (random, bytes, raw) => {
      const block = shortEnd(random, raw)
      const parts = [small(block.length, 4), block, small(0, 4)]
      return ['few literals at the end', Buffer.concat([lz4Frame(random, bytes, 0x60, 0x70, Buffer.alloc(0)).subarray(0, 7), ...parts])]
    },
    (_, bytes) => ['no end mark', bytes.subarray(0, -4)],
    (random, bytes) => ['a second frame', Buffer.concat([bytes, bytes.subarray(0, below(random, bytes.length))])],
    (random, bytes) => {
      const out = Buffer.from(bytes)
      if (out.length >= 11) out.writeUInt32LE((out.readUInt32LE(7) + [1, -1, 0x80000000, 0x10000][below(random, 4)]!) >>> 0, 7)
      return ['a block length', out]
    },
    (random, bytes, raw) => {
      const part = raw.subarray(0, 60_000)
      const blocks = [small((part.length | 0x80000000) >>> 0, 4), part, small(0, 4)]
      return ['a stored block', Buffer.concat([lz4Frame(random, bytes, 0x60, 0x40, Buffer.alloc(0)).subarray(0, 7), ...blocks])]
    },
  ],
  zstd: [
    (random, bytes) => ['another frame descriptor', changed(bytes, 4, below(random, 256))],
    (random, bytes) => ['another window', changed(bytes, 5, below(random, 256))],
    (random, bytes) => ['a block header', changed(bytes, 6 + below(random, 8), below(random, 256))],
    (random, bytes) => ['a skippable frame first', Buffer.concat([skippable(below(random, 30)), bytes])],
    (random, bytes) => [
      'a skippable frame behind',
      Buffer.concat([bytes, skippable(below(random, 30)).subarray(0, 4 + below(random, 40))]),
    ],
    (_, bytes) => ['an empty frame behind', Buffer.concat([bytes, Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0])])],
    (random, _, raw) => {
      const single = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, ...small(raw.length + (chance(random, 200) ? 1 : 0), 4)]
      return ['a raw block', Buffer.concat([Buffer.from(single), small(raw.length * 8 + 1, 3), raw])]
    },
    (random, _, raw) => {
      const window = [17 << 3, (17 << 3) | 1, 18 << 3, 20 << 3, 0][below(random, 5)]!
      return ['a stated window', Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window]), small(raw.length * 8 + 1, 3), raw])]
    },
    (random, bytes, raw) => {
      const sum = Number(xxhash64(raw) & 0xffffffffn) ^ Number(chance(random, 500))
      return ['a checksum', Buffer.concat([changed(bytes, 4, (bytes[4] ?? 0) | 4), small(sum >>> 0, 4)])]
    },
  ],
}
