import { expect, test } from 'vitest'
import { diagram, layout, packed, record } from '../../../src/base/layout.ts'

const table = {
  tail: { line: 0, writer: 'producer', about: 'end of what is published' },
  head: { line: 1, writer: 'consumer', about: 'end of what is released' },
  asleep: { line: 1, writer: 'consumer', about: '1 while the consumer sleeps' },
} as const

test('layout: words of one writer share a line and lines are 128 bytes', () => {
  expect(layout(table)).toEqual({ tail: 0, head: 32, asleep: 33, bytes: 256 })
})

test('layout: a line with two writers is rejected', () => {
  expect(() => layout({ ...table, intruder: { line: 0, writer: 'consumer', about: '' } })).toThrow('line 0 has one writer')
})

test('layout: a gap between lines is rejected', () => {
  expect(() => layout({ a: { line: 1, writer: 'x', about: '' } })).toThrow('without gaps')
})

test('layout: a misaligned field is rejected in a record and taken in a packed one', () => {
  expect(() => record({ a: 'u8', b: 'u32' })).toThrow('b is aligned')
  expect(packed({ a: 'u8', b: 'u32' })).toEqual({ a: 0, b: 1, bytes: 5 })
})

test('layout: the diagram names every word with its byte offset', () => {
  expect(
    diagram(table)
      .split('\n')
      .map((line) => line.trim().split(/\s+/).slice(0, 2)),
  ).toEqual([
    ['0', 'tail'],
    ['128', 'head'],
    ['132', 'asleep'],
  ])
})
