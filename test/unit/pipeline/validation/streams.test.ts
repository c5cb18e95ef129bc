import { describe, expect, test } from 'vitest'
import { KernelBench, validationModule } from '../../../support/validation-kernel.ts'
import { kafkaStreams } from './damaged-streams.ts'
import { batchOf, countOf } from './samples.ts'

const module = await validationModule()
const bench = new KernelBench(module)

describe.each(kafkaStreams())('validation streams: $codec of Kafka, level $level: $name', ({ codec, packed, raw }) => {
  const batch = batchOf(codec, packed, countOf(raw))

  test('is decoded to what it was', () => {
    const { result, output } = bench.unpack(batch)
    expect(result).toBe('done')
    expect(output.equals(raw)).toBe(true)
    expect(bench.outOfBoundsWrites(batch)).toEqual([])
  })

  test('is damaged without its last byte', () => {
    expect(bench.validate(batchOf(codec, packed.subarray(0, -1), countOf(raw)))).not.toBe('done')
  })
})
