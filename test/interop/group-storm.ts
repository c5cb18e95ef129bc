/** Consumers that join, leave and die at random: no partition is owned twice, without owner for long, skipped or left unread. */
import { setTimeout as pause } from 'node:timers/promises'
import { Command, Option } from 'commander'
import { below, chance, type Prng, prng } from '../../src/base/prng.ts'
import { ProduceRequest, ProduceResponse } from '../../src/wire/api/00-produce.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../src/wire/api/10-find-coordinator.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../src/wire/api/19-create-topics.ts'
import { buildBatch } from '../../src/wire/batch-builder.ts'
import { startBroker } from '../support/broker.ts'
import { WireClient } from '../support/wire-client.ts'
import { ClassicStormMember } from './storm-classic.ts'
import { ConsumerStormMember } from './storm-consumer.ts'
import { groupId, Ledger, rebalanceMs, sessionMs, topic, zeroId } from './storm-ledger.ts'
import type { StormMember } from './storm-member.ts'

/** What a busy machine may add to the time that a partition has no owner. */
const slackMs = 3000

async function produce(client: WireClient, ledger: Ledger, random: Prng): Promise<void> {
  const chosen = new Set(Array.from({ length: 20 }, () => below(random, ledger.produced.length)))
  const partitionData = [...chosen].map((index) => {
    const count = 1 + below(random, 5)
    const records = Array.from({ length: count }, () => ({ timestamp: BigInt(Date.now()), value: Buffer.alloc(100, 1) }))
    return { index, records: buildBatch(records), count }
  })
  const { responses } = await client.call(ProduceRequest, ProduceResponse, 8, {
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: topic, topicId: zeroId, partitionData }],
  })
  for (const { index, errorCode } of responses[0]!.partitionResponses) {
    if (errorCode !== 0) throw new Error(`a batch was rejected with ${errorCode}`)
    ledger.produced[index]! += BigInt(partitionData.find((each) => each.index === index)!.count)
  }
}

interface Options {
  readonly seconds: number
  readonly members: number
  readonly partitions: number
  readonly seed: number
  readonly protocol: string
}

async function storm(port: number, options: Options): Promise<boolean> {
  const random = prng(options.seed)
  const ledger = new Ledger(options.partitions)
  const client = await WireClient.open(port)
  const spec = { name: topic, numPartitions: options.partitions, replicationFactor: 1, assignments: [], configs: [] }
  await client.call(CreateTopicsRequest, CreateTopicsResponse, 5, { topics: [spec], timeoutMs: 30_000 })
  while ((await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 0, { key: groupId })).errorCode !== 0) await pause(100)
  const members: { readonly member: StormMember; readonly done: Promise<void> }[] = []
  const gone: Promise<void>[] = []
  const counts = { joined: 0, left: 0, died: 0 }
  const end = Date.now() + options.seconds * 1000
  while (Date.now() < end) {
    if (members.length < options.members && (members.length < options.members / 2 || chance(random, 200))) {
      const connection = await WireClient.open(port)
      const isConsumer = options.protocol === 'consumer'
      const member = isConsumer ? new ConsumerStormMember(connection, ledger, counts.joined) : new ClassicStormMember(connection, ledger)
      members.push({ member, done: member.live() })
      counts.joined++
    }
    if (members.length > 1 && chance(random, 5)) {
      const { member, done } = members.splice(below(random, members.length), 1)[0]!
      if (chance(random, 500)) {
        member.state = 'leaving'
        counts.left++
      } else {
        member.die()
        counts.died++
      }
      gone.push(done)
    }
    await produce(client, ledger, random)
    await pause(20)
  }
  for (const limit = Date.now() + 60_000; !ledger.isDrained && Date.now() < limit; ) await pause(100)
  if (!ledger.isDrained) ledger.violations.push('not every record was processed')
  for (const { member } of members) member.state = 'leaving'
  await Promise.all([...gone, ...members.map(({ done }) => done)])
  client.close()
  const boundMs = sessionMs + rebalanceMs + slackMs
  if (ledger.longestUnowned > boundMs) ledger.violations.push(`a partition had no owner for ${ledger.longestUnowned} ms`)
  const total = ledger.produced.reduce((sum, each) => sum + each, 0n)
  console.log(
    `group storm, ${options.protocol} protocol: seed ${options.seed}, ${options.seconds} s, ${options.partitions} partitions, at most ${options.members} members`,
  )
  console.log(`  ${counts.joined} joined, ${counts.left} left, ${counts.died} died, ${ledger.generations} generations or epochs`)
  console.log(`  ${total} records, each processed at least once, ${ledger.repeats} of them again, in ${ledger.reads} reads`)
  console.log(`  longest time without an owner: ${ledger.longestUnowned} ms of ${boundMs} ms`)
  for (const violation of ledger.violations.slice(0, 20)) console.log(`  VIOLATION: ${violation}`)
  console.log(`group storm: ${ledger.violations.length} violations`)
  return ledger.violations.length === 0
}

const command = new Command('group-storm')
  .option('--seconds <count>', 'how long members come and go', '300')
  .option('--members <count>', 'at the same time', '50')
  .option('--partitions <count>', 'of the topic', '100')
  .option('--seed <number>', 'of what happens', '1')
  .addOption(new Option('--protocol <name>', 'that the group speaks').choices(['classic', 'consumer']).default('classic'))
  .parse()
const { seconds, members, partitions, seed, protocol } =
  command.opts<Record<'seconds' | 'members' | 'partitions' | 'seed' | 'protocol', string>>()
const settings = {
  'group.initial.rebalance.delay.ms': '1000',
  'group.consumer.min.session.timeout.ms': String(sessionMs),
  'group.consumer.session.timeout.ms': String(sessionMs),
}
const broker = await startBroker({ settings })
try {
  const options = { seconds: Number(seconds), members: Number(members), partitions: Number(partitions), seed: Number(seed), protocol }
  process.exitCode = (await storm(broker.port, options)) ? 0 : 1
} finally {
  await broker.remove()
}
