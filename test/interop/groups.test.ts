import { type Consumer, Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../support/broker.ts'
import { run } from './client.ts'
import { kafkajs, kafkajsWriter } from './kafkajs-client.ts'
import { kcatMissing } from './kcat-client.ts'

const limitMs = 120_000
const partitions = 3
const missingKcat = kcatMissing()
if (missingKcat) console.warn(`skipped: groups of kcat, ${missingKcat}`)

let broker: Broker

beforeAll(async () => {
  broker = await startBroker({ settings: { 'num.partitions': String(partitions), 'group.initial.rebalance.delay.ms': '0' } })
}, limitMs)

afterAll(() => broker?.remove())

async function write(topic: string, values: readonly string[]): Promise<void> {
  await kafkajsWriter(false).write(
    broker.address,
    topic,
    'none',
    values.map((value) => ({ key: null, value: Buffer.from(value), headers: [] })),
  )
}

/** A member of a group, what it has read, and which partitions of the topic it has. */
class Member {
  readonly values: string[] = []
  owned: readonly number[] = []
  readonly #consumer: Consumer
  #wake: () => void = () => {}

  constructor(groupId: string) {
    const client = new Kafka({
      clientId: 'member',
      brokers: [broker.address],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 100, retries: 20 },
    })
    this.#consumer = client.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 200, rebalanceTimeout: 10_000 })
  }

  async start(topic: string): Promise<this> {
    this.#consumer.on('consumer.group_join', ({ payload }) => {
      this.owned = payload.memberAssignment[topic] ?? []
      this.#wake()
    })
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topic, fromBeginning: true })
    await this.#consumer.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ message }) => {
        this.values.push(message.value!.toString())
        this.#wake()
      },
    })
    return this
  }

  /** Resolves when the condition holds, looked at whenever something has happened. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return
        this.#wake = () => {}
        resolve()
      }
      this.#wake = look
      look()
    })
  }

  stop(): Promise<void> {
    return this.#consumer.disconnect()
  }
}

async function committed(groupId: string, topic: string): Promise<number> {
  const admin = kafkajs(broker.address).admin()
  await admin.connect()
  try {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
    return found!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
  } finally {
    await admin.disconnect()
  }
}

const numbered = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i))

test(
  'groups: members of a kafkajs group share the partitions, and take over those of one that leaves',
  async () => {
    await write('shared', numbered(0, 30))
    const first = await new Member('sharing').start('shared')
    await first.until(() => first.owned.length === partitions && first.values.length === 30)
    const second = await new Member('sharing').start('shared')
    await second.until(() => second.owned.length > 0)
    await first.until(() => first.owned.length + second.owned.length === partitions)
    expect([...first.owned, ...second.owned].sort()).toEqual([0, 1, 2])
    await first.stop()
    await second.until(() => second.owned.length === partitions)
    await write('shared', numbered(30, 40))
    await second.until(() => second.values.length >= 10)
    expect(second.values.filter((value) => Number(value) >= 30)).toHaveLength(10)
    await second.stop()
  },
  limitMs,
)

test(
  'groups: offsets that were committed are there after the broker was killed, and the group reads on from them',
  async () => {
    await write('kept', numbered(0, 50))
    const before = await new Member('survivor').start('kept')
    await before.until(() => before.values.length === 50)
    await before.stop()
    expect(await committed('survivor', 'kept')).toBe(50)
    await broker.kill()
    await broker.start()
    expect(await committed('survivor', 'kept')).toBe(50)
    await write('kept', numbered(50, 60))
    const after = await new Member('survivor').start('kept')
    await after.until(() => after.values.length >= 10)
    expect(after.values.map(Number).sort((a, b) => a - b)).toEqual(numbered(50, 60).map(Number))
    await after.stop()
  },
  limitMs,
)

test(
  'groups: a member continues after a crash of the broker, without reading committed records again',
  async () => {
    await write('ongoing', numbered(0, 20))
    const member = await new Member('ongoing').start('ongoing')
    await member.until(() => member.values.length === 20)
    while ((await committed('ongoing', 'ongoing')) < 20);
    await broker.kill()
    await broker.start()
    await write('ongoing', numbered(20, 40))
    await member.until(() => member.values.length >= 40)
    expect(member.values.map(Number).sort((a, b) => a - b)).toEqual(numbered(0, 40).map(Number))
    await member.stop()
  },
  limitMs,
)

describe.runIf(missingKcat === null)('groups: kcat', () => {
  test(
    'reads in a group from where the group stopped',
    async () => {
      const lines = numbered(0, 1000)
      await run('kcat', ['-b', broker.address, '-P', '-t', 'grouped', '-X', 'acks=all'], `${lines.join('\n')}\n`)
      const read = async (count: number): Promise<string[]> => {
        const args = ['-b', broker.address, '-G', 'kcat', '-X', 'auto.offset.reset=earliest', '-c', String(count), '-q', 'grouped']
        return (await run('kcat', args)).toString().trimEnd().split('\n')
      }
      expect((await read(1000)).sort()).toEqual([...lines].sort())
      await run('kcat', ['-b', broker.address, '-P', '-t', 'grouped', '-X', 'acks=all'], 'more\n')
      expect(await read(1)).toEqual(['more'])
    },
    limitMs,
  )
})
