import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTopic } from '../support/admin.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { connected } from '../support/connection.ts'
import { longIf } from '../support/long.ts'
import type { Codec, ReadingClient, WritingClient } from './client.ts'
import { binarySamples, shown, textSamples } from './corpus.ts'
import { consoleConsumer, consoleProducer } from './java-client.ts'
import { javascriptReader, javascriptWriter } from './kafka-javascript-client.ts'
import { kafkajsWriter } from './kafkajs-client.ts'
import { kcatReader, kcatWriter } from './kcat-client.ts'
import { ownReader } from './own-reader.ts'

const limitMs = 120_000
const writers: readonly WritingClient[] = [kafkajsWriter(false), kafkajsWriter(true), kcatWriter, consoleProducer, javascriptWriter]
const readers: readonly ReadingClient[] = [ownReader, kcatReader, consoleConsumer, javascriptReader]
const present = readers.filter((reader) => reader.missing() === null)
let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
}, limitMs)

afterAll(() => broker?.remove())

for (const client of [...writers, ...readers]) {
  const missing = client.missing()
  if (missing) console.warn(`skipped: ${client.name}, ${missing}`)
}

async function agree(writer: WritingClient, codec: Codec, isText: boolean): Promise<void> {
  const samples = isText ? textSamples : binarySamples
  const topic = `${writer.name.replace(/\W+/g, '-')}-${codec}-${isText ? 'text' : 'binary'}`
  await connected(broker.port, (connection) => createTopic(connection, topic, 1, { 'max.message.bytes': '3000000' }))
  await writer.write(broker.address, topic, codec, samples)
  const wanted = samples.map((sample) => shown(writer.asWritten?.(sample) ?? sample))
  for (const reader of present) {
    if (!reader.codecs.includes(codec) || (!isText && !reader.takesBytes)) continue
    const found = await reader.read(broker.address, topic, samples.length)
    expect(found.map(shown), `${reader.name} read`).toEqual(wanted)
  }
}

for (const writer of writers) {
  describe.runIf(writer.missing() === null)(`clients: records of ${writer.name}`, () => {
    for (const codec of writer.codecs) {
      test(`are read by every client, ${codec}, text`, longIf(codec !== writer.codecs.at(-1), limitMs), () => agree(writer, codec, true))
      if (writer.takesBytes)
        test(`are read by every client, ${codec}, bytes`, longIf(codec !== writer.codecs[0], limitMs), () => agree(writer, codec, false))
    }
  })
}
