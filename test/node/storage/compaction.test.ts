import { afterAll, beforeAll, expect, test } from 'vitest'
import { below, prng } from '../../../src/base/prng.ts'
import { createTopic, endOffset } from '../../support/admin.ts'
import { type Broker, startBroker } from '../../support/broker.ts'
import { Writer } from '../../support/bytes.ts'
import { type Connection, connected } from '../../support/connection.ts'
import { long } from '../../support/long.ts'
import { api, listOffsets, readListOffsets } from '../../support/requests.ts'
import { busyCleaner, eager, lastOfEach, put, readOn, type Seen, startOffset } from './compacted-topic.ts'
import { smallLog, until } from './storage-world.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const limitMs = 60_000
const random = prng(seed)
let broker: Broker

beforeAll(async () => {
  const offsetsTopic = {
    'offsets.topic.num.partitions': '1',
    'log.roll.ms': '300',
    'log.cleaner.min.cleanable.ratio': '0.01',
    'group.initial.rebalance.delay.ms': '0',
  }
  // Room for 39,321 keys.
  const smallMap = { 'log.cleaner.dedupe.buffer.size': String(1 << 20) }
  broker = await startBroker({ settings: { ...smallLog, ...busyCleaner, ...offsetsTopic, ...smallMap } })
}, limitMs)

afterAll(() => broker?.remove())

const gzip = 1

/** Some batches of random records with few keys; one in five is a tombstone. Adds them to `sent`. */
async function putSome(connection: Connection, topic: string, sent: Seen[], batches: number): Promise<void> {
  for (let batch = 0; batch < batches; batch++) {
    const records = Array.from({ length: 1 + below(random, 20) }, (): [string, string | null] => [
      `key-${below(random, 30)}`,
      below(random, 5) === 0 ? null : `value-${sent.length}-${'x'.repeat(below(random, 500))}`,
    ])
    const base = Number(await put(connection, topic, records, { attributes: below(random, 2) * gzip }))
    sent.push(...records.map(([key, value], index) => ({ offset: base + index, key, value })))
  }
}

test(
  `compaction: a compacted topic comes to hold the last record of each key, at its offset and in order, while it is written and read (seed ${seed})`,
  async () => {
    await connected(broker.port, async (connection) => {
      await createTopic(connection, 'states', 1, eager)
      const sent: Seen[] = []
      for (let round = 0; round < 5; round++) {
        await putSome(connection, 'states', sent, 40)
        await until(async () => {
          const seen = await readOn(connection, 'states')
          // Regardless of the records removed so far, the last record of each key exists.
          const last = lastOfEach(sent)
          expect(seen.filter(({ offset }) => last.some((each) => each.offset === offset))).toEqual(last)
          return seen.length === last.length
        })
      }
      expect(await readOn(connection, 'states')).toEqual(lastOfEach(sent))
      for (let from = 0; from < sent.length; from += 97) {
        expect(await readOn(connection, 'states', from)).toEqual(lastOfEach(sent).filter(({ offset }) => offset >= from))
      }
      await broker.kill()
      await broker.start()
    })
    await connected(broker.port, async (connection) => {
      expect((await readOn(connection, 'states')).length).toBe(30)
    })
  },
  limitMs,
)

const untilIs = (connection: Connection, topic: string, expected: readonly Seen[]): Promise<void> =>
  until(async () => (await readOn(connection, topic)).length === expected.length)

test(
  'compaction: topics that share objects with a compacted one lose nothing',
  async () => {
    await connected(broker.port, async (connection) => {
      const beside: string[] = []
      for (const name of ['many-a', 'many-b']) await createTopic(connection, name, 1, eager)
      await createTopic(connection, 'events', 1)
      const sent: Record<'many-a' | 'many-b', Seen[]> = { 'many-a': [], 'many-b': [] }
      for (let round = 0; round < 60; round++) {
        await putSome(connection, 'many-a', sent['many-a'], 1)
        await putSome(connection, 'many-b', sent['many-b'], 1)
        beside.push(`event ${round}`)
        await put(connection, 'events', [['same', `event ${round}`]])
      }
      for (const name of ['many-a', 'many-b'] as const) {
        await untilIs(connection, name, lastOfEach(sent[name]))
        expect(await readOn(connection, name)).toEqual(lastOfEach(sent[name]))
      }
      expect((await readOn(connection, 'events')).map(({ value }) => value)).toEqual(beside)
    })
  },
  limitMs,
)

test('compaction: more keys than one round has memory for are compacted in several', long(limitMs), async () => {
  await connected(broker.port, async (connection) => {
    await createTopic(connection, 'wide', 1, eager)
    const keys = 60_000
    const records = (round: number): [string, string][] => Array.from({ length: keys }, (_, key) => [`key-${key}`, `${round}`])
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < keys; at += 5000) await put(connection, 'wide', records(round).slice(at, at + 5000), { attributes: gzip })
    }
    await until(async () => (await readOn(connection, 'wide')).length === keys)
    expect(await readOn(connection, 'wide')).toEqual(records(1).map(([key, value], index) => ({ offset: keys + index, key, value })))
  })
})

