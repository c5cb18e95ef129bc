import { CompressionTypes, type IHeaders, Kafka, logLevel, Partitioners } from 'kafkajs'
import type { WritingClient } from './client.ts'
import type { Sample } from './corpus.ts'

/** kafkajs speaks older versions of the protocol than the others do. It reads only in groups, so here it writes. */
export const kafkajs = (address: string): Kafka =>
  new Kafka({ clientId: 'kafkajs', brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 5 } })

export const kafkajsWriter = (idempotent: boolean): WritingClient => ({
  name: idempotent ? 'kafkajs, idempotent' : 'kafkajs',
  missing: () => null,
  takesBytes: true,
  codecs: ['none', 'gzip'],
  write: async (address, topic, codec, samples) => {
    const retries = idempotent ? { maxInFlightRequests: 1 } : {}
    const producer = kafkajs(address).producer({ idempotent, createPartitioner: Partitioners.DefaultPartitioner, ...retries })
    await producer.connect()
    try {
      const messages = samples.map((sample) => ({ partition: 0, key: sample.key, value: sample.value, headers: grouped(sample) }))
      const compression = codec === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None
      // One by one above this size: a request holds one batch to a partition, and a batch has a limit.
      const large = messages.filter((message) => (message.value?.length ?? 0) > 100_000)
      const small = messages.slice(messages.findLastIndex((message) => large.includes(message)) + 1)
      for (const message of messages.slice(0, messages.length - small.length))
        await producer.send({ topic, acks: -1, compression, messages: [message] })
      if (small.length > 0) await producer.send({ topic, acks: -1, compression, messages: small })
    } finally {
      await producer.disconnect()
    }
  },
})

export function grouped(sample: Sample): IHeaders {
  const headers: Record<string, string[]> = {}
  for (const [key, value] of sample.headers) headers[key] = [...(headers[key] ?? []), value]
  return headers
}
