import { compileExpression } from '../../../native-free-io/threads/expressions.ts'
import type { GroupLimits } from '../../../src/group/limits.ts'
import { groupMachine } from '../../../src/group/machine.ts'
import type {
  ConsumerHeartbeatResponse,
  GroupEffect,
  GroupEvent,
  GroupRequest,
  JoinResponse,
  Protocol,
  RequestOf,
  ResponseTo,
  SyncResponse,
} from '../../../src/group/messages.ts'
import { decodeGroupRecord, encodeGroupRecord, type GroupRecord } from '../../../src/group/records.ts'
import { replay } from '../../../src/group/replay.ts'
import { type GroupState, groupShared, groupState } from '../../../src/group/state.ts'
import { encode } from '../../../src/wire/codec.ts'
import { ConsumerProtocolSubscription } from '../../../src/wire/internal/consumer-protocol.ts'
import { blank } from '../../../src/wire/schema.ts'

export const consumerLimits = { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5000, assignmentIntervalMs: 0 }

export const limits: GroupLimits = {
  sessionTimeoutMinMs: 6000,
  sessionTimeoutMaxMs: 1_800_000,
  membersMax: 100,
  initialDelayMs: 0,
  metadataBytesMax: 4096,
  offsetsRetentionMs: 10_000_000,
  recordBytesMax: 1_000_000,
  batchBytesMax: 1_000_000,
  consumersMax: 100,
  assignors: ['uniform', 'range'],
  migration: 'BIDIRECTIONAL',
  expressionRefreshMs: 600_000,
  consumer: () => consumerLimits,
}

export const sessionMs = 10_000
export const rebalanceMs = 30_000
export const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** The id of a topic is its name, made long enough. */
export const idOf = (topic: string): string => topic.padEnd(zeroId.length, 'A')
export const nameOf = (topicId: string): string => topicId.replace(/A+$/, '')

/** What a consumer that reads these topics sends. */
export function subscription(...topics: string[]): Buffer {
  const body = encode(ConsumerProtocolSubscription, 1, { ...blank(ConsumerProtocolSubscription), topics })
  return Buffer.concat([Buffer.from([0, 1]), body])
}

export const protocols = (...names: string[]): Protocol[] => names.map((name) => ({ name, metadata: subscription('t') }))

/** The machine alone, stepped manually. Every record is encoded and decoded, and answers are stored by ticket. */
export class GroupWorld {
  state: GroupState
  now = 1_700_000_000_000
  readonly answers = new Map<number, unknown>()
  readonly records: GroupRecord[] = []
  readonly #limits: GroupLimits
  #tickets = 0
  #uuids = 0
  wakeAt: number | undefined
  readonly topics = new Map<string, number>()

