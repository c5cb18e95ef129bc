import { assert } from '../../base/assert.ts'
import type { GroupMetadataValue } from '../../wire/internal/group-classic.ts'
import type { Protocol } from '../messages.ts'
import { type ClassicMember, metadataOf } from './classic-member.ts'
import { consumerProtocolType, topicsOf } from './subscription.ts'

/** Spelled as in the describe APIs. Dead is the state reported for a group that does not exist. */
export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

/**
 * A group whose members compute the assignment: one of them, the leader, does it for all.
 *
 * Invariants: the generation never decreases; the leader is a member; members wait for an assignment only in CompletingRebalance.
 */
export class ClassicGroup {
  readonly type = 'classic'
  readonly groupId: string
  state: ClassicState = 'Empty'
  /** The state before this one. */
  previous: ClassicState = 'Empty'
  /** -1 in records of versions without it. */
  stateSince: number
  generation = 0
  protocolType: string | null = null
  protocolName: string | null = null
  leader: string | null = null
  /** In order of arrival. */
  readonly members = new Map<string, ClassicMember>()
  /** Member ids by instance id. */
  readonly statics = new Map<string, string>()
  /** Generated member ids whose clients have not joined with them yet. */
  readonly pendingJoins = new Set<string>()
  /** Members without a SyncGroup request in this generation. */
  readonly pendingSyncs = new Set<string>()
  /** A member has joined since the first rebalance was last delayed. */
  hasNewMember = false
  /** Topics that the members of this generation read; undefined when they cannot be determined. */
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

  /** If the leader leaves, the next member becomes the leader. */
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

  /** A static member that returns has a new member id and replaces the old one. */
  replace(oldId: string, member: ClassicMember): void {
    const wasLeader = this.isLeader(oldId)
    this.members.delete(oldId)
    this.pendingSyncs.delete(oldId)
    this.members.set(member.memberId, member)
    this.statics.set(member.instanceId!, member.memberId)
    if (wasLeader) this.leader = member.memberId
  }

  /** Whether a member with these protocols can join: at least one protocol must be supported by all members. */
  supports(protocolType: string, protocols: readonly Protocol[]): boolean {
    if (this.state === 'Empty') return protocolType !== '' && protocols.length > 0
    if (this.protocolType !== protocolType) return false
    const common = this.#commonProtocols()
    return protocols.some(({ name }) => common.has(name))
  }

  /**
   * Each member votes for the first of its protocols that all members support. The most votes win; the first vote decides between equals.
   */
  selectProtocol(): string {
    const common = this.#commonProtocols()
    const votes = new Map<string, number>()
    for (const { protocols } of this.members.values()) {
      const vote = protocols.find(({ name }) => common.has(name))
      assert(vote !== undefined, 'every member supports a protocol that all support')
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    let best: string | undefined
    for (const [name, count] of votes) if (best === undefined || count > votes.get(best)!) best = name
    assert(best !== undefined, 'only a group with members selects a protocol')
    return best
  }

  /** A leader that did not rejoin is replaced by a member that did. False when no member did. */
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

  /** A group of consumers whose subscription cannot be determined is treated as subscribed to all topics. */
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

  /** As recorded in the log. */
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

/** A group restored from its record: with members it is stable, and their sessions start again. */
export function classicGroupOf(groupId: string, value: GroupMetadataValue): ClassicGroup {
  const group = new ClassicGroup(groupId, Number(value.currentStateTimestamp))
  for (const member of value.members) {
    group.add({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeoutMs: member.sessionTimeout,
      // The first versions of the record have one timeout for session and rebalance.
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
