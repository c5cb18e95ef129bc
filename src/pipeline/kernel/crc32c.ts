import { block, branch, branchIf, type Code, type Fn, get, i32, loop, set } from './assembler.ts'

/** Sixteen tables of 256 words, at the start of the arena. */
export const tableBytes = 16 * 256 * 4

const castagnoli = 0x82f63b78

/** Table k advances the CRC of a byte over k further zero bytes ("slicing by 16"). Source: Kounavis and Berry, 2005. */
export function tables(): Uint32Array<ArrayBuffer> {
  const t = new Uint32Array(16 * 256)
  for (let i = 0; i < 256; i++) {
    let c = i
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ castagnoli : c >>> 1
    t[i] = c
  }
  for (let i = 256; i < t.length; i++) {
    const shorter = t[i - 256]!
    t[i] = (shorter >>> 8) ^ t[shorter & 0xff]!
  }
  return t
}

/** `crc(address, bytes, seed)`: CRC-32C of a region in place; the result can seed the next region. */
export function crcInPlace(name: string): Fn {
  const [at, bytes, crc, end, a, b, c, d] = [0, 1, 2, 3, 4, 5, 6, 7]
  return {
    name,
    params: ['i32', 'i32', 'i32'],
    result: 'i32',
    locals: ['i32', 'i32', 'i32', 'i32', 'i32'],
    body: [
      set(end, i32.add(get(at), get(bytes))),
      set(crc, i32.xor(get(crc), i32.const(-1))),
      whileFits(at, end, 16, [
        set(a, i32.xor(get(crc), i32.load(get(at)))),
        ...[b, c, d].map((word, k) => set(word, i32.load(get(at), 4 * (k + 1)))),
        set(crc, slice([a, b, c, d])),
        set(at, i32.add(get(at), i32.const(16))),
      ]),
      whileFits(at, end, 1, [
        set(crc, i32.xor(i32.shrU(get(crc), i32.const(8)), i32.load(tableIndex(i32.xor(get(crc), i32.load8(get(at))), 0)))),
        set(at, i32.add(get(at), i32.const(1))),
      ]),
      i32.xor(get(crc), i32.const(-1)),
    ],
  }
}

/** Repeats `body`, which moves `at`, while `step` bytes are left. */
const whileFits = (at: number, end: number, step: number, body: readonly Code[]): Code =>
  block(loop(branchIf(1, i32.gtU(i32.add(get(at), i32.const(step)), get(end))), ...body, branch(0)))

/** Folds words, of which the first is already mixed with the running CRC, into the next CRC. The first byte uses the last table. */
function slice(words: readonly number[]): Code {
  let table = words.length * 4 - 1
  const terms = words.flatMap((word) => [0, 8, 16, 24].map((shift) => i32.load(tableIndex(get(word), shift), 1024 * table--)))
  return balanced(terms)
}

/** Four times byte `shift / 8` of a value, with one shift. Naive code shifts right and left again. */
const tableIndex = (value: Code, shift: number): Code =>
  i32.and(shift === 0 ? i32.shl(value, i32.const(2)) : i32.shrU(value, i32.const(shift - 2)), i32.const(1020))

/** A tree of xors, so that the processor can execute the branches in parallel. */
function balanced(terms: readonly Code[]): Code {
  if (terms.length === 1) return terms[0]!
  const half = terms.length >> 1
  return i32.xor(balanced(terms.slice(0, half)), balanced(terms.slice(half)))
}
