import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ListGroupsRequest, ListGroupsResponse } from '../../src/wire/api/16-list-groups.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { javaArguments, kafkaMissing } from '../support/kafka.ts'
import { long } from '../support/long.ts'
import { WireClient } from '../support/wire-client.ts'
import { javaTool } from './java-client.ts'

const limitMs = 240_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: consumer groups of Kafka's Java clients, ${missing}`)

const records = 2000

/** A consumer of Kafka's own that says what happens to it, line by line. */
class Verifiable {
  readonly #child: ChildProcess
  readonly owned = new Set<number>()
  readonly read = new Map<number, number>()
  /** Records that came although an earlier one was missing. */
  gaps = 0
  #wake: () => void = () => {}

  constructor(address: string, groupId: string, protocol: 'CLASSIC' | 'CONSUMER', ...options: string[]) {
    const main = javaArguments('org.apache.kafka.tools.VerifiableConsumer', '-Xmx128m')
    const args = ['--bootstrap-server', address, '--topic', 'verified', '--group-id', groupId, '--group-protocol', protocol, ...options]
    this.#child = spawn('java', [...main, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      // A JVM that is short of something may say so on the same stream.
      if (!line.startsWith('{')) return
      this.#hear(JSON.parse(line) as Event)
      this.#wake()
    })
  }

  /** Resolves when the condition holds, which is checked at each event of the client. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        if (holds()) resolve()
      }
      this.#wake()
    })
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
  }

  #hear(event: Event): void {
    if (event.name === 'partitions_assigned') for (const { partition } of event.partitions) this.owned.add(partition)
    if (event.name === 'partitions_revoked') for (const { partition } of event.partitions) this.owned.delete(partition)
    if (event.name !== 'records_consumed') return
    for (const { partition, minOffset, maxOffset } of event.partitions) {
      if (this.read.has(partition) && minOffset > this.read.get(partition)!) this.gaps++
      this.read.set(partition, maxOffset + 1)
    }
  }
}

interface Event {
  readonly name: string
  readonly partitions: readonly { readonly partition: number; readonly minOffset: number; readonly maxOffset: number }[]
}

describe.runIf(missing === null)('Java clients: consumer groups', () => {
  let broker: Broker
  const running: Verifiable[] = []
  const start = (...args: [groupId: string, protocol: 'CLASSIC' | 'CONSUMER', ...options: string[]]): Verifiable => {
    const consumer = new Verifiable(broker.address, ...args)
    running.push(consumer)
    return consumer
  }
  const tool = async (name: string, ...args: string[]): Promise<string> =>
    (await javaTool(name, ['--bootstrap-server', broker.address, ...args])).toString()
  const groups = (...args: string[]): Promise<string> => tool('consumer.group.ConsumerGroupCommand', ...args)

  beforeAll(async () => {
    const settings = {
      'num.partitions': '4',
      'group.initial.rebalance.delay.ms': '0',
      'group.consumer.min.heartbeat.interval.ms': '200',
      'group.consumer.heartbeat.interval.ms': '200',
      'group.consumer.assignment.interval.ms': '0',
    }
    broker = await startBroker({ settings })
    await tool('VerifiableProducer', '--topic', 'verified', '--max-messages', String(records), '--throughput', '-1', '--acks', '-1')
  }, limitMs)

  afterAll(async () => {
    await Promise.all(running.map((consumer) => consumer.stop()))
    await broker?.remove()
  })

  test(
    'VerifiableConsumer reads all in a consumer group with the assignor that it names, and tools describe, move and delete the group',
    long(limitMs),
    async () => {
      const options = ['--group-remote-assignor', 'range', '--max-messages', String(records)]
      const consumer = start('verifying', 'CONSUMER', ...options)
      await consumer.until(() => [...consumer.read.values()].reduce((sum, end) => sum + end, 0) === records)
      expect(consumer.gaps).toBe(0)
      await consumer.stop()
      expect(await groups('--list', '--type', 'consumer')).toMatch(/^verifying/m)
      const described = await groups('--describe', '--group', 'verifying')
      const ends = [...described.matchAll(/^verifying +verified +\d +(\d+) +(\d+) +0 /gm)]
      expect(ends.reduce((sum, [, at]) => sum + Number(at), 0)).toBe(records)
      const moved = await groups('--group', 'verifying', '--reset-offsets', '--to-earliest', '--topic', 'verified', '--execute')
      expect([...moved.matchAll(/^verifying +verified +\d +0$/gm)]).toHaveLength(4)
      expect(await groups('--group', 'verifying', '--delete')).toMatch(/successful/)
    },
  )

  test(
    'a group of classic consumers goes over to the new protocol one by one, and back, and its partitions are shared each time',
    long(limitMs),
    async () => {
      const members = [start('rolling', 'CLASSIC'), start('rolling', 'CLASSIC')]
      const spread = (): boolean => {
        const owned = members.flatMap((member) => [...member.owned]).sort()
        return owned.join() === '0,1,2,3' && members.every((member) => member.owned.size === 2)
      }
      const isSpread = (): Promise<unknown> => Promise.race(members.map((member) => member.until(spread)))
      await isSpread()
      for (const protocol of ['CONSUMER', 'CLASSIC'] as const) {
        for (const index of [0, 1]) {
          await members[index]!.stop()
          members[index] = start('rolling', protocol)
          await isSpread()
        }
        const client = await WireClient.open(broker.port)
        const { groups: listed } = await client.call(ListGroupsRequest, ListGroupsResponse, 5, { typesFilter: [protocol] })
        client.close()
        expect(listed.map(({ groupId }) => groupId)).toContain('rolling')
      }
      const described = await groups('--describe', '--group', 'rolling', '--members', '--verbose')
      expect([...described.matchAll(/^rolling /gm)]).toHaveLength(2)
      expect(await groups('--describe', '--group', 'rolling', '--state')).toMatch(/Stable +.*2/)
    },
  )

  test('a subscription by expression is resolved by the coordinator', long(limitMs), async () => {
    const reading = ['--include', 'verif.*', '--from-beginning', '--max-messages', '100', '--timeout-ms', '30000', '--group', 'expressed']
    const read = await tool('consumer.ConsoleConsumer', ...reading, '--command-property', 'group.protocol=consumer')
    expect(read.split('\n').filter((line) => line !== '')).toHaveLength(100)
  })
})
