/** The validation kernel's speed on compressed batches of JSON-like records, in a window and as a whole, beside Node's own zlib. */
import { pathToFileURL } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { nodeCodecs } from '../native-free-io/threads/codecs.ts'
import { packLz4 } from '../src/wire/compression/lz4.ts'
import { packSnappy } from '../src/wire/compression/snappy.ts'
import { kafkaMissing } from '../test/support/kafka.ts'
import { type Codec, KafkaCodecs } from '../test/support/kafka-codecs.ts'
import { KernelBench, validationModule } from '../test/support/validation-kernel.ts'
import { batchOf, countOf, jsonRecords } from '../test/unit/pipeline/validation/samples.ts'
import type { MicroRow } from './micro-row.ts'

const kib = 1024
/** Passes are short: on a machine with other load, some of them are not disturbed. */
const passBytes = 512 * kib

const shapes = [
  { name: '64 KiB of 1 KiB records', bytes: 64 * kib, recordBytes: 1024 },
  { name: '16 KiB of 100 B records', bytes: 16 * kib, recordBytes: 100 },
  { name: '1 MiB of 1 KiB records', bytes: 1024 * kib, recordBytes: 1024 },
] as const

const codecs: readonly Codec[] = ['lz4', 'snappy', 'zstd', 'gzip']

/** By the encoders of this project, where Kafka's are absent. */
function ownPack(codec: Codec, raw: Buffer): Buffer {
  if (codec === 'gzip') return gzipSync(raw)
  if (codec === 'lz4') return packLz4(raw, 1)
  return codec === 'snappy' ? packSnappy(raw) : nodeCodecs.zstd(raw, 3)
}

/** Passes of each measurement; a small value is enough for a test. */
export async function validationSpeed(passes = 300): Promise<readonly MicroRow[]> {
  const bench = new KernelBench(await validationModule(), { windowBytes: 4 << 20 })
  const kafka = kafkaMissing() === null ? new KafkaCodecs() : undefined
  const rows: MicroRow[] = []
  for (const { name, bytes: rawBytes, recordBytes } of shapes) {
    const raw = jsonRecords(rawBytes, recordBytes)
    for (const codec of codecs) {
      const packed = kafka === undefined ? ownPack(codec, raw) : await kafka.pack(codec, raw)
      const batch = batchOf(codec, packed, countOf(raw))
      const result = bench.validate(batch)
      if (result !== 'done') throw new Error(`a batch of ${codec} is ${result}`)
      const times = Math.ceil(passBytes / raw.length)
      const batchNs = best(passes, times, () => bench.again())
      const remarks = [`${Math.round(batchNs)} ns a batch`, `ratio ${(raw.length / packed.length).toFixed(2)}`]
      if (codec === 'gzip')
        remarks.push(
          `Node's zlib ${speed(
            raw,
            best(passes, times, () => gunzipSync(packed)),
          ).toFixed(0)} MB/s`,
        )
      const wholeNs = best(passes, times, () => nodeCodecs.unpack(codec, packed, raw.length))
      remarks.push(`as a whole, for compaction ${speed(raw, wholeNs).toFixed(0)} MB/s`)
      rows.push({ name: `${codec}, ${name}`, value: speed(raw, batchNs), unit: 'MB/s', remark: remarks.join(', ') })
    }
  }
  kafka?.end()
  return rows
}

/** MB of output a second. */
const speed = (raw: Buffer, batchNs: number): number => (raw.length / batchNs) * 1000

/** Nanoseconds of one piece of work, in the best of the passes. */
function best(passes: number, times: number, work: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let pass = 0; pass < passes; pass++) {
    const began = performance.now()
    for (let i = 0; i < times; i++) work()
    least = Math.min(least, performance.now() - began)
  }
  return (least * 1e6) / times
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const { name, value, unit, remark } of await validationSpeed()) {
    console.log(`${name.padEnd(32)} ${value.toFixed(0).padStart(6)} ${unit}   ${remark}`)
  }
}
