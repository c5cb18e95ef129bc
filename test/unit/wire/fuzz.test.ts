import { expect, test } from 'vitest'
import { below, chance, type Prng, prng } from '../../../src/base/prng.ts'
import { encode } from '../../../src/wire/codec.ts'
import { compile } from '../../../src/wire/compile.ts'
import { interpret } from '../../../src/wire/interpret.ts'
import type { Codec } from '../../../src/wire/message-codec.ts'
import { MalformedMessage } from '../../../src/wire/primitives.ts'
import { Reader } from '../../../src/wire/reader.ts'
import { blank, defaultOf, within } from '../../../src/wire/schema.ts'
import { groupsOf } from '../../support/groups.ts'
import { untraced } from '../../support/untraced.ts'
import { difference } from '../../vectors/kafka-json.ts'
import { everyVersion } from '../../vectors/tables.ts'
import { arbitrary, arbitraryBytes } from './arbitrary.ts'

/** `MILLRACE_FUZZ_ROUNDS=100 MILLRACE_FUZZ_SEED=7 npx vitest run --dir test test/wire/fuzz` runs more rounds, and repeats a failure. */
const rounds = Number(process.env['MILLRACE_FUZZ_ROUNDS'] ?? 1)
const firstSeed = Number(process.env['MILLRACE_FUZZ_SEED'] ?? 1)
const mutantsEach = 12
const noiseEach = 4

const awkward = [
  [0],
  [0xff],
  [0x80],
  [0x7f],
  [0x7f, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
]

/** A copy with one to three errors. */
function mutated(bytes: Buffer, p: Prng): Buffer {
  let out = Buffer.from(bytes)
  for (let left = 1 + below(p, 3); left > 0; left--) {
    const at = below(p, out.length + 1)
    switch (below(p, 6)) {
      case 0:
        if (at < out.length) out[at]! ^= 1 << below(p, 8)
        break
      case 1:
        out = out.subarray(0, at)
        break
      case 2:
        out = Buffer.concat([out.subarray(0, at), arbitraryBytes(p, below(p, 8)), out.subarray(at)])
        break
      case 3:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at + below(p, 6))])
        break
      case 4:
        out = Buffer.concat([out.subarray(0, at), out.subarray(below(p, out.length + 1))])
        break
      default: {
        const word = Buffer.from(awkward[below(p, awkward.length)]!)
        out = Buffer.concat([out.subarray(0, at), word, out.subarray(chance(p, 500) ? at : at + word.length)])
      }
    }
  }
  return out
}

/** The value, or undefined for rejected bytes. Any error but MalformedMessage fails the test. */
function attempt(codec: Codec<unknown>, bytes: Buffer): unknown {
  const reader = new Reader(bytes)
  try {
    return codec.read(reader)
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  } finally {
    const { elements, at } = reader
    if (Math.max(elements, at) > bytes.length) expect({ elements, at }).toBe(`at most ${bytes.length}`)
  }
}

const versions = groupsOf([...everyVersion()], 150)
const trials = Array.from({ length: rounds }, (_, round) => firstSeed + round).flatMap((seed) =>
  versions.map((group, index) => ({ seed, group, index })),
)

test.each(trials)(
  'codec: damaged and random bytes are read or rejected, by both codecs alike (tables and versions, group $index, seed $seed)',
  ({ seed, group, index }) => {
    const p = prng(versions.length * seed + index)
    for (const [table, version] of group) {
      const [slow, fast] = [interpret(table, version), compile(table, version)] as Codec<unknown>[] as [Codec<unknown>, Codec<unknown>]
      const whole = encode(table, version, arbitrary(table, version, p))
      for (let i = 0; i < mutantsEach + noiseEach; i++) {
        const bytes = i < mutantsEach ? mutated(whole, p) : arbitraryBytes(p, below(p, 64))
        try {
          const found = untraced(() => difference(attempt(slow, bytes), attempt(fast, bytes)))
          if (found !== undefined) expect(found).toBe(undefined)
        } catch (error) {
          throw new Error(`${table.name} v${version}, MILLRACE_FUZZ_SEED=${seed}, bytes ${bytes.toString('hex')}`, { cause: error })
        }
      }
    }
  },
)

test('codec: a count that the bytes cannot hold is rejected before anything is allocated for it', () => {
  for (const [table, version] of everyVersion()) {
    for (const fill of [0xff, 0x7f, 0x01]) {
      const bytes = Buffer.alloc(64, fill)
      untraced(() => attempt(compile(table, version), bytes))
    }
  }
})

const elementsEach = 500
const objectBytes = 40
const slotBytes = 16
/** A flexible element can be three bytes and yet become an object of a dozen fields. */
const heapPerByteMax = 130

/** Approximate heap size of a value. */
function heapBytes(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return slotBytes
  return Object.values(value).reduce((sum: number, inner) => sum + slotBytes + heapBytes(inner), objectBytes)
}

test('codec: the heap size of a message is a small multiple of its bytes, even if it consists of the smallest elements', () => {
  for (const [table, version] of everyVersion()) {
    for (const [name, field] of Object.entries(table.fields)) {
      if (field.kind !== 'array' || !within(field.versions, version)) continue
      const value = { ...blank(table), [name]: Array.from({ length: elementsEach }, () => defaultOf(field.of!)) }
      const bytes = encode(table, version, value)
      const multiple = heapBytes(compile(table, version).read(new Reader(bytes))) / bytes.length
      expect(multiple, `${table.name}.${name} v${version}`).toBeLessThan(heapPerByteMax)
    }
  }
})
