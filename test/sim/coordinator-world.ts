import { nodeCodecs } from '../../native-free-io/threads/codecs.ts'
import { below, chance, type Prng, prng } from '../../src/base/prng.ts'
import type { NotReady } from '../../src/coordinator/partition.ts'
import { CoordinatorRuntime } from '../../src/coordinator/runtime.ts'
import { type CoordinatorLog, type PartitionId, PartitionNotServed } from '../../src/ports/partitions.ts'
import { batchAt, batchHeader, isBatchError, lastOffset } from '../../src/wire/record-batch.ts'
import { readRecords } from '../../src/wire/records.ts'
import {
  type CounterNotification,
  type CounterRecord,
  type CounterRequest,
  type CounterState,
  counterMachine,
} from '../unit/coordinator/counter-machine.ts'
import { FakeTime, settled } from '../unit/coordinator/fake-time.ts'

export type Runtime = typeof CoordinatorRuntime

const partitionCount = 3
const nodeCount = 2
const names = ['a', 'b', 'c'] as const
const writeTimeoutMs = 300

/** A batch of a node on its way to the log, or a read. */
interface Operation {
  readonly node: number
  readonly run: () => void
  readonly kind: 'append' | 'read'
}

/** News of an election or a resignation that a node has not received yet. */
interface News {
  readonly node: number
  readonly partition: number
  readonly type: 'elect' | 'resign'
  readonly leaderEpoch: number
}

interface Outstanding {
  readonly node: number
  readonly partition: number
  readonly request: CounterRequest
}

/** A record, with the partition of its counter. */
interface Landed {
  readonly partition: number
  readonly record: CounterRecord
}

/** Frequencies of events, permille. */
interface Rates {
  readonly move: number
  readonly crash: number
  /** Requests. With more of them than operations of the log, appends wait. */
  readonly requests: number
  /** Reads overtake appends. */
  readonly late: number
}

class Node {
  readonly time = new FakeTime()
  readonly failures: Error[] = []
  readonly runtime: CoordinatorRuntime<CounterState, CounterRequest, CounterNotification, CounterRecord>
  isUp = true

  constructor(log: CoordinatorLog, Runtime: Runtime) {
    this.runtime = new Runtime({
      machine: counterMachine,
      log,
      codecs: nodeCodecs,
      clock: this.time,
      after: (ms, wake) => this.time.after(ms, wake),
      limits: { batchBytesMax: 400, loadBytesMax: 150, writeTimeoutMs },
      failed: (error) => this.failures.push(error),
    })
  }
}

/**
 * Nodes with coordinators of counters over one log that only accepts batches of the leader of a partition, in its epoch. Leaders change at
 * any time, their news arrive late, repeatedly and in any order, and nodes crash. `run` throws when a response is sent before its record is
 * durable, when a leader forgets what was acknowledged, when a request remains without response after a resignation, and when the state of a
 * coordinator differs from the replay of its log.
 */
export class CoordinatorWorld {
  readonly #random: Prng
  readonly #Runtime: Runtime
  readonly #batches = new Map<PartitionId, Buffer[]>()
  readonly #landed: Landed[] = []
  readonly #leaders = Array.from({ length: partitionCount }, () => ({ node: -1, leaderEpoch: 0, isOpen: false }))
  readonly #nodes: Node[]
  #operations: Operation[] = []
  #news: News[] = []
  readonly #outstanding = new Set<Outstanding>()
  /** By partition and name: position in the log of the last acknowledged change. */
  readonly #acknowledged = new Map<string, number>()
  #changes = 0
  /** Increment of each change. */
  readonly #increments = new Map<number, number>()
  readonly #violations: string[] = []
  readonly #rates: Rates
  readonly figures = {
    adds: 0,
    reads: 0,
    timedOut: 0,
    notCoordinator: 0,
    loading: 0,
    elections: 0,
    crashes: 0,
    rejected: 0,
    fenced: 0,
    quiet: 0,
  }