  constructor(changed: Partial<GroupLimits> = {}) {
    this.#limits = { ...limits, ...changed }
    this.state = groupState(groupShared(this.#limits, compileExpression, idOf))
    this.step({ type: 'loaded', now: this.now })
  }

  step(event: GroupEvent): void {
    const out: GroupEffect[] = []
    groupMachine.step(this.state, event, out)
    for (const effect of out) {
      if (effect.type === 'wake') this.wakeAt = effect.at
      else if (effect.type === 'write') this.records.push(...effect.records.map(throughBytes))
      else {
        if (this.answers.has(effect.ticket)) throw new Error(`ticket ${effect.ticket} is answered twice`)
        this.answers.set(effect.ticket, effect.response)
      }
    }
    if (event.type === 'topicDeleted') this.state.topics.delete(event.topic)
  }

  /** Sends a request, and returns its ticket. */
  call(question: GroupRequest): number {
    const ticket = this.#tickets++
    this.step({ type: 'requested', now: this.now, ticket, request: question })
    return ticket
  }

  /** The answer of a request that is answered at once. */
  run<Q extends GroupRequest>(question: Q): ResponseTo<Q> {
    const ticket = this.call(question)
    if (!this.answers.has(ticket)) throw new Error(`${question.type} is not answered yet`)
    return this.answers.get(ticket) as ResponseTo<Q>
  }

  answered<A>(ticket: number): A | undefined {
    return this.answers.get(ticket) as A | undefined
  }

  join(fields: Partial<RequestOf<'join'>> = {}): number {
    return this.call({
      type: 'join',
      groupId: 'g',
      memberId: '',
      instanceId: null,
      clientId: 'c',
      clientHost: '/127.0.0.1',
      sessionTimeoutMs: sessionMs,
      rebalanceTimeoutMs: rebalanceMs,
      protocolType: 'consumer',
      protocols: protocols('range'),
      supportsMemberIdRequired: false,
      supportsSkipAssignment: true,
      uuid: String(++this.#uuids),
      ...fields,
    })
  }

  joined(ticket: number): JoinResponse {
    const response = this.answered<JoinResponse>(ticket)
    if (response === undefined) throw new Error(`join ${ticket} still waits`)
    return response
  }

  sync(
    memberId: string,
    generation: number,
    assigned: Readonly<Record<string, string>> = {},
    fields: Partial<RequestOf<'sync'>> = {},
  ): number {
    return this.call({
      type: 'sync',
      groupId: 'g',
      memberId,
      instanceId: null,
      generation,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: Object.entries(assigned).map(([to, text]) => ({ memberId: to, assignment: Buffer.from(text) })),
      ...fields,
    })
  }

  /** Error and assignment, as text; undefined while it waits. */
  synced(ticket: number): string | undefined {
    const response = this.answered<SyncResponse>(ticket)
    return response && `${response.error.name} ${response.assignment.toString()}`
  }

  /** Created, or grown. */
  topic(topic: string, partitions: number): void {
    this.topics.set(topic, partitions)
    this.state.topics.set({ name: topic, topicId: idOf(topic), partitions })
    this.step({ type: 'topicChanged', topic })
  }

  /** A heartbeat to a consumer group. */
  beat(memberId: string, memberEpoch: number, fields: Partial<RequestOf<'consumerHeartbeat'>> = {}): ConsumerHeartbeatResponse {
    return this.run({
      type: 'consumerHeartbeat',
      groupId: 'g',
      memberId,
      memberEpoch,
      instanceId: null,
      rackId: null,
      clientId: 'c',
      clientHost: '/127.0.0.1',
      rebalanceTimeoutMs: -1,
      topics: null,
      expression: null,
      assignor: null,
      owned: null,
      ...fields,
    })
  }

  /** Joins a consumer group; returns the answer. */
  enter(
    memberId: string,
    topics: readonly string[] = ['t'],
    fields: Partial<RequestOf<'consumerHeartbeat'>> = {},
  ): ConsumerHeartbeatResponse {
    return this.beat(memberId, 0, { rebalanceTimeoutMs: rebalanceMs, topics, owned: [], ...fields })
  }

  heartbeat(memberId: string, generation: number, instanceId: string | null = null): string {
    return this.run({ type: 'heartbeat', groupId: 'g', memberId, instanceId, generation }).name
  }

  leave(...memberIds: string[]): string[] {
    const members = memberIds.map((memberId) => ({ memberId, instanceId: null }))
    return this.run({ type: 'leave', groupId: 'g', members }).members.map(({ error }) => error.name)
  }

  commit(fields: Partial<RequestOf<'commit'>> = {}, offset = 1n, topic = 't'): string {
    const response = this.run({
      type: 'commit',
      groupId: 'g',
      memberId: '',
      instanceId: null,
      generation: -1,
      version: 9,
      retentionTimeMs: -1n,
      offsets: [{ topic, topicId: zeroId, partition: 0, offset, leaderEpoch: 3, metadata: 'm' }],
      ...fields,
    })
    return 'code' in response ? response.name : response.map(({ name }) => name).join()
  }

  fetched(groupId = 'g'): Record<string, bigint> {
    const { offsets } = this.run({ type: 'fetch', groupId, memberId: null, memberEpoch: -1 })
    return Object.fromEntries(
      [...offsets].flatMap(([topic, rows]) => [...rows].map(([index, value]) => [`${topic}-${index}`, value.offset])),
    )
  }

  describe(groupId = 'g') {
    return this.run({ type: 'describe', groupId })
  }

  /** Advances the time, with every wake-up that the machine requested at its time. */
  pass(ms: number): void {
    const end = this.now + ms
    while (this.wakeAt !== undefined && this.wakeAt <= end) {
      this.now = Math.max(this.now, this.wakeAt)
      this.wakeAt = undefined
      this.step({ type: 'ticked', now: this.now })
    }
    this.now = end
  }

  /** A stable group whose first member leads, and whose members joined one after another: as many generations. Returns their ids. */
  stable(count: number): string[] {
    const ids: string[] = []
    for (let i = 0; i < count; i++) {
      const tickets = [this.join(), ...ids.map((memberId) => this.join({ memberId }))]
      this.pass(0)
      const [added, ...others] = tickets.map((ticket) => this.joined(ticket).memberId)
      ids.splice(0, ids.length, ...others, added!)
      const parts = Object.fromEntries(ids.map((each, part) => [each, `part ${part}`]))
      for (const id of ids) this.sync(id, this.generation, parts)
    }
    return ids
  }

  get generation(): number {
    const group = this.state.groups.get('g')
    if (group?.type !== 'classic') throw new Error('there is no classic group')
    return group.generation
  }

  /** A machine whose only state are the written records. */
  restart(): void {
    this.state = groupState(groupShared(this.#limits, compileExpression, idOf))
    this.wakeAt = undefined
    for (const [topic, partitions] of this.topics) this.topic(topic, partitions)
    for (const record of this.records) replay(this.state, record)
    this.step({ type: 'loaded', now: this.now })
  }
}

function throughBytes(record: GroupRecord): GroupRecord {
  const { key, value } = encodeGroupRecord(record)
  return decodeGroupRecord(key, value)!
}
