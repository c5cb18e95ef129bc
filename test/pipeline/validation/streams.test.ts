import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Codec } from '../../support/kafka-codecs.ts'
import { root } from '../../support/root.ts'
import { KernelBench, validationModule } from '../../support/validation-kernel.ts'
import { batchOf, countOf, samples } from './samples.ts'

/** Samples that Kafka's codecs have compressed: codec, level, bytes and name. Made by `test/interop/verdicts/streams.ts`. */
const lines = readFileSync(join(root, 'test', 'pipeline', 'validation', 'streams.txt'), 'utf8')
  .trim()
  .split('\n')
const streams = lines.map((line) => {
  const [codec, level, packed, ...name] = line.split(' ')
  return { codec: codec as Codec, level, packed: packed!, name: name.join(' ') }
})

const module = await validationModule()
const bench = new KernelBench(module)

describe.each(streams)('$codec of Kafka, level $level: $name', ({ codec, name, packed }) => {
  const raw = samples[name]!()
  const batch = batchOf(codec, Buffer.from(packed, 'base64'), countOf(raw))

  test('is decoded to what it was', () => {
    const { verdict, output } = bench.unpack(batch)
    expect(verdict).toBe('done')
    expect(output.equals(raw)).toBe(true)
    expect(bench.trespasses(batch)).toEqual([])
  })

  test('is damaged without its last byte', () => {
    const cut = batchOf(codec, Buffer.from(packed, 'base64').subarray(0, -1), countOf(raw))
    expect(bench.judge(cut)).not.toBe('done')
  })
})
