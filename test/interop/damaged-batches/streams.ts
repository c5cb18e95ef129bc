/** `node src/cli/run.mjs test/interop/damaged-batches/streams.ts > test/unit/pipeline/validation/streams.txt`: samples, compressed by Kafka's codecs. */

import { type Codec, KafkaCodecs } from '../../support/kafka-codecs.ts'
import { samples } from '../../unit/pipeline/validation/samples.ts'

const levels: readonly [Codec, readonly number[]][] = [
  ['zstd', [-5, 3, 9, 19]],
  ['gzip', [1, 6, 9]],
  ['lz4', [1, 9]],
  ['snappy', [0]],
]
const names = ['one byte', 'a byte repeated', 'short repeats', 'few letters', 'JSON, 100 B']

const kafka = new KafkaCodecs()
const rows: string[] = []
for (const [codec, each] of levels) {
  for (const level of each) {
    for (const name of names) {
      const packed = await kafka.pack(codec, samples[name]!(), level)
      rows.push(`${codec} ${level} ${packed.toString('base64')} ${name}`)
    }
  }
}
kafka.end()
console.log(rows.join('\n'))
