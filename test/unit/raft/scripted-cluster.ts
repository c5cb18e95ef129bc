import { defaultSettings } from '../../../src/raft/limits.ts'
import { raftMachine } from '../../../src/raft/machine.ts'
import type { Batch, InstalledSnapshot, RaftEffect, RaftEvent, RaftRequest, RaftResponse, Vote, Voter } from '../../../src/raft/messages.ts'
import { createRaft, type RaftState } from '../../../src/raft/state.ts'
import { SimLog } from '../../sim/raft/sim-log.ts'
import { effectLine, requestLine, responseLine } from './message-lines.ts'

interface Message {
  readonly from: number
  readonly to: number
  readonly correlation: number
  readonly request?: RaftRequest
  readonly response?: RaftResponse
  /** Id under which the receiver of the request is addressed: bootstrap servers have negative ones. */
  readonly address?: number
}

interface Replica {
  readonly me: Voter
  state: RaftState
  isUp: boolean
  now: number
  log: SimLog
  vote: Vote
  snapshots: InstalledSnapshot[]
  /** Tickets that a slow disk has not reported. */
  tickets: number[]
  isSlow: boolean
}

export const voterOf = (id: number, directory: string): Voter => ({
  id,
  directory,
  endpoints: [{ listener: 'CONTROLLER', host: `node-${id}`, port: 9093 }],
  kraftVersions: [0, 1],
})

const client = 0

/** Replicas with a network and disks that a test moves step by step. Each step returns the lines of what it caused. */
export class ScriptedCluster {
  readonly #replicas = new Map<number, Replica>()
  readonly #tokens = new Map<number, { readonly message: Message }>()
  readonly #cut = new Set<string>()
  readonly #voters: readonly Voter[]
  readonly #kraftVersion: number
  readonly #bootstrapServers: number
  #messages: Message[] = []
  #token = 0
  #lines: string[] = []

  constructor(voters: readonly number[], observers: readonly number[], isStatic: boolean) {
    this.#kraftVersion = isStatic ? 0 : 1
    this.#bootstrapServers = voters.length + observers.length
    this.#voters = voters.map((id) => voterOf(id, isStatic ? '' : 'a'))
    for (const id of voters) this.#create(id, 'a', this.#voters)
    for (const id of observers) this.#create(id, 'a', [])
  }

