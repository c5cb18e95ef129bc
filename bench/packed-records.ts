import { codecIds, KafkaCodecs } from '../test/support/kafka-codecs.ts'
import { jsonValues, recordsOf } from '../test/unit/pipeline/validation/samples.ts'
import type { PackedRecords } from './load/messages.ts'
import type { Shape } from './scenarios.ts'

/** The records of a batch, compressed by the codecs of Kafka's Java client at their usual levels. Undefined for a shape without a codec. */
export async function packedRecords({ codec, batchBytes, recordBytes }: Shape): Promise<PackedRecords | undefined> {
  if (codec === undefined) return undefined
  const values = jsonValues(batchBytes, recordBytes)
  const codecs = new KafkaCodecs()
  const packed = await codecs.pack(codec, recordsOf(values)).finally(() => codecs.end())
  return { codec: codecIds[codec], count: values.length, base64: packed.toString('base64') }
}
