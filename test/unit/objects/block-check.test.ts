import { expect, test } from 'vitest'
import { type BlockClaim, isBlock } from '../../../src/objects/block-check.ts'
import { crc32c } from '../../../src/wire/crc32c.ts'
import { batchHeader } from '../../../src/wire/record-batch.ts'
import { encodeBatch } from '../../support/batch.ts'

const records = [{ value: Buffer.from('one') }, { value: Buffer.from('two') }]
const baseOffset = 2 ** 33
const batch = encodeBatch(records, { baseOffset: BigInt(baseOffset) })
const claim: BlockClaim = { baseOffset, end: baseOffset + 2, bytes: batch.length, crc: null }

/** Checks a block at position 7 of a memory with room on both sides. */
function check(bytes: Buffer, claimed: BlockClaim): boolean {
  const memory = Buffer.concat([Buffer.alloc(7, 1), bytes, Buffer.alloc(100, 1)])
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length)
  return isBlock(view, 7, claimed, (at, size) => crc32c(memory, at, at + size) | 0)
}

const changed = (change: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.from(batch)
  change(bytes)
  return bytes
}

test('block check: a batch that matches its index entry and its own checksum is accepted', () => {
  expect(check(batch, claim)).toBe(true)
})

test.each<[string, BlockClaim]>([
  ['an earlier base offset', { ...claim, baseOffset: baseOffset - 1 }],
  ['an earlier end', { ...claim, end: claim.end - 1 }],
  ['a later end', { ...claim, end: claim.end + 1 }],
  ['fewer bytes', { ...claim, bytes: claim.bytes - 1 }],
  ['more bytes', { ...claim, bytes: claim.bytes + 1 }],
  ['fewer bytes than a header', { ...claim, bytes: batchHeader.bytes - 1 }],
])('block check: an index entry with %s than the batch is rejected', (_, wrong) => {
  expect(check(batch, wrong)).toBe(false)
})

test('block check: every damaged byte of a batch is detected, except in its leader epoch', () => {
  const epoch = { start: batchHeader.partitionLeaderEpoch, end: batchHeader.magic }
  for (let at = 0; at < batch.length; at++) {
    const isEpoch = at >= epoch.start && at < epoch.end
    const damaged = changed((bytes) => {
      bytes[at]! ^= 0x10
    })
    expect(check(damaged, claim), `byte ${at}`).toBe(isEpoch)
  }
})

test('block check: another batch with a right checksum is rejected at each field that the index contains', () => {
  const other = (options: Parameters<typeof encodeBatch>[1]): Buffer => encodeBatch(records, { baseOffset: BigInt(baseOffset), ...options })
  expect(check(other({}), claim)).toBe(true)
  expect(check(other({ baseOffset: 5n }), claim)).toBe(false)
  expect(check(other({ lastOffsetDelta: 2 }), claim)).toBe(false)
  expect(check(other({ magic: 1 }), claim)).toBe(false)
  const longer = encodeBatch([...records, ...records], { baseOffset: BigInt(baseOffset), lastOffsetDelta: 1 })
  expect(check(longer, { ...claim, bytes: longer.length })).toBe(true)
  expect(check(longer, claim)).toBe(false)
})

test('block check: a block with a checksum in the index is compared with that checksum alone', () => {
  const bytes = Buffer.from('not a batch')
  const crc = crc32c(bytes) | 0
  expect(check(bytes, { ...claim, bytes: bytes.length, crc })).toBe(true)
  expect(check(bytes, { ...claim, bytes: bytes.length, crc: crc ^ 1 })).toBe(false)
  expect(check(batch, { ...claim, crc: 0 })).toBe(false)
})
