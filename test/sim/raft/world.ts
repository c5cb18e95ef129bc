import { below, chance, type Prng, prng } from '../../../src/base/prng.ts'
import { defaultSettings, type RaftSettings } from '../../../src/raft/limits.ts'
import { raftMachine } from '../../../src/raft/machine.ts'
import type { Batch, PlainResponse, RaftRequest, RaftResponse, Voter } from '../../../src/raft/messages.ts'
import { createRaft, votersOf } from '../../../src/raft/state.ts'
import { isVoterKey } from '../../../src/raft/voters.ts'
import { SimDisk } from './disk.ts'
import { type Due, EventQueue } from './event-queue.ts'
import { Ledger } from './ledger.ts'
import { type Environment, type Machines, SimNode } from './node.ts'
import type { StoredSnapshot } from './sim-log.ts'
import { mixed, violation } from './violation.ts'
import { type Weather, weatherOf } from './weather.ts'

type Kind = 'timer' | 'request' | 'reply' | 'disk' | 'propose' | 'weather' | 'restart' | 'heal'

interface Entry extends Due {
  readonly kind: Kind
  readonly node: number
  /** Life of the process that it is for; -1 for any. */
  readonly life: number
  readonly from: number
  readonly fromLife: number
  readonly correlation: number
  /** Id under which the receiver of a request is addressed. */
  readonly address: number
  readonly message: RaftRequest | RaftResponse | undefined
  readonly snapshot: StoredSnapshot | undefined
}

const kinds: readonly Kind[] = ['timer', 'request', 'reply', 'disk', 'propose', 'weather', 'restart', 'heal']
const numberOf = Object.fromEntries(kinds.map((kind, i) => [kind, i])) as Readonly<Record<Kind, number>>
const any = -1
const none = -1
/** A controller has a bounded number of open commands. */
const proposalsMax = 20
/** Tokens of requests that no node awaits. */
const external = -1

/** Ten election timeouts of up to twice the setting, after the time in which a leader without majority resigns, for a slow clock. */
const healingMs = 25_000

export interface WorldOptions {
  readonly machines?: Machines
  readonly weather?: Partial<Weather>
  /** The shell takes snapshots of its whole log, committed or not. */
  readonly isCheckpointAtEnd?: boolean
  /** A lost disk keeps its directory id, and may be one of a majority: no machine is safe then, but nodes stop. */
  readonly isAmnesic?: boolean
}

/**
 * Replicas of one log, with their disks, the network between them, and clients. Every event is followed by the invariants. After the faults a
 * leader must be found, and all nodes must have what is proposed then.
 */
export class RaftWorld implements Environment {
  readonly seed: number
  readonly random: Prng
  readonly machines: Machines
  readonly ledger = new Ledger()
  readonly weather: Weather
  readonly settings: RaftSettings
  readonly firstVoters: readonly Voter[]
  readonly isStatic: boolean
  readonly isCheckpointAtEnd: boolean
  readonly bootstrapServers: number
  readonly nodes: SimNode[] = []
  now = 0
  /** Events so far. */
  count = 0
  /** Hash of all events: equal worlds have equal ones. */
  hash = 0
  readonly figures = { crashes: 0, diskLosses: 0, cuts: 0, voterChanges: 0, snapshots: 0, drops: 0, stops: 0 }
  readonly #queue = new EventQueue<Entry>()
  readonly #cuts: Uint8Array
  /** By directory, lost ones too. */
  readonly #disks = new Map<string, SimDisk>()
  isHealed = false
  #token = 0
  #directories = 0

