import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from '../support/root.ts'
import { codecs, type ReadingClient, type WritingClient } from './client.ts'
import type { Sample } from './corpus.ts'
import { grouped } from './kafkajs-client.ts'

const version = '1.10.1'
const home = process.env['KAFKA_JAVASCRIPT_HOME'] ?? join(root, '.millrace', 'kafka-javascript')

/** Compiled by `kafka-javascript-setup.sh`, for one version of Node; a dependency of nothing. */
export const kafkaJavascriptMissing = (): string | null =>
  existsSync(join(home, `built-${version}-${process.versions.modules}`))
    ? null
    : 'it is not compiled here (test/interop/kafka-javascript-setup.sh)'

/** The part of the package that is used: its promises, and below them the callbacks of librdkafka. */
interface Package {
  readonly KafkaJS: { readonly Kafka: new (settings: Settings) => JavascriptKafka }
  readonly KafkaConsumer: new (settings: Settings, topic: Settings) => CallbackConsumer
}
type Settings = Readonly<Record<string, unknown>>

export interface JavascriptKafka {
  producer(settings?: Settings): JavascriptProducer
  consumer(settings: Settings): JavascriptConsumer
  admin(): JavascriptAdmin
}
interface Connected {
  connect(): Promise<void>
  disconnect(): Promise<void>
}
export interface JavascriptProducer extends Connected {
  send(batch: { topic: string; messages: readonly Settings[] }): Promise<readonly { baseOffset?: string }[]>
}
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}
export interface JavascriptMessage extends TopicPartition {
  readonly message: { readonly key: Buffer | null; readonly value: Buffer | null; readonly offset: string }
}
export interface JavascriptConsumer extends Connected {
  subscribe(wanted: { topics: readonly string[] }): Promise<void>
  run(options: { eachMessage: (message: JavascriptMessage) => Promise<void> }): Promise<void>
  commitOffsets(offsets?: readonly (TopicPartition & { offset: string })[]): Promise<void>
  seek(place: TopicPartition & { offset: string }): void
  pause(topics: readonly { topic: string; partitions?: readonly number[] }[]): void
  resume(topics: readonly { topic: string; partitions?: readonly number[] }[]): void
  assignment(): readonly TopicPartition[]
}
export interface JavascriptAdmin extends Connected {
  createTopics(wanted: { topics: readonly { topic: string; numPartitions: number }[] }): Promise<boolean>
  deleteTopics(wanted: { topics: readonly string[] }): Promise<void>
  listTopics(): Promise<readonly string[]>
  fetchTopicOffsets(topic: string): Promise<readonly { partition: number; low: string; high: string }[]>
  listGroups(): Promise<{ groups: readonly { groupId: string }[] }>
  describeGroups(groups: readonly string[]): Promise<{ groups: readonly { groupId: string; members: readonly unknown[] }[] }>
  deleteGroups(groups: readonly string[]): Promise<readonly { groupId: string }[]>
  deleteTopicRecords(wanted: { topic: string; partitions: readonly { partition: number; offset: string }[] }): Promise<unknown>
}

interface CallbackConsumer {
  connect(options: object, connected: (error: Error | null) => void): void
  disconnect(disconnected: () => void): void
  assign(places: readonly (TopicPartition & { offset: number })[]): void
  consume(): void
  on(event: 'data', received: (message: CallbackMessage) => void): void
  on(event: 'event.error', received: (error: Error) => void): void
}
interface CallbackMessage {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly Readonly<Record<string, Buffer>>[]
}

let loaded: Package | undefined
const thePackage = (): Package => (loaded ??= createRequire(join(home, 'package.json'))('@confluentinc/kafka-javascript') as Package)

export const javascriptKafka = (address: string, settings: Settings = {}): JavascriptKafka =>
  new (thePackage().KafkaJS.Kafka)({ 'bootstrap.servers': address, log_level: 0, ...settings })

export const javascriptWriter: WritingClient = {
  name: 'kafka-javascript',
  missing: kafkaJavascriptMissing,
  takesBytes: true,
  codecs,
  // To librdkafka it hands no bytes and no value alike.
  asWritten: (sample) => (sample.value?.length === 0 ? { ...sample, value: null } : sample),
  write: async (address, topic, codec, samples) => {
    const producer = javascriptKafka(address).producer({ 'compression.codec': codec, 'message.max.bytes': 3_000_000, 'linger.ms': 5 })
    await producer.connect()
    try {
      const messages = samples.map((sample) => ({ partition: 0, key: sample.key, value: sample.value, headers: grouped(sample) }))
      await producer.send({ topic, messages })
    } finally {
      await producer.disconnect()
    }
  },
}

export const javascriptReader: ReadingClient = {
  name: 'kafka-javascript',
  missing: kafkaJavascriptMissing,
  takesBytes: true,
  codecs,
  read: (address, topic, count) =>
    new Promise((resolve, reject) => {
      const settings = { 'bootstrap.servers': address, 'group.id': 'reads-by-itself', 'enable.auto.commit': false, 'check.crcs': true }
      const consumer = new (thePackage().KafkaConsumer)({ ...settings, 'fetch.message.max.bytes': 3_000_000 }, {})
      const found: Sample[] = []
      consumer.on('event.error', reject)
      consumer.on('data', ({ key, value, headers = [] }) => {
        found.push({
          key: key?.toString() ?? null,
          value,
          headers: headers.flatMap((each) => Object.entries(each).map(([name, text]) => [name, Buffer.from(text).toString()] as const)),
        })
        if (found.length === count) consumer.disconnect(() => resolve(found))
      })
      consumer.connect({}, (error) => {
        if (error) return reject(error)
        consumer.assign([{ topic, partition: 0, offset: 0 }])
        consumer.consume()
      })
    }),
}
