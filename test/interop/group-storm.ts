/** Consumers that join, leave and die at random: nothing is owned twice, nobody's for long, skipped or left unread. */
import { setTimeout as pause } from 'node:timers/promises'
import { Command } from 'commander'
import { below, chance, type Prng, prng } from '../../src/base/prng.ts'
import { ProduceRequest, ProduceResponse } from '../../src/wire/api/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../src/wire/api/01-fetch.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../src/wire/api/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../src/wire/api/09-offset-fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../src/wire/api/10-find-coordinator.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../src/wire/api/11-join-group.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../src/wire/api/12-heartbeat.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../src/wire/api/13-leave-group.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../src/wire/api/14-sync-group.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../src/wire/api/19-create-topics.ts'
import { buildBatch } from '../../src/wire/batch-builder.ts'
import { batchAt, batchBytes, isRefusal, lastOffset } from '../../src/wire/record-batch.ts'
import { startBroker } from '../support/broker.ts'
import { WireClient } from './wire-client.ts'

const topic = 'storm'
const groupId = 'storm'
const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
const sessionMs = 6000
const rebalanceMs = 4000
const beatMs = 500
/** What a busy machine may add to the time that a partition is nobody's. */
const slackMs = 3000
const memberIdRequired = 79

/** What all members did, and what of it they should not have. */
class Ledger {
  readonly produced: bigint[]
  readonly processed: bigint[]
  readonly violations: string[] = []
  readonly unownedSince: number[]
  longestUnowned = 0
  generations = 0
  reads = 0
  repeats = 0n
  readonly #owners = new Map<string, string>()

  constructor(partitions: number) {
    this.produced = Array.from({ length: partitions }, () => 0n)
    this.processed = Array.from({ length: partitions }, () => 0n)
    this.unownedSince = Array.from({ length: partitions }, () => Date.now())
  }

  gained(partition: number, generation: number, memberId: string): void {
    const key = `${generation}/${partition}`
    const owner = this.#owners.get(key)
    if (owner !== undefined && owner !== memberId) this.violations.push(`partition ${partition} of generation ${generation} has two owners`)
    this.#owners.set(key, memberId)
    this.generations = Math.max(this.generations, generation)
    this.longestUnowned = Math.max(this.longestUnowned, Date.now() - this.unownedSince[partition]!)
    this.unownedSince[partition] = Number.POSITIVE_INFINITY
  }

  lost(partition: number): void {
    this.unownedSince[partition] = Math.min(this.unownedSince[partition]!, Date.now())
  }

  read(partition: number, from: bigint, end: bigint): void {
    const known = this.processed[partition]!
    if (from > known) this.violations.push(`partition ${partition} was read from ${from} on, and only ${known} was processed`)
    if (from < known) this.repeats += known < end ? known - from : end - from
    if (end > known) this.processed[partition] = end
    this.reads++
  }

  get isDrained(): boolean {
    return this.produced.every((end, partition) => this.processed[partition] === end)
  }
}

/** A consumer as simple as one can be. */
class Member {
  state: 'running' | 'leaving' | 'dead' = 'running'
  readonly done: Promise<void>
  readonly #client: WireClient
  readonly #ledger: Ledger
  #memberId = ''
  #owned = new Map<number, bigint>()