  constructor(seed: number, { machines = { createRaft, raftMachine }, weather = {}, ...options }: WorldOptions = {}) {
    this.seed = seed
    this.random = prng(Math.imul(seed + 1, 0x9e3779b1))
    this.machines = machines
    this.weather = { ...weatherOf(this.random), ...weather }
    const { voters, spares, isStatic } = this.weather
    this.isStatic = isStatic
    this.isCheckpointAtEnd = options.isCheckpointAtEnd ?? false
    this.ledger.isAmnesic = options.isAmnesic ?? false
    this.settings = settingsOf(this.weather)
    this.bootstrapServers = voters + spares
    this.#cuts = new Uint8Array((voters + spares) ** 2)
    for (let id = 0; id < voters + spares; id++) this.nodes.push(new SimNode(this, id, this.#newDisk(id < voters)))
    this.firstVoters = this.nodes.slice(0, voters).map(({ id, disk }) => ({
      id,
      directory: isStatic ? '' : disk.directory,
      endpoints: [{ listener: 'CONTROLLER', host: `node-${id}`, port: 9000 }],
      kraftVersions: [0, 1] as const,
    }))
    for (const node of this.nodes) node.majorityHas = (leader, batch) => this.#majorityHas(leader, batch)
  }

  /** Runs a number of events, then heals and waits for a quiet end. */
  run(events: number): this {
    for (const node of this.nodes) node.start()
    this.#schedule(this.weather.proposeEveryMs, 'propose', any)
    this.#schedule(this.weather.actEveryMs, 'weather', any)
    try {
      while (this.count < events) this.#next()
    } catch (error) {
      if (!this.ledger.isAmnesic || !`${error}`.includes('committed records are never truncated')) throw error
      this.figures.stops++
      return this
    }
    if (!this.ledger.isAmnesic) this.#heal()
    return this
  }

  #newDisk(isFirst: boolean): SimDisk {
    const disk = new SimDisk(`d${this.#directories++}`, isFirst, this.ledger)
    this.#disks.set(disk.directory, disk)
    return disk
  }

  #next(): void {
    const entry = this.#queue.pop()
    if (entry === undefined) violation('liveness: no event is due')
    this.now = entry.at
    this.count++
    const node = entry.node >= 0 ? this.nodes[entry.node]! : undefined
    this.#handle(entry, node)
    this.hash = mixed(mixed(this.hash, entry.at), numberOf[entry.kind])
    if (node?.isUp) this.hash = mixed(mixed(mixed(this.hash, node.state.epoch), node.state.log.end), node.state.highWatermark)
  }

