import { assert } from '../base/assert.ts'
import type { GroupMetadataValue } from '../wire/internal/group-classic.ts'
import { type ClassicMember, metadataOf } from './classic-member.ts'
import type { Protocol } from './messages.ts'
import { consumerProtocolType, topicsOf } from './subscription.ts'

/** As the describing APIs spell them. Dead is what is said of a group that is not there. */
export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

/**
 * A group whose members agree on an assignment among themselves: one of them, the leader, makes it.
 *
 * Invariants: the generation never goes back; the leader is a member; a member that waits for an assignment does so in CompletingRebalance.
 */
export class ClassicGroup {
  readonly type = 'classic'
  readonly groupId: string
  state: ClassicState = 'Empty'
  /** The state before this one. */
  previous: ClassicState = 'Empty'
  /** -1 in records that are too old to say. */
  stateSince: number
  generation = 0
  protocolType: string | null = null
  protocolName: string | null = null
  leader: string | null = null
  /** In the order of their arrival. */
  readonly members = new Map<string, ClassicMember>()
  /** Member ids by instance id. */
  readonly statics = new Map<string, string>()
  /** Ids that were given to clients which have not come back with them yet. */
  readonly pendingJoins = new Set<string>()
  /** Members that have not asked for their assignment of this generation. */
  readonly pendingSyncs = new Set<string>()
  /** Somebody joined since the first rebalance was last put off. */
  hasNewMember = false
  /** Topics that the members of this generation read; undefined when nobody can tell. */
  subscribed: ReadonlySet<string> | undefined

  constructor(groupId: string, now: number) {
    this.groupId = groupId
    this.stateSince = now
  }

  moveTo(state: ClassicState, now: number): void {
    this.previous = this.state
    this.state = state
    this.stateSince = now
  }