  #create(id: number, directory: string, voters: readonly Voter[]): void {
    const me = voterOf(id, directory)
    const vote = { epoch: 0, voted: undefined }
    const state = this.#stateOf(me, voters, { vote, snapshots: [], logStart: 0, batches: [] })
    const log = new SimLog(0, [])
    this.#replicas.set(id, { me, state, isUp: true, now: 0, log, vote, snapshots: [], tickets: [], isSlow: false })
    this.#step(id, { type: 'started', now: 0 })
  }

  #stateOf(
    me: Voter,
    voters: readonly Voter[],
    files: { vote: Vote; snapshots: readonly InstalledSnapshot[]; logStart: number; batches: readonly Batch[] },
  ): RaftState {
    const settings = { ...defaultSettings, snapshotPieceBytesMax: 400, retainBytes: 1 }
    return createRaft({
      settings,
      me,
      seed: me.id,
      voters,
      kraftVersion: this.#kraftVersion,
      bootstrapServers: this.#bootstrapServers,
      ...files,
    })
  }

  replica(id: number): Replica {
    const replica = this.#replicas.get(id)
    if (replica === undefined) throw new Error(`there is no replica ${id}`)
    return replica
  }

  /** The lines since the last call. */
  take(): string[] {
    const lines = this.#lines
    this.#lines = []
    return lines
  }

  /** Moves the clock of a replica to the deadline of its role. */
  timeout(id: number): void {
    const replica = this.replica(id)
    const { role } = replica.state
    const deadline = role.type === 'leader' ? role.quorumDeadline : role.deadline
    this.pass(id, Math.max(deadline - replica.now, 0))
  }

  pass(id: number, ms: number): void {
    const replica = this.replica(id)
    replica.now += ms
    this.#step(id, { type: 'tick', now: replica.now })
  }

  propose(id: number, token: number, count: number): void {
    const { epoch } = this.replica(id).state
    this.#step(id, { type: 'propose', token, epoch, batches: [{ count, bytes: 100, payload: undefined }] })
  }

  request(id: number, request: RaftRequest): void {
    this.#messages.push({ from: client, to: id, correlation: 0, request })
  }

  resign(id: number): void {
    this.#step(id, { type: 'resign' })
  }

  /** Takes a snapshot at the high watermark. */
  checkpoint(id: number): void {
    const { state, snapshots } = this.replica(id)
    const offset = state.highWatermark
    const { voters, kraftVersion } = state.voterHistory.at(offset)
    const snapshot = { offset, epoch: state.log.epochs.epochBefore(offset), bytes: 700, voters, kraftVersion }
    snapshots.push(snapshot)
    this.#step(id, { type: 'checkpointed', snapshot })
  }

  /** Cuts all links of a replica, in both directions. */
  cut(id: number): void {
    for (const other of this.#replicas.keys()) {
      this.#cut.add(`${id}-${other}`)
      this.#cut.add(`${other}-${id}`)
    }
  }

  heal(): void {
    this.#cut.clear()
  }

  slow(id: number): void {
    this.replica(id).isSlow = true
  }

  /** A slow disk reports all that it was to write. */
  persisted(id: number): void {
    const replica = this.replica(id)
    replica.isSlow = false
    for (const ticket of replica.tickets.splice(0)) this.#step(id, { type: 'persisted', ticket })
  }

  /** The process ends, and starts again from its files. What a slow disk has not reported is lost. */
  restart(id: number): void {
    const replica = this.replica(id)
    const { me, vote, snapshots, log } = replica
    this.#messages = this.#messages.filter(({ from, to }) => from !== id && to !== id)
    const batches = log.batches.filter(({ endOffset }) => endOffset <= replica.state.log.syncedEnd)
    replica.log = new SimLog(log.start, batches)
    replica.state = this.#stateOf(me, this.#voters, { vote, snapshots, logStart: log.start, batches })
    this.#step(id, { type: 'started', now: replica.now })
  }

  /** The process starts with an empty disk. */
  loseDisk(id: number, directory: string): void {
    this.#messages = this.#messages.filter(({ from, to }) => from !== id && to !== id)
    this.#create(id, directory, [])
  }

  /** Delivers messages in their order until none is left. */
  deliver(max = 500): void {
    for (let count = 0; this.#messages.length > 0; count++) {
      if (count >= max) throw new Error(`the conversation does not end: ${this.#lines.slice(-12).join('\n')}`)
      this.#deliver(this.#messages.shift()!)
    }
  }

  #deliver(message: Message): void {
    const { from, to, correlation, request, response } = message
    const names = `${from === client ? 'client' : from} -> ${to === client ? 'client' : to}`
    if (this.#cut.has(`${from}-${to}`)) {
      this.#lines.push(`${names} lost`)
      return
    }
    this.#lines.push(`${names} ${request === undefined ? responseLine(response!) : requestLine(request)}`)
    if (request !== undefined) {
      this.#tokens.set(++this.#token, { message })
      this.#step(to, { type: 'rpc', token: this.#token, request })
    } else if (to !== client) this.#reply(to, message.address ?? from, correlation, response!)
  }

  #reply(to: number, from: number, correlation: number, response: RaftResponse): void {
    if (response.type === 'fetchSnapshot' && response.error === 'NONE') {
      this.#step(to, { type: 'fetchedPiece', to: from, correlation, response })
    } else this.#step(to, { type: 'reply', to: from, correlation, response })
  }

  #step(id: number, event: RaftEvent): void {
    const out: RaftEffect[] = []
    const { state } = this.replica(id)
    const before = state.role.type
    raftMachine.step(state, event, out)
    if (state.role.type !== before && event.type !== 'started') this.#lines.push(`${id} becomes ${state.role.type}`)
    for (const effect of out) this.#perform(id, effect)
  }

  #perform(id: number, effect: RaftEffect): void {
    const line = effectLine(effect)
    if (line !== undefined) this.#lines.push(`${id} ${line}`)
    const replica = this.replica(id)
    if (effect.type === 'persist') this.#persist(id, replica, effect)
    else if (effect.type === 'send') {
      const { correlation, request } = effect
      const to = effect.to >= 0 ? effect.to : -effect.to - 1
      if (to !== id) this.#messages.push({ from: id, to, correlation, request, address: effect.to })
    } else if (effect.type === 'answer') this.#answer(id, replica, effect)
    else if (effect.type === 'dropBelow') replica.log.dropBelow(effect.offset)
    else if (effect.type === 'install') this.#install(id, replica, effect)
  }

  #persist(id: number, replica: Replica, { ticket, vote, truncateTo, batches }: Extract<RaftEffect, { type: 'persist' }>): void {
    if (truncateTo !== undefined) replica.log.truncate(truncateTo)
    for (const batch of batches) replica.log.append(batch)
    if (replica.isSlow) {
      replica.tickets.push(ticket)
      return
    }
    if (vote !== undefined) replica.vote = vote
    this.#step(id, { type: 'persisted', ticket })
  }

  #answer(id: number, { log }: Replica, { token, response, attachment }: Extract<RaftEffect, { type: 'answer' }>): void {
    const { message } = this.#tokens.get(token)!
    const hasBatches = response.type === 'fetch' && attachment?.type === 'batches'
    const full = hasBatches ? { ...response, batches: log.batches.slice(log.indexOf(attachment.from)) } : response
    this.#messages.push({ from: id, to: message.from, correlation: message.correlation, response: full, address: message.address ?? id })
  }

  /** The snapshot is the one that another replica has. */
  #install(id: number, replica: Replica, { ticket, id: { offset } }: Extract<RaftEffect, { type: 'install' }>): void {
    const all = [...this.#replicas.values()].flatMap(({ snapshots }) => snapshots)
    const snapshot = all.find((each) => each.offset === offset)!
    replica.log = new SimLog(offset, [])
    replica.snapshots = [snapshot]
    this.#step(id, { type: 'installed', ticket, snapshot })
  }

  /** One line for each replica. */
  states(): string[] {
    return [...this.#replicas].map(([id, { state }]) => {
      const { role, epoch, log, highWatermark, voterHistory } = state
      const voters = voterHistory.last.voters.map((voter) => `${voter.id}${voter.directory}`).join(' ')
      return `${id} ${role.type} epoch=${epoch} log=${log.start}..${log.end}@${log.epochs.last} hw=${highWatermark} voters=[${voters}]`
    })
  }
}
