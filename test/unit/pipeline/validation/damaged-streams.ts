import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { nodeCodecs } from '../../../../native-free-io/threads/codecs.ts'
import { below, chance, type Prng, prng } from '../../../../src/base/prng.ts'
import { packLz4 } from '../../../../src/wire/compression/lz4.ts'
import { packSnappy } from '../../../../src/wire/compression/snappy.ts'
import { damageStream } from '../../../interop/damaged-batches/codec-damage.ts'
import { type Codec, codecIds } from '../../../support/kafka-codecs.ts'
import { root } from '../../../support/root.ts'
import { KernelBench, type KernelResult, validationModule } from '../../../support/validation-kernel.ts'
import { batchOf, countOf, jsonRecords, samples } from './samples.ts'

/** A stream of one of the codecs, and what it was made from. */
interface Stream {
  readonly codec: Codec
  readonly packed: Buffer
  readonly raw: Buffer
}

/** Samples that Kafka's codecs have compressed. */
export function kafkaStreams(): (Stream & { readonly level: string; readonly name: string })[] {
  const lines = readFileSync(join(root, 'test', 'unit', 'pipeline', 'validation', 'streams.txt'), 'utf8')
    .trim()
    .split('\n')
  return lines.map((line) => {
    const [codec, level, packed, ...rest] = line.split(' ')
    const name = rest.join(' ')
    return { codec: codec as Codec, level: level!, name, packed: Buffer.from(packed!, 'base64'), raw: samples[name]!() }
  })
}

export interface Trial {
  streams: number
  /** Seeds, and what was wrong. */
  readonly faults: string[]
  readonly results: Map<KernelResult, number>
  /** Of a run with a budget of `budget`: the longest, in milliseconds. */
  longestMs: number
}

const windows = [1 << 16, 1 << 18, 1 << 20, 9 << 20] as const
const codecNames = Object.keys(codecIds) as Codec[]
export const budget = 1 << 16
/** Work of a run beyond its budget: one step. */
const stepMost = 5 << 20

/**
 * Damaged streams in windows of several sizes: nothing around the job and its window may be written, the result may not depend on how
 * the work is divided, and work must be counted.
 */
export async function tryDamagedStreams(seed: number, count: number, now: () => number): Promise<Trial> {
  const module = await validationModule()
  const benches = windows.map((windowBytes) => new KernelBench(module, { windowBytes }))
  const whole = kafkaStreams()
  const trial: Trial = { streams: 0, faults: [], results: new Map(), longestMs: 0 }
  for (let each = seed; each < seed + count; each++) {
    const random = prng(each)
    const { codec, bytes, raw, actions } = damagedStream(random, whole)
    const bench = benches[below(random, benches.length)]!
    const fault = tryOne(bench, batchOf(codec, bytes, countOf(raw)), trial, now)
    if (fault) trial.faults.push(`seed ${each}, ${codec}, ${actions.join(', ')}: ${fault}`)
    trial.streams++
  }
  return trial
}

/** One of `whole`, or one of our own coders, damaged. */
export function damagedStream(
  random: Prng,
  whole: readonly Stream[],
): { readonly codec: Codec; readonly bytes: Buffer; readonly raw: Buffer; readonly actions: readonly string[] } {
  const { codec, packed, raw } = chance(random, 500) ? whole[below(random, whole.length)]! : ownStream(random)
  return { codec, raw, ...damageStream(random, codec, packed, raw) }
}

function tryOne(bench: KernelBench, batch: Buffer, trial: Trial, now: () => number): string | undefined {
  const found = validateTimed(bench, batch, now)
  if (typeof found === 'string') return found
  const { result } = found
  trial.longestMs = Math.max(trial.longestMs, longestRun(bench, batch, trial.longestMs, found.longestMs, now))
  trial.results.set(result, (trial.results.get(result) ?? 0) + 1)
  const outOfBoundsWrites = bench.outOfBoundsWrites(batch)
  if (outOfBoundsWrites.length > 0) return `written ${outOfBoundsWrites.join(', ')}`
  const divided = bench.validate(batch, 1)
  if (divided !== result) return `${result} in one run, ${divided} step by step`
  return bench.outOfBoundsWrites(batch).map((place) => `written ${place}, step by step`)[0]
}

/** The result and the longest of the runs, or what is wrong with the work that they report. */
function validateTimed(bench: KernelBench, batch: Buffer, now: () => number): { result: KernelResult; longestMs: number } | string {
  bench.begin(batch)
  let longestMs = 0
  for (let runs = 0; runs < runsMax; runs++) {
    const before = bench.made
    const began = now()
    const { result, work } = bench.run(budget)
    longestMs = Math.max(longestMs, now() - began)
    if (work < 0 || work > budget + stepMost) return `a run has worked ${work}`
    if (result !== 'more') return { result, longestMs }
    if (work < Math.max(budget, bench.made - before)) return `work was not counted: ${work}`
  }
  return `not decided after ${runsMax} runs`
}
const runsMax = 1_000_000

/** What else runs on the machine only adds to a time: a new record has to hold several times. */
function longestRun(bench: KernelBench, batch: Buffer, record: number, first: number, now: () => number): number {
  let least = first
  for (let i = 0; i < 5 && least > record; i++) {
    const again = validateTimed(bench, batch, now)
    if (typeof again !== 'string') least = Math.min(least, again.longestMs)
  }
  return least
}

function ownStream(random: Prng): Stream {
  const codec = codecNames[below(random, codecNames.length)]!
  const raw = jsonRecords(200 + below(random, chance(random, 50) ? 400_000 : 8000), 40 + below(random, 400), below(random, 1000))
  const level = 1 + below(random, 9)
  if (codec === 'gzip') return { codec, raw, packed: gzipSync(raw, { level, strategy: below(random, 5), memLevel: 1 + below(random, 9) }) }
  if (codec === 'lz4') return { codec, raw, packed: packLz4(raw, level) }
  return { codec, raw, packed: codec === 'snappy' ? packSnappy(raw) : nodeCodecs.zstd(raw, level) }
}