test('compaction: with compact,delete a record goes for its key or for its age', long(limitMs), async () => {
  await connected(broker.port, async (connection) => {
    await createTopic(connection, 'both', 1, { ...eager, 'cleanup.policy': 'compact,delete', 'retention.ms': '3000' })
    const sent: Seen[] = []
    await putSome(connection, 'both', sent, 20)
    await untilIs(connection, 'both', lastOfEach(sent))
    await until(async () => (await startOffset(connection, 'both')) === sent.length)
    expect(await readOn(connection, 'both')).toEqual([])
  })
})

async function alterTopic(connection: Connection, topic: string, config: string, value: string): Promise<void> {
  const body = new Writer().int32(1).int8(2).string(topic).int32(1).string(config).int8(0).string(value).bool(false)
  const answer = await connection.call({ key: 44, version: 0, flexible: false }, body)
  answer.int32()
  answer.int32()
  expect(answer.int16()).toBe(0)
}

test(
  'compaction: a topic is compacted as soon as its policy requires it, also with few dirty records if they are old enough',
  async () => {
    await connected(broker.port, async (connection) => {
      await createTopic(connection, 'late', 1, { ...eager, 'cleanup.policy': 'delete' })
      const sent: Seen[] = []
      await putSome(connection, 'late', sent, 40)
      expect(await readOn(connection, 'late')).toEqual(sent)
      await alterTopic(connection, 'late', 'cleanup.policy', 'compact')
      await untilIs(connection, 'late', lastOfEach(sent))
      await alterTopic(connection, 'late', 'min.cleanable.dirty.ratio', '1')
      await alterTopic(connection, 'late', 'max.compaction.lag.ms', '300')
      await putSome(connection, 'late', sent, 5)
      await untilIs(connection, 'late', lastOfEach(sent))
    })
  },
  limitMs,
)

async function deleteRecords(connection: Connection, topic: string, offset: number): Promise<void> {
  const body = new Writer().int32(1).string(topic).int32(1).int32(0).int64(BigInt(offset)).int32(1000)
  await connection.call({ key: 21, version: 1, flexible: false }, body)
}

test(
  'compaction: over gaps, records are found by their time and deleted up to any offset',
  async () => {
    await connected(broker.port, async (connection) => {
      // Records of a topic with only `compact` cannot be deleted.
      await createTopic(connection, 'gaps', 1, { ...eager, 'cleanup.policy': 'compact,delete', 'retention.ms': '-1' })
      const dated = Date.now() - 60_000
      const one = async (key: string, at: number): Promise<bigint> =>
        put(connection, 'gaps', [[key, 'v']], { baseTimestamp: BigInt(dated + at) })
      for (let i = 0; i < 100; i++) await one(i % 10 === 0 ? `stays-${i}` : 'goes', i)
      await until(async () => (await readOn(connection, 'gaps')).length === 11)
      const since = async (at: number): Promise<number> =>
        Number(readListOffsets(await connection.call(api.listOffsets, listOffsets('gaps', 0, BigInt(dated + at)))).offset)
      expect([await since(0), await since(1), await since(45), await since(99), await since(100)]).toEqual([0, 10, 50, 99, -1])
      await deleteRecords(connection, 'gaps', 33)
      expect(await startOffset(connection, 'gaps')).toBe(33)
      expect((await readOn(connection, 'gaps')).map(({ offset }) => offset)).toEqual([40, 50, 60, 70, 80, 90, 99])
      expect(await since(1)).toBe(40)
      await one('stays-50', 100)
      await until(async () => (await readOn(connection, 'gaps')).map(({ offset }) => offset).join() === '40,60,70,80,90,99,100')
    })
  },
  limitMs,
)

const group = 'restless'

async function commit(connection: Connection, offset: number): Promise<number> {
  await connection.call({ key: 10, version: 0, flexible: false }, new Writer().string(group))
  const body = new Writer().string(group).int32(-1).string('').int64(-1n).int32(1).string('states').int32(1).int32(0)
  const answer = await connection.call({ key: 8, version: 2, flexible: false }, body.int64(BigInt(offset)).string(''))
  answer.int32()
  answer.string()
  answer.int32()
  answer.int32()
  return answer.int16()
}

async function committedOffset(connection: Connection): Promise<number> {
  await connection.call({ key: 10, version: 0, flexible: false }, new Writer().string(group))
  const body = new Writer().string(group).int32(1).string('states').int32(1).int32(0)
  const answer = await connection.call({ key: 9, version: 1, flexible: false }, body)
  answer.int32()
  answer.string()
  answer.int32()
  answer.int32()
  return Number(answer.int64())
}

test(
  'compaction: the offsets that groups committed again and again are compacted too, and are there after a restart',
  async () => {
    await connected(broker.port, async (connection) => {
      await until(async () => (await commit(connection, 0)) === 0)
      for (let offset = 1; offset < 200; offset++) expect(await commit(connection, offset)).toBe(0)
      expect(await endOffset(connection, '__consumer_offsets', 0)).toBeGreaterThanOrEqual(200n)
      await until(async () => (await readOn(connection, '__consumer_offsets')).length === 1)
    })
    await broker.kill()
    await broker.start()
    await connected(broker.port, (connection) => until(async () => (await committedOffset(connection)) === 199))
  },
  limitMs,
)
