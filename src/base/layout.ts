import { assert } from './assert.ts'

/** Two 64-byte lines, because the prefetcher fetches neighbours in pairs. */
export const lineBytes = 128
const wordBytes = 4

export interface Word {
  readonly line: number
  readonly writer: string
  readonly about: string
}

export type Layout<T> = { readonly [K in keyof T]: number } & { readonly bytes: number }

/**
 * Places 32-bit words in shared memory; the result holds their Int32Array indices and the bytes taken.
 *
 * Invariant: a cache line has exactly one writer, so no two threads contend for one.
 */
export function layout<const T extends Record<string, Word>>(table: T): Layout<T> {
  const writers = new Map<number, string>()
  const used = new Map<number, number>()
  const index: Record<string, number> = {}
  for (const [name, word] of Object.entries(table)) {
    assert((writers.get(word.line) ?? word.writer) === word.writer, `line ${word.line} has one writer; ${name} would add a second`)
    const slot = used.get(word.line) ?? 0
    assert((slot + 1) * wordBytes <= lineBytes, `line ${word.line} has room for ${name}`)
    writers.set(word.line, word.writer)
    used.set(word.line, slot + 1)
    index[name] = (word.line * lineBytes) / wordBytes + slot
  }
  const lines = Math.max(...writers.keys()) + 1
  assert(writers.size === lines, 'lines are numbered without gaps')
  return Object.freeze({ ...index, bytes: lines * lineBytes }) as Layout<T>
}

/** The table as text: byte offset, name, writer, purpose. */
export function diagram(table: Record<string, Word>): string {
  const index = layout(table) as Record<string, number>
  return Object.entries(table)
    .map(([name, w]) => `${String(index[name]! * wordBytes).padStart(5)}  ${name.padEnd(12)} ${w.writer.padEnd(12)} ${w.about}`)
    .join('\n')
}

const widths = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, i64: 8, u64: 8 } as const
export type Width = keyof typeof widths

/**
 * Places the fields of a byte record one after another; the result holds their byte offsets and the bytes taken.
 *
 * Invariant: every field is aligned to its own width, so that padding is always a field with a name.
 */
export function record<const T extends Record<string, Width>>(table: T): Layout<T> {
  return place(table, true)
}

/** The same for layouts that a protocol defines, with fixed field offsets. */
export function packed<const T extends Record<string, Width>>(table: T): Layout<T> {
  return place(table, false)
}

function place<const T extends Record<string, Width>>(table: T, aligned: boolean): Layout<T> {
  const offsets: Record<string, number> = {}
  let at = 0
  for (const [name, width] of Object.entries(table)) {
    assert(name !== 'bytes', 'bytes is the size of the whole, no field of it')
    assert(!aligned || at % widths[width] === 0, `${name} is aligned to its width`)
    offsets[name] = at
    at += widths[width]
  }
  return Object.freeze({ ...offsets, bytes: at }) as Layout<T>
}
