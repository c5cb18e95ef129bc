import { expect, test } from 'vitest'
import { below, prng } from '../../src/base/prng.ts'
import { threadWindowBytes } from '../../src/pipeline/arena-plan.ts'
import { largeWindowBytes } from '../../src/pipeline/validation/large-window.ts'
import { batchHeader } from '../../src/wire/record-batch.ts'
import { snappyFar, zstdFar } from '../support/bombs.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { KafkaCodecs } from '../support/kafka-codecs.ts'
import { long } from '../support/long.ts'
import { KernelBench, validationModule } from '../support/validation-kernel.ts'
import { settings } from '../unit/pipeline/sequencing/lane-world.ts'
import { batchOf, recordOf } from '../unit/pipeline/validation/samples.ts'
import { compareWithMillrace, type KafkaResult, shown, validatedByKafka } from './damaged-batches/comparison.ts'
import { readResults, writeResults } from './damaged-batches/recording.ts'

const missing = kafkaMissing()
if (missing) console.warn(`skipped: damaged batches are compared with recorded results only, ${missing}`)

const batches = 2000
const limitMs = 120_000

/** Larger batches are left out of the recording. */
const recordedBytesMax = 1500
const recordedBatches = 600

test('damaged batches: a batch that Kafka rejected when this was recorded is rejected', async () => {
  const validated = readResults()
  const tally = await compareWithMillrace([validated])
  expect(tally.taken.map(shown)).toEqual([])
  expect(tally.dated.map(shown)).toEqual([])
  expect(tally.batches).toBeGreaterThan(recordedBatches / 2)
  expect(tally.accepted).toBeGreaterThan(tally.batches / 20)
  expect(tally.rejected).toBeGreaterThan(tally.batches / 4)
})

test.runIf(missing === null)("damaged batches: Kafka's classes have the recorded results", long(limitMs), async () => {
  const validated: KafkaResult[] = []
  for await (const chunk of validatedByKafka(1, recordedBatches)) validated.push(...chunk)
  const small = validated.filter(({ damaged }) => damaged.batch.length <= recordedBytesMax)
  if (process.env['UPDATE'] === '1') writeResults(small)
  expect(readResults()).toEqual(small)
})

test.skipIf(missing !== null)(
  'damaged batches: a batch that Kafka rejects is rejected',
  async () => {
    const seed = Date.now() % 1_000_000
    console.log(`node src/cli/run.mjs test/interop/damaged-batches.ts --batches ${batches} --seed ${seed}`)
    const tally = await compareWithMillrace(validatedByKafka(seed, batches))
    expect(tally.taken.map(shown)).toEqual([])
    expect(tally.dated.map(shown)).toEqual([])
    expect(tally.accepted).toBeGreaterThan(batches / 20)
    expect(tally.rejected).toBeGreaterThan(batches / 4)
  },
  limitMs,
)

const mebibyte = 1 << 20

test.skipIf(missing !== null)('damaged batches: back references of up to 128 MiB are validated as by Kafka', long(limitMs), async () => {
  const kafka = new KafkaCodecs()
  const large = new KernelBench(await validationModule(), { windowBytes: largeWindowBytes, inputBytes: 12 * mebibyte })
  const zstd = (mib: number, reach = mib): Buffer => zstdFar((mib + 20) * mebibyte, mib * mebibyte, { reach: reach * mebibyte })
  const damaged = zstd(30)
  damaged[damaged.length - 1200]! ^= 0x5a
  const batches: [string, Buffer][] = [
    ['zstd, 9 MiB', zstd(9)],
    ['zstd, 20 MiB', zstd(20)],
    ['zstd, 64 MiB', zstd(64)],
    ['zstd, 128 MiB', zstd(128)],
    ['zstd, before its start', zstd(20, 100)],
    ['zstd, damaged', damaged],
    ['snappy, 20 MiB', snappyFar(40 * mebibyte, 20 * mebibyte)],
    ['snappy, 127 MiB', snappyFar(150 * mebibyte, 127 * mebibyte)],
  ]
  const now = Number(zstd(9).readBigInt64BE(batchHeader.baseTimestamp))
  for (const [name, batch] of batches) {
    const theirs = (await kafka.validate(batch, now, settings)).startsWith('ok')
    expect([name, large.validate(batch) === 'done']).toEqual([name, theirs])
  }
  // What Kafka's own compressor makes of bytes that come again behind 13 MiB.
  const random = prng(3)
  const noise = Buffer.alloc(13 * mebibyte)
  for (let at = 0; at < noise.length; at += 2) noise.writeUInt16LE(below(random, 65536), at)
  const packed = batchOf('zstd', await kafka.pack('zstd', recordOf(Buffer.concat([noise, noise])), 20), 1)
  expect(packed.length).toBeLessThan(14 * mebibyte)
  const wide = { inputBytes: 16 * mebibyte }
  expect(new KernelBench(await validationModule(), { windowBytes: threadWindowBytes, ...wide }).validate(packed)).toBe('window')
  expect(new KernelBench(await validationModule(), { windowBytes: largeWindowBytes, ...wide }).validate(packed)).toBe('done')
  kafka.end()
})
