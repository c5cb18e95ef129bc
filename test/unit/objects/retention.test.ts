import { expect, test } from 'vitest'
import { retained } from '../../../src/objects/retention.ts'
import type { StoredPart } from '../../../src/ports/stored-objects.ts'
import { part as partAt } from './parts.ts'

const part = (start: number, maxTimestamp: number): StoredPart => partAt(start, 100, maxTimestamp)
const parts = [part(0, 1000), part(10, 2000), part(20, 1500)]

test('retention: parts go from the oldest on while their latest record is too old', () => {
  expect(retained(parts, 350, { retentionMs: 500, retentionBytes: null }, 0, 1501)).toEqual({ offset: 10, all: false })
  expect(retained(parts, 350, { retentionMs: 500, retentionBytes: null }, 0, 1500)).toEqual({ offset: 0, all: false })
  expect(retained(parts, 350, { retentionMs: 500, retentionBytes: null }, 0, 2501)).toEqual({ offset: 30, all: true })
})

test('retention: a part without timestamps is of no age', () => {
  expect(retained([part(0, -1)], 0, { retentionMs: 1, retentionBytes: null }, 0, 1e15)).toEqual({ offset: 0, all: false })
})

test('retention: parts go while the rest is at least as large as it may be', () => {
  expect(retained(parts, 350, { retentionMs: null, retentionBytes: 250 }, 0, 0)).toEqual({ offset: 10, all: false })
  expect(retained(parts, 350, { retentionMs: null, retentionBytes: 251 }, 0, 0)).toEqual({ offset: 0, all: false })
  expect(retained(parts, 350, { retentionMs: null, retentionBytes: 0 }, 0, 0)).toEqual({ offset: 30, all: false })
})

test('retention: without limits nothing goes', () => {
  expect(retained(parts, 350, { retentionMs: null, retentionBytes: null }, 3, 1e15)).toEqual({ offset: 3, all: false })
  expect(retained([], 50, { retentionMs: null, retentionBytes: 0 }, 3, 0)).toEqual({ offset: 3, all: false })
})