  constructor(seed: number, Runtime: Runtime = CoordinatorRuntime) {
    this.#random = prng(seed)
    this.#Runtime = Runtime
    const pick = (...from: number[]): number => from[below(this.#random, from.length)]!
    this.#rates = { move: pick(5, 20, 60), crash: pick(0, 3, 20), requests: pick(250, 400, 550), late: pick(0, 500, 950) }
    this.#nodes = Array.from({ length: nodeCount }, (_, node) => this.#start(node))
  }

  async run(steps: number): Promise<this> {
    for (let partition = 0; partition < partitionCount; partition++) this.#move(partition)
    for (let step = 0; step < steps; step++) {
      this.#act()
      await settled()
      this.#check()
      if (chance(this.#random, 10)) await this.#quiet()
    }
    await this.#quiet()
    await this.#end()
    return this
  }

  #start(at: number): Node {
    const node: Node = new Node(
      this.#logOf(at, () => node.isUp),
      this.#Runtime,
    )
    return node
  }

  #act(): void {
    const random = this.#random
    const { move, crash, requests } = this.#rates
    const partition = below(random, partitionCount)
    const leader = this.#leaders[partition]!.node
    const node = chance(random, 850) ? leader : below(random, nodeCount)
    const kind = below(random, 1000)
    if (kind < move) this.#move(partition)
    else if (kind < move + 10) this.#close(partition)
    else if (kind < move + 20) {
      this.#nodes[node]!.runtime.notify({ type: 'removed', name: `0 ${names[0]}` }, chance(random, 500) ? 'loaded' : 'elected')
    } else if (kind < move + 20 + crash) this.#crash(node)
    else if (kind < 120) void this.#nodes[node]!.time.pass(below(random, 1200))
    else if (kind < 120 + requests) this.#request(node, partition)
    else if (kind < 850) this.#perform()
    else this.#deliver()
  }

  /** The lane of the old leader closes first. */
  #move(partition: number): void {
    const leader = this.#leaders[partition]!
    const before = { ...leader }
    leader.node = chance(this.#random, 500) && before.node >= 0 ? before.node : below(this.#random, nodeCount)
    leader.leaderEpoch++
    leader.isOpen = true
    const { leaderEpoch } = leader
    if (before.node >= 0) this.#news.push({ node: before.node, partition, type: 'resign', leaderEpoch })
    this.#news.push({ node: leader.node, partition, type: 'elect', leaderEpoch })
    this.figures.elections++
  }

  /** A move that is cancelled: the leader closes the partition, and opens it again in the same epoch. */
  #close(partition: number): void {
    const leader = this.#leaders[partition]!
    const { node, leaderEpoch } = leader
    if (leader.isOpen) {
      leader.isOpen = false
      // In this order: both are of one epoch.
      this.#nodes[node]!.runtime.resign(partition, leadership(partition, leaderEpoch))
    } else {
      leader.isOpen = true
      this.#nodes[node]!.runtime.elect(partition, leadership(partition, leaderEpoch))
    }
  }

  #deliver(): void {
    if (this.#news.length === 0) return
    const at = below(this.#random, this.#news.length)
    const news = this.#news[at]!
    if (!chance(this.#random, 200)) this.#news.splice(at, 1)
    this.#receive(news)
  }

  #receive({ node, partition, type, leaderEpoch }: News): void {
    const { runtime } = this.#nodes[node]!
    const leader = this.#leaders[partition]!
    // A partition that its leader has closed in this epoch is not elected by late news.
    if (type === 'elect' && leader.leaderEpoch === leaderEpoch && !leader.isOpen) return
    // A resignation in its own epoch says nothing once the epoch has begun again.
    if (type === 'resign' && leader.node === node && leader.leaderEpoch === leaderEpoch) return
    runtime[type](partition, leadership(partition, leaderEpoch))
  }

  /** The appends of one node keep their order. */
  #perform(): void {
    if (this.#operations.length === 0) return
    const reads = this.#operations.filter(({ kind }) => kind === 'read')
    const from = reads.length > 0 && chance(this.#random, this.#rates.late) ? reads : this.#operations
    const { node, kind } = from[below(this.#random, from.length)]!
    const at = this.#operations.findIndex((operation) => operation.node === node && operation.kind === kind)
    const [operation] = this.#operations.splice(at, 1)
    operation!.run()
  }

  /** What the node has sent to the log has arrived or not. It starts again as the leader of the same partitions. */
  #crash(node: number): void {
    for (const operation of this.#operations.filter((each) => each.node === node && each.kind === 'append')) {
      if (!chance(this.#random, 500)) break
      operation.run()
    }
    this.#nodes[node]!.isUp = false
    this.#operations = this.#operations.filter((operation) => operation.node !== node)
    this.#news = this.#news.filter((news) => news.node !== node)
    for (const outstanding of [...this.#outstanding]) if (outstanding.node === node) this.#outstanding.delete(outstanding)
    this.#nodes[node] = this.#start(node)
    for (const [partition, leader] of this.#leaders.entries()) {
      if (leader.node !== node) continue
      leader.isOpen = true
      this.#nodes[node].runtime.elect(partition, leadership(partition, leader.leaderEpoch))
    }
    this.figures.crashes++
  }

  #logOf(node: number, isUp: () => boolean): CoordinatorLog {
    const inOrder = <T>(kind: Operation['kind'], run: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        if (!isUp()) return
        const operation = (): void => {
          try {
            resolve(run())
          } catch (error) {
            reject(error as Error)
          }
        }
        this.#operations.push({ node, kind, run: operation })
      })
    const check = (partitionId: PartitionId, epoch?: number): void => {
      const leader = this.#leaders[partitionId]!
      const isServed = leader.node === node && leader.isOpen
      if (isServed && leader.leaderEpoch === (epoch ?? leader.leaderEpoch)) return
      if (isServed) this.figures.fenced++
      else this.figures.rejected++
      throw new PartitionNotServed(`partition ${partitionId}`)
    }
    return {
      append: ({ partitionId, leaderEpoch }, batches) =>
        inOrder('append', () => {
          check(partitionId, leaderEpoch)
          return batches.map((batch) => this.#land(partitionId, Buffer.from(batch)))
        }),
      read: (partitionId, offset, bytesMax) =>
        inOrder('read', () => {
          check(partitionId)
          return this.#read(partitionId, offset, bytesMax)
        }),
    }
  }

  #land(partition: PartitionId, batch: Buffer): bigint {
    const batches = this.#batches.get(partition) ?? []
    this.#batches.set(partition, batches)
    const last = batches.at(-1)
    const base = last === undefined ? 0n : lastOffset(headerOf(last)) + 1n
    batch.writeBigInt64BE(base, batchHeader.baseOffset)
    batches.push(batch)
    for (const record of recordsIn(batch)) {
      this.#checkSum(partition, record)
      this.#landed.push({ partition, record })
    }
    return base
  }

  /** A change continues from the last record of its counter: its coordinator had replayed it. */
  #checkSum(partition: number, { name, value }: CounterRecord): void {
    if (value === null) return
    const before = this.#landed.findLast((landed) => landed.partition === partition && landed.record.name === name)?.record.value?.sum ?? 0
    const by = this.#increments.get(value.change)!
    if (value.sum !== before + by) this.#violations.push(`${name} is ${value.sum} after ${before} + ${by}`)
  }

  #read(partition: PartitionId, offset: bigint, bytesMax: number): Uint8Array {
    const found: Buffer[] = []
    let bytes = 0
    for (const batch of this.#batches.get(partition) ?? []) {
      if (lastOffset(headerOf(batch)) < offset) continue
      if (found.length > 0 && bytes + batch.length > bytesMax) break
      found.push(batch)
      bytes += batch.length
    }
    return Buffer.concat(found)
  }

  #request(at: number, partition: number): void {
    const random = this.#random
    const node = this.#nodes[at]!
    const name = `${partition} ${names[below(random, names.length)]}`
    const kind = below(random, 10)
    const request: CounterRequest =
      kind < 6
        ? { type: 'add', name, by: 1 + below(random, 5), change: this.#changes++ }
        : kind < 8
          ? { type: 'read', name }
          : kind < 9
            ? { type: 'await', name }
            : { type: 'expire', name, at: node.time.now() + below(random, 1000) }
    if (request.type === 'add') this.#increments.set(request.change, request.by)
    const key = `${partition} ${name}`
    const before = this.#acknowledged.get(key) ?? -1
    const epoch = this.#leaders[partition]!.leaderEpoch
    const outstanding = { node: at, partition, request }
    this.#outstanding.add(outstanding)
    void node.runtime.request(partition, request).then((response) => {
      if (!node.isUp) return
      this.#outstanding.delete(outstanding)
      if (isNotReady(response)) this.#count(response)
      else if (request.type === 'add') this.#added(request, key)
      else if (request.type === 'read') {
        const leader = this.#leaders[partition]!
        // A node that is no longer the leader may respond with what it had.
        if (leader.node === at && leader.leaderEpoch === epoch && leader.isOpen) this.#seen(request.name, response, before)
      }
    })
  }

  #count({ error }: NotReady): void {
    if (error.name === 'COORDINATOR_NOT_AVAILABLE') this.figures.timedOut++
    else if (error.name === 'NOT_COORDINATOR') this.figures.notCoordinator++
    else this.figures.loading++
  }

  #added({ name, change }: Extract<CounterRequest, { type: 'add' }>, key: string): void {
    const position = this.#landed.findIndex(({ record }) => record.value?.change === change)
    if (position < 0) this.#violations.push(`change ${change} of ${name} is acknowledged, and not durable`)
    this.#acknowledged.set(key, Math.max(position, this.#acknowledged.get(key) ?? -1))
    this.figures.adds++
  }

  /** A value is durable, and not older than the last change that was acknowledged before the request. */
  #seen(name: string, response: unknown, before: number): void {
    const value = response as CounterRecord['value']
    const position = this.#landed.findLastIndex(({ record }) => record.name === name && record.value?.change === value?.change)
    if (value !== null && position < 0) this.#violations.push(`change ${value.change} of ${name} was read, and is not durable`)
    if (position < before) this.#violations.push(`${name} was read as of ${position}, after the change at ${before} was acknowledged`)
    this.figures.reads++
  }

  #check(): void {
    if (this.#violations.length > 0) throw new Error(this.#violations[0])
    for (const { failures } of this.#nodes) if (failures.length > 0) throw failures[0]!
    for (const { node, partition, request } of this.#outstanding) {
      if (!this.#nodes[node]!.runtime.isElected(partition)) throw new Error(`${request.type} has no response after the resignation`)
      const waits = request.type === 'await' || this.#operations.some((operation) => operation.node === node)
      if (!waits) throw new Error(`${request.type} has no response, and the node waits for nothing`)
    }
  }

  /** Everything arrives: the state of each leader is the replay of its log, and only waiting requests remain. */
  async #quiet(): Promise<void> {
    for (const [partition, leader] of this.#leaders.entries()) if (!leader.isOpen) this.#close(partition)
    for (const news of this.#news.splice(0)) this.#receive(news)
    this.#checkElections()
    for (const { runtime } of this.#nodes) void runtime.loadAll()
    do {
      for (const operation of this.#operations.splice(0)) operation.run()
      await settled()
    } while (this.#operations.length > 0)
    this.#check()
    for (const { type } of Array.from(this.#outstanding, ({ request }) => request)) {
      if (type !== 'await') throw new Error(`${type} has no response when everything has arrived`)
    }
    for (const [at, { runtime }] of this.#nodes.entries()) {
      const expected = new Map<string, unknown>()
      for (const [partition, leader] of this.#leaders.entries()) {
        if (leader.node === at) for (const [name, value] of this.#replayed(partition)) expected.set(name, value)
      }
      const found = new Map(runtime.states.flatMap(({ counters }) => [...counters]))
      if (shown(found) !== shown(expected)) throw new Error(`node ${at} has ${shown(found)}, and its log has ${shown(expected)}`)
    }
    this.figures.quiet++
  }

  #checkElections(): void {
    for (const [partition, leader] of this.#leaders.entries()) {
      for (const [at, { runtime }] of this.#nodes.entries()) {
        if (runtime.isElected(partition) !== (leader.node === at)) throw new Error(`node ${at} does not follow the leader of ${partition}`)
      }
    }
  }

  /** Without partitions a node has no state, no request and no timer. */
  async #end(): Promise<void> {
    for (const [partition, { node }] of this.#leaders.entries()) for (let i = 0; i < 5; i++) this.#request(node, partition)
    await settled()
    for (const [partition, { leaderEpoch }] of this.#leaders.entries()) {
      for (const { runtime } of this.#nodes) runtime.resign(partition, leadership(partition, leaderEpoch + 1))
    }
    await settled()
    this.#check()
    for (const { runtime, time } of this.#nodes) {
      if (runtime.states.length > 0) throw new Error('a state is left after the resignation')
      if (time.pending > 0) throw new Error(`${time.pending} timers are left after the resignation`)
    }
  }

  #replayed(partition: PartitionId): Map<string, unknown> {
    const state = counterMachine.create()
    for (const batch of this.#batches.get(partition) ?? []) for (const record of recordsIn(batch)) counterMachine.replay(state, record)
    return state.counters
  }
}

/** By its shape: a planted bug has a class of its own. */
const isNotReady = (response: unknown): response is NotReady => typeof response === 'object' && response !== null && 'error' in response

const leadership = (partition: number, leaderEpoch: number) => ({ partitionId: partition, leaderEpoch })

const shown = (counters: ReadonlyMap<string, unknown>): string => JSON.stringify([...counters].sort(([a], [b]) => (a < b ? -1 : 1)))

function headerOf(batch: Buffer) {
  const header = batchAt(batch, 0)
  if (isBatchError(header)) throw new Error(header.because)
  return header
}

const recordsIn = (batch: Buffer): CounterRecord[] =>
  readRecords(batch, 0, headerOf(batch), nodeCodecs, 1 << 20).map(({ key, value }) => counterMachine.decode(key!, value)!)