  #handle(entry: Entry, node: SimNode | undefined): void {
    if (node === undefined) {
      if (entry.kind === 'propose') this.#propose()
      else if (!this.isHealed) this.#act()
      return
    }
    if (entry.kind === 'restart') {
      if (!node.isUp) node.start()
      return
    }
    if (entry.life !== any && entry.life !== node.life) return
    if (node.isUp && node.pausedUntil > this.now) {
      this.#queue.push({ ...entry, at: node.pausedUntil })
      return
    }
    if (entry.kind === 'timer') this.#wake(node, entry.at)
    else if (entry.kind === 'disk') node.written()
    else if (entry.kind === 'request') this.#request(node, entry)
    else if (entry.kind === 'reply') this.#reply(node, entry)
  }

  #wake(node: SimNode, at: number): void {
    // A timer that was moved forward leaves its former entry in the queue.
    if (at < node.timerAt) return
    node.timerAt = Number.POSITIVE_INFINITY
    if (node.localTime >= node.wakeAt) node.step({ type: 'tick', now: node.localTime })
    if (node.timerAt === Number.POSITIVE_INFINITY && node.wakeAt < Number.POSITIVE_INFINITY) this.startTimer(node, this.now + 1)
  }

  #request(node: SimNode, { from, fromLife, correlation, address, message }: Entry): void {
    const request = message as RaftRequest
    if (!node.isUp) {
      if (from >= 0) this.#schedule(1 + below(this.random, 4), 'reply', from, { life: fromLife, from: address, correlation })
      return
    }
    const token = ++this.#token
    if (from >= 0) node.requesters.set(token, { node: from, life: fromLife, correlation, address })
    node.step({ type: 'rpc', token, request })
  }

  #reply(node: SimNode, { from, correlation, message, snapshot }: Entry): void {
    const response = message as RaftResponse | undefined
    if (response?.type === 'fetchSnapshot' && response.error === 'NONE') node.fetchedPiece(from, correlation, response, snapshot!)
    else node.step({ type: 'reply', to: from, correlation, response })
  }

  #schedule(ms: number, kind: Kind, node: number, parts: Partial<Entry> = {}): void {
    const { life = any, from = external, fromLife = any, correlation = 0, address = 0, message, snapshot } = parts
    this.#queue.push({ at: this.now + ms, seq: 0, kind, node, life, from, fromLife, correlation, address, message, snapshot })
  }

  startTimer(node: SimNode, at: number): void {
    node.timerAt = at
    this.#schedule(at - this.now, 'timer', node.id, { life: node.life })
  }

  startDisk(node: SimNode): void {
    const { random, weather } = this
    const ms = below(random, this.isHealed ? Math.min(weather.diskMax, 20) + 1 : weather.diskMax + 1)
    this.#schedule(ms, 'disk', node.id, { life: node.life })
  }

  /** A bootstrap server is a node by another name. */
  send(node: SimNode, to: number, correlation: number, request: RaftRequest): void {
    const target = to >= 0 ? to : -to - 2
    this.#transmit(node.id, target, 'request', { from: node.id, fromLife: node.life, correlation, address: to, message: request })
  }

  answer(node: SimNode, token: number, response: RaftResponse, snapshot: StoredSnapshot | undefined): void {
    const requester = node.requesters.get(token)
    if (requester === undefined) {
      if (isChange(response) && response.error === 'NONE') this.figures.voterChanges++
      return
    }
    node.requesters.delete(token)
    const { life, address, correlation } = requester
    this.#transmit(node.id, requester.node, 'reply', { life, from: address, correlation, message: response, snapshot })
  }

  #transmit(from: number, to: number, kind: 'request' | 'reply', parts: Partial<Entry>): void {
    const { random, weather } = this
    if (this.isHealed) {
      this.#schedule(1 + below(random, Math.min(weather.delayMax, 20)), kind, to, parts)
      return
    }
    if (this.#cuts[from * this.nodes.length + to] === 1 || (weather.lose > 0 && chance(random, weather.lose))) return
    this.#schedule(1 + below(random, weather.delayMax), kind, to, parts)
    if (weather.repeat > 0 && chance(random, weather.repeat)) this.#schedule(1 + below(random, 4 * weather.delayMax), kind, to, parts)
  }

  #propose(): void {
    const { random, weather } = this
    const everyMs = this.isHealed ? 200 : weather.proposeEveryMs
    this.#schedule(1 + below(random, 2 * everyMs), 'propose', any)
    const leaders = this.nodes.filter((node) => node.isUp && node.leadingEpoch >= 0 && node.pausedUntil <= this.now)
    if (leaders.length === 0) return
    const leader = leaders[below(random, leaders.length)]!
    if (leader.proposals.length >= proposalsMax) return
    const sizes = Array.from({ length: 1 + below(random, 2) }, () => 1 + below(random, 3))
    leader.propose(++this.#token, sizes)
  }

  /** Invariant 3: the disks of a majority of the voters in force have the record. */
  #majorityHas(leader: SimNode, batch: Batch): boolean {
    const voters = votersOf(leader.state)
    const having = voters.filter(({ id, directory }) => {
      const disk = directory === '' ? this.nodes[id]!.disk : this.#disks.get(directory)!
      return disk.log.has(batch)
    })
    return having.length * 2 > voters.length
  }

  #act(): void {
    const { random, weather } = this
    this.#schedule(1 + below(random, 2 * weather.actEveryMs), 'weather', any)
    const node = this.nodes[below(random, this.nodes.length)]!
    if (chance(random, weather.crash)) this.#crash(node)
    if (chance(random, weather.pause)) this.#pause(node)
    if (chance(random, weather.cut)) this.#cut()
    if (chance(random, weather.isolate)) this.#isolate(node)
    if (chance(random, 300)) this.#cuts.fill(0)
    if (chance(random, weather.loseDisk)) this.#loseDisk(node)
    if (chance(random, weather.changeVoters)) this.#changeVoters()
    if (chance(random, weather.resign) && node.isUp) node.step({ type: 'resign' })
    for (const each of this.nodes) if (each.isUp && chance(random, weather.checkpoint)) each.checkpoint()
  }

  #crash(node: SimNode): void {
    if (!node.isUp) return
    this.figures.crashes++
    node.crash()
    const { random } = this
    const downMs = chance(random, 300) ? 30 : chance(random, 200) ? 20_000 : 2000
    this.#schedule(1 + below(random, downMs), 'restart', node.id)
  }

  #pause(node: SimNode): void {
    if (node.isUp) node.pausedUntil = this.now + 1 + below(this.random, 6000)
  }

  /** One direction of one link. */
  #cut(): void {
    this.figures.cuts++
    this.#cuts[below(this.random, this.#cuts.length)] = 1
  }

  #isolate(node: SimNode): void {
    this.figures.cuts++
    for (let i = 0; i < this.nodes.length; i++) {
      this.#cuts[node.id * this.nodes.length + i] = 1
      this.#cuts[i * this.nodes.length + node.id] = 1
    }
  }

  /** All nodes but one, which is cut off, lose what they have, and not their directory ids. */
  #forget(remembering: SimNode): void {
    this.#isolate(remembering)
    for (const node of this.nodes) {
      if (node === remembering) continue
      if (node.isUp) node.crash()
      node.disk = new SimDisk(node.disk.directory, true, this.ledger)
      this.#schedule(1 + below(this.random, 200), 'restart', node.id)
    }
  }

  /** An empty disk with another directory id, where the voter sets of all nodes keep a majority of disks. */
  #loseDisk(node: SimNode): void {
    if (this.ledger.isAmnesic) {
      this.#forget(node)
      return
    }
    const sets = this.nodes.map(({ disk }) => disk.voters(this.firstVoters))
    for (const { isUp, state } of this.nodes) if (isUp) sets.push(votersOf(state))
    // A node that is not a voter of each set may be in a pending request to add it, which its disk then makes an error.
    const isSafe = sets.every(
      (voters) => voters.length === 0 || (isVoterKey(voters, node.state.me) && this.#hasIntactMajority(voters, node.id)),
    )
    if (!isSafe) return
    this.figures.diskLosses++
    if (node.isUp) node.crash()
    node.disk = this.#newDisk(false)
    this.#schedule(1 + below(this.random, 2000), 'restart', node.id)
  }

  /** Voters whose disks are lost, or that of `lost`, are a minority. A lost disk of a static voter is not noticed. */
  #hasIntactMajority(voters: readonly Voter[], lost = none): boolean {
    const intact = voters.filter(({ id, directory }) => id !== lost && this.nodes[id]!.disk.directory === directory)
    return intact.length * 2 > voters.length && voters.every(({ directory }) => directory !== '')
  }

  /** Sets in which the intact disks have no majority are the error of an operator: the cluster stops. */
  #changeVoters(): void {
    const { random } = this
    const leaders = this.nodes.filter((each) => each.isUp && each.leadingEpoch >= 0 && each.pausedUntil <= this.now)
    const leader = leaders[below(random, Math.max(leaders.length, 1))]
    if (leader === undefined) return
    const voters = votersOf(leader.state)
    const node = this.nodes[below(random, this.nodes.length)]!
    const voter = voters.find(({ id }) => id === node.id)
    const token = ++this.#token
    if (voter !== undefined) {
      if (this.#hasIntactMajority(voters.filter((each) => each !== voter)))
        leader.step({ type: 'changeVoters', token, request: { type: 'removeVoter', voter } })
    } else if (node.isUp && this.#hasIntactMajority([...voters, node.state.me])) {
      const ackWhenCommitted = chance(random, 500)
      leader.step({ type: 'changeVoters', token, request: { type: 'addVoter', voter: node.state.me, ackWhenCommitted } })
    }
  }

  /** Liveness. */
  #heal(): void {
    this.isHealed = true
    this.#cuts.fill(0)
    for (const node of this.nodes) {
      if (!node.isUp) node.start()
      node.pausedUntil = Math.min(node.pausedUntil, this.now)
    }
    const { end } = this.ledger
    const until = this.now + healingMs
    while (this.now < until && !this.#isSettled(end)) this.#next()
    if (!this.#isSettled(end)) violation(`liveness: not every node has a record behind ${end}, the end at the end of the faults`)
  }

  /** Some leader has committed more, and every node has it. */
  #isSettled(end: number): boolean {
    return this.nodes.every(({ applied }) => applied > end)
  }
}

const settingsOf = ({ isAutoJoin, electionTimeoutMs }: Weather): RaftSettings => ({
  ...defaultSettings,
  electionTimeoutMs,
  electionBackoffMaxMs: electionTimeoutMs,
  fetchTimeoutMs: 2 * electionTimeoutMs,
  requestTimeoutMs: 2 * electionTimeoutMs,
  fetchMaxWaitMs: electionTimeoutMs / 2,
  snapshotPieceBytesMax: 300,
  retainBytes: 3000,
  isAutoJoin,
})

const isChange = (response: RaftResponse): response is PlainResponse => response.type === 'addVoter' || response.type === 'removeVoter'
