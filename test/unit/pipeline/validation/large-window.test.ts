import { expect, test } from 'vitest'
import { createArena, openArena } from '../../../../native-free-io/threads/arena.ts'
import { decodingModule as ownModule } from '../../../../native-free-io/threads/validation-module.ts'
import { threadWindowBytes } from '../../../../src/pipeline/arena-plan.ts'
import { kernel } from '../../../../src/pipeline/kernel/kernel.ts'
import { reason } from '../../../../src/pipeline/ring-messages.ts'
import { BatchSearch } from '../../../../src/pipeline/validation/batch-search.ts'
import { DecoderMemory } from '../../../../src/pipeline/validation/decoder-memory.ts'
import {
  type LargeWindowResult,
  LargeWindowRunner,
  largeWindowBytes,
  planLargeWindow,
} from '../../../../src/pipeline/validation/large-window.ts'
import { validationKernel } from '../../../../src/pipeline/validation/validation-kernel.ts'
import { accepted } from '../../../../src/pipeline/validation/validator.ts'
import { errors } from '../../../../src/wire/errors.ts'
import { batchHeader } from '../../../../src/wire/record-batch.ts'
import { lateMs, snappyFar, zstdFar } from '../../../support/bombs.ts'
import { KernelBench, validationModule } from '../../../support/validation-kernel.ts'
import { sealed } from './samples.ts'

const mebibyte = 1 << 20
const batchBytesMax = 8 * mebibyte
const address = 4096
const rules = { keys: false, oldest: -(2 ** 62), newest: 2 ** 62 }

const module = await validationModule()
const place = planLargeWindow(batchBytesMax)
const own = openArena(createArena(place.pages))
const pipeline = Buffer.alloc(address + batchBytesMax)
const runner = new LargeWindowRunner(pipeline, own, place, {
  validation: validationKernel(module, own.memory),
  crc: kernel(own.memory).crc,
})

function resultOf(batch: Buffer): { result: unknown; stored: Buffer } {
  batch.copy(pipeline, address)
  const work = { type: 'validate', address, bytes: batch.length, rules } as const
  const { result } = runner.work(work) as Extract<LargeWindowResult, { type: 'result' }>
  return { result, stored: Buffer.from(pipeline.subarray(address, address + batch.length)) }
}

test.each([
  ['zstd', 20],
  ['zstd', 100],
  ['zstd', 127],
  ['snappy', 20],
  ['snappy', 127],
] as const)('large-window: a batch of %s that refers %d MiB back is accepted', (codec, mib) => {
  const bytes = (mib + 30) * mebibyte
  const batch = codec === 'zstd' ? zstdFar(bytes, mib * mebibyte) : snappyFar(bytes, mib * mebibyte)
  expect(new KernelBench(module, { windowBytes: threadWindowBytes, inputBytes: 24 * mebibyte }).validate(batch)).toBe('window')
  const { result, stored } = resultOf(batch)
  expect(result).toEqual(accepted)
  expect(stored.equals(batch)).toBe(true)
})

test('large-window: the largest timestamp is written into the header of the batch, and a wrong CRC is found', () => {
  const batch = zstdFar(24 * mebibyte, 20 * mebibyte)
  const unset = Buffer.from(batch)
  unset.writeBigInt64BE(-1n, batchHeader.maxTimestamp)
  expect(resultOf(sealed(Buffer.from(unset)))).toEqual({ result: accepted, stored: batch })
  unset.writeInt32BE(7, batchHeader.crc)
  expect(resultOf(unset).result).toMatchObject({ error: errors.CORRUPT_MESSAGE.code, reason: reason.crc })
})

test('large-window: a match before the start, and one beyond the window of the frame, are rejected', () => {
  expect(resultOf(zstdFar(40 * mebibyte, 20 * mebibyte, { reach: 60 * mebibyte })).result).toMatchObject({ reason: reason.undecodable })
  expect(resultOf(zstdFar(150 * mebibyte, 20 * mebibyte, { reach: 129 * mebibyte })).result).toMatchObject({ reason: reason.undecodable })
})

test('large-window: snappy that refers back further than 128 MiB is rejected by its own reason', () => {
  const batch = snappyFar(160 * mebibyte, 140 * mebibyte)
  const { result } = resultOf(batch)
  expect(result).toMatchObject({ error: errors.INVALID_RECORD.code, reason: reason.window })
})

test('large-window: a batch is searched by time where other windows do not reach', () => {
  const batch = zstdFar(60 * mebibyte, 40 * mebibyte)
  const base = batch.readBigInt64BE(batchHeader.baseTimestamp)
  const search = new BatchSearch(new DecoderMemory(ownModule()), threadWindowBytes)
  search.begin(batch, 0, base + 1n)
  expect(search.run(2 ** 30)).toBe('window')
  const result = runner.work({ type: 'search', batch, least: 0, timestamp: base + 1n })
  expect(result).toEqual({ type: 'outcome', outcome: { offsetDelta: 1, timestamp: base + BigInt(lateMs) } })
})

test('large-window: memory does not grow with what a batch decodes to', () => {
  const before = process.memoryUsage().rss
  expect(resultOf(zstdFar(600 * mebibyte, 120 * mebibyte)).result).toEqual(accepted)
  expect(process.memoryUsage().rss - before).toBeLessThan(largeWindowBytes + 16 * mebibyte)
})