  constructor(client: WireClient, ledger: Ledger) {
    this.#client = client
    this.#ledger = ledger
    this.done = this.#run().catch((error: Error) => {
      if (this.state !== 'dead') ledger.violations.push(`a member failed: ${error.message}`)
    })
  }

  die(): void {
    this.state = 'dead'
    this.#release()
    this.#client.close()
  }

  async #run(): Promise<void> {
    while (this.state === 'running') {
      const generation = await this.#join()
      if (generation === undefined) continue
      await this.#consume(generation)
      this.#release()
    }
    if (this.state === 'leaving') {
      await this.#client.ask(LeaveGroupRequest, LeaveGroupResponse, 1, { groupId, memberId: this.#memberId })
      this.#client.close()
    }
  }

  #release(): void {
    for (const partition of this.#owned.keys()) this.#ledger.lost(partition)
    this.#owned.clear()
  }

  /** The generation, when there is an assignment. */
  async #join(): Promise<number | undefined> {
    const protocols = [{ name: 'spread', metadata: Buffer.from('x') }]
    const timeouts = { sessionTimeoutMs: sessionMs, rebalanceTimeoutMs: rebalanceMs }
    const joined = await this.#client.ask(JoinGroupRequest, JoinGroupResponse, 5, {
      groupId,
      memberId: this.#memberId,
      ...timeouts,
      protocolType: 'storm',
      protocols,
    })
    this.#memberId = joined.errorCode === 0 || joined.errorCode === memberIdRequired ? joined.memberId : ''
    if (joined.errorCode !== 0) return undefined
    const { generationId, leader, members } = joined
    const count = this.#ledger.produced.length
    const assignments = members.map(({ memberId }, index) => {
      const part = Array.from({ length: count }, (_, partition) => partition).filter((partition) => partition % members.length === index)
      return { memberId, assignment: Buffer.from(JSON.stringify(part)) }
    })
    const synced = await this.#client.ask(SyncGroupRequest, SyncGroupResponse, 3, {
      groupId,
      memberId: this.#memberId,
      generationId,
      assignments: leader === this.#memberId ? assignments : [],
    })
    if (synced.errorCode !== 0) return undefined
    await this.#own(JSON.parse(synced.assignment.toString()) as number[], generationId)
    return generationId
  }

  async #own(partitions: readonly number[], generation: number): Promise<void> {
    if (this.state === 'dead') return
    for (const partition of partitions) this.#ledger.gained(partition, generation, this.#memberId)
    this.#owned = new Map(partitions.map((partition) => [partition, 0n]))
    const asked = { groupId, topics: [{ name: topic, partitionIndexes: [...partitions] }] }
    const { topics } = await this.#client.ask(OffsetFetchRequest, OffsetFetchResponse, 5, asked)
    for (const { partitionIndex, committedOffset } of topics[0]!.partitions) {
      this.#owned.set(partitionIndex, committedOffset < 0n ? 0n : committedOffset)
    }
  }

  /** Until the group says that it rebalances, or the member is to go. */
  async #consume(generationId: number): Promise<void> {
    const member = { groupId, memberId: this.#memberId, generationId }
    for (let beaten = 0; this.state === 'running'; ) {
      const read = await this.#fetch()
      if (read.length > 0 && !(await this.#commit(generationId, read))) return
      if (Date.now() - beaten < beatMs) continue
      beaten = Date.now()
      const { errorCode } = await this.#client.ask(HeartbeatRequest, HeartbeatResponse, 3, member)
      if (errorCode !== 0) return
    }
  }

  async #fetch(): Promise<{ partition: number; end: bigint }[]> {
    const partitions = [...this.#owned].map(([partition, fetchOffset]) => ({
      partition,
      fetchOffset,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
      logStartOffset: -1n,
      partitionMaxBytes: 1 << 16,
      replicaDirectoryId: zeroId,
      highWatermark: 2n ** 63n - 1n,
    }))
    const wanted = { maxWaitMs: 200, minBytes: 1, maxBytes: 1 << 22, sessionEpoch: -1, topics: [{ topic, topicId: zeroId, partitions }] }
    const { responses } = await this.#client.ask(FetchRequest, FetchResponse, 11, wanted)
    return (responses[0]?.partitions ?? []).flatMap(({ partitionIndex, records }) => {
      const end = endOf(records ?? Buffer.alloc(0))
      return end === undefined ? [] : [{ partition: partitionIndex, end }]
    })
  }

  /** A member that is dead by now has not processed what it read. */
  async #commit(generation: number, read: readonly { partition: number; end: bigint }[]): Promise<boolean> {
    if (this.state === 'dead') return false
    for (const { partition, end } of read) {
      this.#ledger.read(partition, this.#owned.get(partition)!, end)
      this.#owned.set(partition, end)
    }
    const partitions = read.map(({ partition, end }) => ({
      partitionIndex: partition,
      committedOffset: end,
      committedLeaderEpoch: -1,
      committedMetadata: '',
    }))
    const { topics } = await this.#client.ask(OffsetCommitRequest, OffsetCommitResponse, 7, {
      groupId,
      memberId: this.#memberId,
      generationIdOrMemberEpoch: generation,
      topics: [{ name: topic, topicId: zeroId, partitions }],
    })
    return topics[0]!.partitions.every(({ errorCode }) => errorCode === 0)
  }
}