  get usesConsumerProtocol(): boolean {
    return this.protocolType === consumerProtocolType
  }

  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { rebalanceTimeoutMs } of this.members.values()) longest = Math.max(longest, rebalanceTimeoutMs)
    return longest
  }

  get joiningCount(): number {
    let count = 0
    for (const { joining } of this.members.values()) if (joining !== undefined) count++
    return count
  }

  get haveAllJoined(): boolean {
    return this.pendingJoins.size === 0 && this.joiningCount === this.members.size
  }

  isLeader(memberId: string): boolean {
    return this.leader === memberId
  }

  add(member: ClassicMember): void {
    if (this.members.size === 0) this.protocolType = member.protocolType
    assert(this.protocolType === member.protocolType, 'the members of a group have one type of protocol')
    this.leader ??= member.memberId
    this.members.set(member.memberId, member)
    this.pendingJoins.delete(member.memberId)
    if (member.instanceId !== null) this.statics.set(member.instanceId, member.memberId)
  }

  /** Whoever is next becomes leader where the leader goes. */
  remove(memberId: string): void {
    const member = this.members.get(memberId)
    this.members.delete(memberId)
    this.pendingJoins.delete(memberId)
    this.pendingSyncs.delete(memberId)
    if (member !== undefined && member.instanceId !== null && this.statics.get(member.instanceId) === memberId) {
      this.statics.delete(member.instanceId)
    }
    if (this.isLeader(memberId)) this.leader = this.members.keys().next().value ?? null
  }

  /** A static member that comes back has a new id and takes the old one's place. */
  replace(oldId: string, member: ClassicMember): void {
    const wasLeader = this.isLeader(oldId)
    this.members.delete(oldId)
    this.pendingSyncs.delete(oldId)
    this.members.set(member.memberId, member)
    this.statics.set(member.instanceId!, member.memberId)
    if (wasLeader) this.leader = member.memberId
  }

  /** Whether a member with these protocols can be one: some protocol is known to all. */
  supports(protocolType: string, protocols: readonly Protocol[]): boolean {
    if (this.state === 'Empty') return protocolType !== '' && protocols.length > 0
    if (this.protocolType !== protocolType) return false
    const common = this.#commonProtocols()
    return protocols.some(({ name }) => common.has(name))
  }

  /** Every member votes for the first of its protocols that all know; most votes win, among equals the one that was voted for first. */
  selectProtocol(): string {
    const common = this.#commonProtocols()
    const votes = new Map<string, number>()
    for (const { protocols } of this.members.values()) {
      const vote = protocols.find(({ name }) => common.has(name))
      assert(vote !== undefined, 'every member knows a protocol that all know')
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    let best: string | undefined
    for (const [name, count] of votes) if (best === undefined || count > votes.get(best)!) best = name
    assert(best !== undefined, 'only a group with members selects a protocol')
    return best
  }

  /** A leader that did not join again gives way to a member that did. False when nobody did. */
  electJoinedLeader(): boolean {
    if (this.leader === null) return false
    if (this.members.get(this.leader)!.joining !== undefined) return true
    for (const { memberId, joining } of this.members.values()) {
      if (joining === undefined) continue
      this.leader = memberId
      return true
    }
    return false
  }

  nextGeneration(now: number): void {
    this.generation++
    this.pendingSyncs.clear()
    this.protocolName = this.members.size > 0 ? this.selectProtocol() : null
    this.subscribed = this.subscribedTopics()
    this.moveTo(this.members.size > 0 ? 'CompletingRebalance' : 'Empty', now)
  }

  /** A group that consumers read with, and of which nobody can tell what it reads, is taken to read everything. */
  isSubscribedTo(topic: string): boolean {
    return this.subscribed?.has(topic) ?? this.usesConsumerProtocol
  }

  subscribedTopics(): ReadonlySet<string> | undefined {
    if (!this.usesConsumerProtocol) return undefined
    const topics = new Set<string>()
    for (const member of this.members.values()) {
      const read = topicsOf(metadataOf(member, this.protocolName))
      if (read === undefined) return undefined
      for (const topic of read) topics.add(topic)
    }
    return topics
  }

  /** As it is kept in the log. */
  get value(): GroupMetadataValue {
    return {
      protocolType: this.protocolType ?? '',
      generation: this.generation,
      protocol: this.protocolName,
      leader: this.leader,
      currentStateTimestamp: BigInt(this.stateSince),
      members: Array.from(this.members.values(), (member) => ({
        memberId: member.memberId,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: metadataOf(member, this.protocolName),
        assignment: member.assignment,
      })),
    }
  }

  #commonProtocols(): ReadonlySet<string> {
    const known = new Map<string, number>()
    for (const { protocols } of this.members.values()) {
      for (const name of new Set(protocols.map((protocol) => protocol.name))) known.set(name, (known.get(name) ?? 0) + 1)
    }
    return new Set([...known].flatMap(([name, count]) => (count === this.members.size ? [name] : [])))
  }
}

/** A group as its record has it: with members it is stable, and they are to show that they are alive. */
export function classicGroupOf(groupId: string, value: GroupMetadataValue): ClassicGroup {
  const group = new ClassicGroup(groupId, Number(value.currentStateTimestamp))
  for (const member of value.members) {
    group.add({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeoutMs: member.sessionTimeout,
      // The first versions of the record had one timeout for both.
      rebalanceTimeoutMs: member.rebalanceTimeout === -1 ? member.sessionTimeout : member.rebalanceTimeout,
      protocolType: value.protocolType,
      protocols: [{ name: value.protocol ?? '', metadata: member.subscription }],
      assignment: member.assignment,
      joining: undefined,
      syncing: undefined,
      isNew: false,
    })
  }
  group.state = value.members.length > 0 ? 'Stable' : 'Empty'
  group.generation = value.generation
  group.protocolType = value.protocolType === '' ? null : value.protocolType
  group.protocolName = value.protocol
  group.leader = value.leader !== null && group.members.has(value.leader) ? value.leader : group.leader
  group.subscribed = group.subscribedTopics()
  return group
}
