import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { below, type Prng, prng } from '../../src/base/prng.ts'
import { busyCleaner, eager, put, readBatches, readOn, type Seen } from '../storage/compacted-topic.ts'
import { smallLog } from '../storage/storage-world.ts'
import { createTopic, newProducer, type Producer } from '../support/admin.ts'
import { type Broker, type BrokerKind, startBroker } from '../support/broker.ts'
import { Connection } from '../support/connection.ts'
import { kafkaMissing } from '../support/kafka.ts'

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

describe.runIf(missing === null)('compaction by key, beside that of Kafka', () => {
  let sides: readonly Side[] = []

  beforeAll(async () => {
    sides = await Promise.all([Side.start('millrace'), Side.start('kafka')])
  }, limitMs)

  afterAll(() => Promise.all(sides.map((side) => side.remove())))

  test(
    `both leave the same records in the same batches, tombstones first kept and then gone (seed ${seed})`,
    async () => {
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
    },
    limitMs,
  )
})