/** Offset behind the last whole batch. */
function endOf(bytes: Buffer): bigint | undefined {
  let end: bigint | undefined
  for (let at = 0; at < bytes.length; ) {
    const header = batchAt(bytes, at)
    if (isRefusal(header)) break
    end = lastOffset(header) + 1n
    at += batchBytes(header)
  }
  return end
}

async function produce(client: WireClient, ledger: Ledger, random: Prng): Promise<void> {
  const chosen = new Set(Array.from({ length: 20 }, () => below(random, ledger.produced.length)))
  const partitionData = [...chosen].map((index) => {
    const count = 1 + below(random, 5)
    const records = Array.from({ length: count }, () => ({ timestamp: BigInt(Date.now()), value: Buffer.alloc(100, 1) }))
    return { index, records: buildBatch(records), count }
  })
  const { responses } = await client.ask(ProduceRequest, ProduceResponse, 8, {
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: topic, topicId: zeroId, partitionData }],
  })
  for (const { index, errorCode } of responses[0]!.partitionResponses) {
    if (errorCode !== 0) throw new Error(`a batch was refused with ${errorCode}`)
    ledger.produced[index]! += BigInt(partitionData.find((each) => each.index === index)!.count)
  }
}

async function storm(port: number, options: { seconds: number; members: number; partitions: number; seed: number }): Promise<boolean> {
  const random = prng(options.seed)
  const ledger = new Ledger(options.partitions)
  const client = await WireClient.open(port)
  const spec = { name: topic, numPartitions: options.partitions, replicationFactor: 1, assignments: [], configs: [] }
  await client.ask(CreateTopicsRequest, CreateTopicsResponse, 5, { topics: [spec], timeoutMs: 30_000 })
  while ((await client.ask(FindCoordinatorRequest, FindCoordinatorResponse, 0, { key: groupId })).errorCode !== 0) await pause(100)
  const members: Member[] = []
  const gone: Promise<void>[] = []
  const counts = { joined: 0, left: 0, died: 0 }
  const end = Date.now() + options.seconds * 1000
  while (Date.now() < end) {
    if (members.length < options.members && (members.length < options.members / 2 || chance(random, 200))) {
      members.push(new Member(await WireClient.open(port), ledger))
      counts.joined++
    }
    if (members.length > 1 && chance(random, 5)) {
      const [member] = members.splice(below(random, members.length), 1)
      if (chance(random, 500)) {
        member!.state = 'leaving'
        counts.left++
      } else {
        member!.die()
        counts.died++
      }
      gone.push(member!.done)
    }
    await produce(client, ledger, random)
    await pause(20)
  }
  for (const limit = Date.now() + 60_000; !ledger.isDrained && Date.now() < limit; ) await pause(100)
  if (!ledger.isDrained) ledger.violations.push('not every record was processed')
  for (const member of members) member.state = 'leaving'
  await Promise.all([...gone, ...members.map(({ done }) => done)])
  client.close()
  const boundMs = sessionMs + rebalanceMs + slackMs
  if (ledger.longestUnowned > boundMs) ledger.violations.push(`a partition was nobody's for ${ledger.longestUnowned} ms`)
  const total = ledger.produced.reduce((sum, each) => sum + each, 0n)
  console.log(
    `group storm: seed ${options.seed}, ${options.seconds} s, ${options.partitions} partitions, at most ${options.members} members`,
  )
  console.log(`  ${counts.joined} joined, ${counts.left} left, ${counts.died} died, ${ledger.generations} generations`)
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
  .parse()
const { seconds, members, partitions, seed } = command.opts<Record<'seconds' | 'members' | 'partitions' | 'seed', string>>()
const broker = await startBroker({ settings: { 'group.initial.rebalance.delay.ms': '1000' } })
try {
  const options = { seconds: Number(seconds), members: Number(members), partitions: Number(partitions), seed: Number(seed) }
  process.exitCode = (await storm(broker.port, options)) ? 0 : 1
} finally {
  await broker.remove()
}
