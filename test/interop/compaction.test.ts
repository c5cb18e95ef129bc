import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { below, type Prng, prng } from '../../src/base/prng.ts'
import { busyCleaner, eager, put, readBatches, readOn, type Seen } from '../node/storage/compacted-topic.ts'
import { smallLog } from '../node/storage/storage-world.ts'
import { createTopic, newProducer, type Producer } from '../support/admin.ts'
import { type Broker, type BrokerKind, startBroker } from '../support/broker.ts'
import { Connection } from '../support/connection.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { long } from '../support/long.ts'
import { codecs } from './client.ts'
import type { Sample } from './corpus.ts'
import { consoleConsumer, javaTool } from './java-client.ts'
import { kafkajs } from './kafkajs-client.ts'
import { kcatMissing, kcatReader, kcatWriter } from './kcat-client.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 180_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: compaction beside Kafka's, ${missing}`)
const topic = 'states'
const segmentMs = 500
const tombstonesMs = 3000

/** One broker of the two, and what it has been sent. */
class Side {
  readonly broker: Broker
  readonly connection: Connection
  readonly producer: Producer
  readonly sent: Seen[] = []
  #sequence = 0

  private constructor(broker: Broker, connection: Connection, producer: Producer) {
    this.broker = broker
    this.connection = connection
    this.producer = producer
  }

  static async start(kind: BrokerKind): Promise<Side> {
    const broker = await startBroker({ kind, settings: kind === 'kafka' ? busyCleaner : { ...smallLog, ...busyCleaner } })
    const connection = await Connection.open(broker.port)
    await createTopic(connection, topic, 1, { ...eager, 'segment.ms': String(segmentMs), 'delete.retention.ms': String(tombstonesMs) })
    return new Side(broker, connection, await newProducer(connection))
  }

  /** Batches of few keys and of one date; a quarter are an idempotent producer's, and half are compressed. */
  async putSome(random: Prng, batches: number, baseTimestamp: bigint): Promise<void> {
    for (let batch = 0; batch < batches; batch++) {
      const records = Array.from({ length: 1 + below(random, 12) }, (): [string, string | null] => [
        `key-${below(random, 40)}`,
        below(random, 5) === 0 ? null : `value-${below(random, 2 ** 30)}`,
      ])
      const isIdempotent = below(random, 4) === 0
      const { producerId, epoch: producerEpoch } = this.producer
      const identity = isIdempotent ? { producerId, producerEpoch, baseSequence: this.#sequence } : {}
      if (isIdempotent) this.#sequence += records.length
      await this.#put(records, { baseTimestamp, attributes: below(random, 2), ...identity })
    }
  }

  /** A record of a later date ends Kafka's active segment; what is before it can be compacted. */
  endSegment(key: string, baseTimestamp: bigint): Promise<void> {
    return this.#put([[key, 'end']], { baseTimestamp })
  }

  async #put(records: [string, string | null][], options: Parameters<typeof put>[3]): Promise<void> {
    const base = Number(await put(this.connection, topic, records, options))
    this.sent.push(...records.map(([key, value], index) => ({ offset: base + index, key, value })))
  }

  /** What is there, once it is what it should be or has not become so for long. */
  async settled(expected: readonly Seen[]): Promise<Seen[]> {
    for (let tries = 0; ; tries++) {
      const seen = await readOn(this.connection, topic)
      if (tries === 300 || JSON.stringify(seen) === JSON.stringify(expected)) return seen
      await pause(100)
    }
  }

  async remove(): Promise<void> {
    await this.connection.close()
    await this.broker.remove()
  }
}

/** What is left of records: the last of each key, without the tombstones that have had their time. */
function surviving(sent: readonly Seen[], tombstonesFrom: number): Seen[] {
  const last = new Map(sent.map((record) => [record.key, record.offset]))
  return sent.filter(({ key, offset, value }) => last.get(key) === offset && (value !== null || offset >= tombstonesFrom))
}

describe.runIf(missing === null)('compaction: by key, beside that of Kafka', () => {
  let sides: readonly Side[] = []

  beforeAll(async () => {
    sides = await Promise.all([Side.start('millrace'), Side.start('kafka')])
  }, limitMs)

  afterAll(() => Promise.all(sides.map((side) => side.remove())))

  test(`both leave the same records in the same batches, tombstones first kept and then gone (seed ${seed})`, long(limitMs), async () => {
    const random = prng(seed)
    let tombstonesFrom = 0
    for (const round of [1, 2, 3]) {
      const word = random.word
      const date = BigInt(Date.now())
      await Promise.all(sides.map((side) => side.putSome(side === sides[0] ? random : prng(word), 60, date)))
      await pause(segmentMs * 2)
      const later = BigInt(Date.now())
      await Promise.all(sides.map((side) => side.endSegment(`end-${round}`, later)))
      const expected = surviving(sides[0]!.sent, tombstonesFrom)
      const [ours, kafkas] = await Promise.all(sides.map((side) => side.settled(expected)))
      expect(kafkas, 'what Kafka leaves').toEqual(expected)
      expect(ours, 'what Millrace leaves').toEqual(expected)
      const [batches, kafkasBatches] = await Promise.all(sides.map((side) => readBatches(side.connection, topic)))
      expect(batches).toEqual(kafkasBatches)
      tombstonesFrom = sides[0]!.sent.length
      await pause(tombstonesMs)
    }
  })
})

const clientTopics = codecs.map((codec) => ({ codec, name: `states-${codec}` }))

/** A hundred records of ten keys, in batches of several; whatever is compacted keeps the last of each. */
const samples: readonly Sample[] = Array.from({ length: 100 }, (_, i) => ({
  key: `key-${(i * 7) % 10}`,
  value: Buffer.from(`value ${i}`),
  headers: [],
}))
const left = samples.slice(90).map(({ key, value }) => `${key} ${value}`)
const textOf = (read: readonly Sample[]): string[] => read.map(({ key, value }) => `${key} ${value}`)

describe.runIf(kcatMissing() === null)(
  'compaction: clients of a compacted topic',
  () => {
    let broker: Broker

    beforeAll(async () => {
      broker = await startBroker({ settings: { ...smallLog, ...busyCleaner, 'log.roll.ms': '500' } })
      const connection = await Connection.open(broker.port)
      for (const { codec, name } of clientTopics) {
        await createTopic(connection, name, 1, eager)
        // A batch of several keys of which some stay.
        for (let at = 0; at < samples.length; at += 15) {
          await kcatWriter.write(broker.address, name, codec, samples.slice(at, at + 15))
        }
      }
      await connection.close()
    }, limitMs)

    afterAll(() => broker?.remove())

    const settled = async (name: string): Promise<void> => {
      for (let tries = 0; tries < 200; tries++) {
        if (textOf(await kcatReader.read(broker.address, name, left.length)).length === left.length) return
        await pause(100)
      }
    }

    test.each(clientTopics)('kcat reads on over the gaps of batches that were sent with $codec', async ({ name }) => {
      await settled(name)
      expect(textOf(await kcatReader.read(broker.address, name, left.length))).toEqual(left)
    })

    // It knows no other codec, and batches of which all records stay are as they were sent.
    test('kafkajs reads on over the gaps of batches that it can unpack', long(limitMs), async () => {
      const readable = clientTopics.filter(({ codec }) => codec === 'none' || codec === 'gzip')
      const consumer = kafkajs(broker.address).consumer({ groupId: 'gaps' })
      await consumer.connect()
      await consumer.subscribe({ topics: readable.map(({ name }) => name), fromBeginning: true })
      const found = new Map<string, string[]>(readable.map(({ name }) => [name, []]))
      await consumer.run({
        eachMessage: async ({ topic: from, message }) => {
          found.get(from)!.push(`${message.key} ${message.value}`)
        },
      })
      while ([...found.values()].some((each) => each.length < left.length)) await pause(50)
      await consumer.disconnect()
      for (const { name } of readable) expect(found.get(name), name).toEqual(left)
    })

    if (missing === null) {
      test.each(clientTopics)(
        "Kafka's own consumer reads on over the gaps of batches that were sent with $codec",
        long(60_000),
        async ({ name }) => {
          expect(textOf(await consoleConsumer.read(broker.address, name, left.length))).toEqual(left)
        },
      )

      test("Kafka's LogCompactionTester finds every key with its last value", long(60_000), async () => {
        const load = ['--messages', '50000', '--topics', '1', '--duplicates', '5', '--percent-deletes', '10', '--sleep', '5']
        const output = String(await javaTool('LogCompactionTester', ['--bootstrap-server', broker.address, ...load]))
        expect(output).toMatch(/, 0 mismatches/)
        const [, reduced] = /\((\d+)\.\d+% reduction\)/.exec(output) ?? []
        expect(Number(reduced)).toBeGreaterThan(50)
      })
    }
  },
  limitMs,
)
