import { defaultSettings, type RaftSettings } from '../../../src/raft/limits.ts'
import { raftMachine } from '../../../src/raft/machine.ts'
import type {
  Batch,
  FetchRequest,
  FetchResponse,
  RaftEffect,
  RaftEvent,
  RaftRequest,
  RaftResponse,
  VoteRequest,
} from '../../../src/raft/messages.ts'
import { createRaft, type RaftParts, type RaftState } from '../../../src/raft/state.ts'
import { voterOf } from './scripted-cluster.ts'

export type Effect<T extends RaftEffect['type']> = Extract<RaftEffect, { type: T }>

/** Replica 1 of three voters. A test is the other replicas, the network and the disk. */
export class Replica {
  readonly state: RaftState
  #out: RaftEffect[] = []
  #token = 100
  isDiskSlow = false

  constructor(parts: Partial<Omit<RaftParts, 'settings'>> & { readonly settings?: Partial<RaftSettings> } = {}) {
    const { settings, ...rest } = parts
    this.state = createRaft({
      me: voterOf(1, 'a'),
      seed: 1,
      voters: [voterOf(1, 'a'), voterOf(2, 'a'), voterOf(3, 'a')],
      kraftVersion: 1,
      bootstrapServers: 0,
      vote: { epoch: 0, voted: undefined },
      snapshots: [],
      logStart: 0,
      batches: [],
      settings: { ...defaultSettings, ...settings },
      ...rest,
    })
    this.step({ type: 'started', now: 0 })
  }

  /** The effects of an event. The disk reports at once, unless it is slow. */
  step(event: RaftEvent): RaftEffect[] {
    raftMachine.step(this.state, event, this.#out)
    const effects = this.#out
    this.#out = []
    const tickets = effects.flatMap((effect) => (effect.type === 'persist' ? [effect.ticket] : []))
    if (this.isDiskSlow) return effects
    return [...effects, ...tickets.flatMap((ticket) => this.step({ type: 'persisted', ticket }))]
  }

  pass(ms: number): RaftEffect[] {
    return this.step({ type: 'tick', now: this.state.now + ms })
  }

  /** Moves the clock to the deadline of the role. */
  timeout(): RaftEffect[] {
    const { role } = this.state
    return this.pass(Math.max(0, (role.type === 'leader' ? role.quorumDeadline : role.deadline) - this.state.now))
  }

  /** Delivers a request; the answer, if it is sent at once. */
  rpc(request: RaftRequest): RaftResponse | undefined {
    const token = ++this.#token
    const effects = this.step({ type: 'rpc', token, request })
    return effects.flatMap((effect) => (effect.type === 'answer' && effect.token === token ? [effect.response] : []))[0]
  }

  /** Replies to the last request to a replica. */
  reply(sent: Effect<'send'>, response: RaftResponse | undefined): RaftEffect[] {
    return this.step({ type: 'reply', to: sent.to, correlation: sent.correlation, response })
  }

  /** Wins an election with the vote of replica 2, and commits the first batch of its epoch. */
  lead(): this {
    const [preVote] = sends(this.timeout(), 2)
    const [vote] = sends(this.reply(preVote!, granted(this.state.epoch)), 2)
    this.reply(vote!, granted(this.state.epoch))
    this.fetch({ offset: this.state.log.end, lastEpoch: this.state.epoch })
    return this
  }

  /** A fetch of replica 2. */
  fetch(parts: Partial<FetchRequest>): RaftResponse | undefined {
    return this.rpc(fetchOf(this.state, parts))
  }

  /** Follows replica 2, with these records. */
  follow(epoch: number, batches: readonly Batch[] = [], highWatermark = 0): Effect<'send'> {
    const begin = { type: 'beginQuorumEpoch', epoch, leader: 2, voter: { id: 1, directory: 'a' }, endpoints: [] } as const
    const effects = this.step({ type: 'rpc', token: 1, request: begin })
    const [first] = sends(effects, 2)
    const [next] = sends(this.reply(first!, records(epoch, batches, highWatermark)), 2)
    return next!
  }
}

export const sends = (effects: readonly RaftEffect[], to: number): Effect<'send'>[] =>
  effects.filter((effect): effect is Effect<'send'> => effect.type === 'send' && effect.to === to)

export const typesOf = (effects: readonly RaftEffect[]): string[] => effects.map(({ type }) => type)

export const granted = (epoch: number, isGranted = true): RaftResponse => ({
  ...{ type: 'vote', error: 'NONE', leader: -1, epoch, endpoints: [] },
  isGranted,
})

export const records = (
  epoch: number,
  batches: readonly Batch[],
  highWatermark: number,
  more: Partial<FetchResponse> = {},
): FetchResponse => ({
  ...{ type: 'fetch', error: 'NONE', leader: 2, epoch, endpoints: [], logStart: 0, diverging: undefined, snapshot: undefined },
  ...{ batches, highWatermark },
  ...more,
})

export const batch = (baseOffset: number, endOffset: number, epoch: number, control?: Batch['control']): Batch => ({
  ...{ baseOffset, endOffset, epoch, bytes: 100, payload: undefined },
  control,
})

/** A vote request of replica 2 to replica 1. */
export const voteOf = (parts: Partial<VoteRequest>): VoteRequest => ({
  ...{ type: 'vote', epoch: 1, candidate: { id: 2, directory: 'a' }, voter: { id: 1, directory: 'a' } },
  ...{ lastEpoch: 0, endOffset: 0, isPreVote: false },
  ...parts,
})

export const fetchOf = (state: RaftState, parts: Partial<FetchRequest>): FetchRequest => ({
  ...{ type: 'fetch', epoch: state.epoch, replica: { id: 2, directory: 'a' }, offset: 0, lastEpoch: 0, highWatermark: 0, maxWaitMs: 500 },
  ...parts,
})
