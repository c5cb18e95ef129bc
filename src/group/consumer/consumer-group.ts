import { assert } from '../../base/assert.ts'
import { consumerProtocolType } from '../classic/subscription.ts'
import { noPartitions, nothingOwned, type Owned, type Partitions, toPartitions } from '../partitions.ts'
import type { ConsumerRecord } from '../records.ts'
import { type ConsumerMember, isReconciled, leaveEpoch, newMember, withCurrentValue, withMemberValue } from './consumer-member.ts'

/** Spelled as in the describe APIs. */
export type ConsumerState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

/** The topics that a regular expression matched at its last evaluation. */
export interface Resolved {
  readonly topics: readonly string[]
  readonly version: bigint
  readonly timestamp: bigint
}

/** The epoch of a group that no member has joined yet. */
const firstEpoch = 1

/**
 * A group whose coordinator computes the assignment (KIP-848). Each member moves from its assignment to the target independently.
 * It gets a partition only after the previous owner has released it.
 *
 * Invariants: only its records change it; a partition has one owner; no member epoch is above the group epoch.
 */
export class ConsumerGroup {
  readonly type = 'consumer'
  readonly protocolType = consumerProtocolType
  readonly groupId: string
  epoch = firstEpoch
  /** Hash of the topics that are read; a request that computes a different hash starts a new epoch. */
  metadataHash = 0n
  /** The epoch of the target assignment, and its time; 0 for an unknown time. */
  assignmentEpoch = firstEpoch
  assignedAt = 0
  readonly members = new Map<string, ConsumerMember>()
  /** Member ids by instance id. */
  readonly statics = new Map<string, string>()
  readonly targets = new Map<string, Partitions>()
  readonly resolved = new Map<string, Resolved>()
  /** Topics may have changed since the hash was made. */
  needsMetadata = false
  /** `Topics.version` when expressions were last resolved; -1 when that was before the group was loaded. */
  resolvedVersion = -1
  /** By topic id and partition, the member that has it. */
  readonly #owners = new Map<string, Map<number, string>>()

  constructor(groupId: string) {
    this.groupId = groupId
  }

  get state(): ConsumerState {
    if (this.members.size === 0) return 'Empty'
    if (this.epoch > this.assignmentEpoch) return 'Assigning'
    for (const member of this.members.values()) if (!isReconciled(member, this.assignmentEpoch)) return 'Reconciling'
    return 'Stable'
  }

  /** Whether a member still owns the partition. */
  isOwned(topicId: string, partition: number): boolean {
    return this.#owners.get(topicId)?.has(partition) ?? false
  }

  /** A partition that does not exist has no owner. */
  targetOf(memberId: string): Partitions {
    return this.targets.get(memberId) ?? noPartitions
  }

  staticMember(instanceId: string): ConsumerMember | undefined {
    const memberId = this.statics.get(instanceId)
    return memberId === undefined ? undefined : this.members.get(memberId)
  }

  get classicCount(): number {
    let count = 0
    for (const { classic } of this.members.values()) if (classic !== null) count++
    return count
  }

  countWith(expression: string): number {
    let count = 0
    for (const member of this.members.values()) if (member.expression === expression) count++
    return count
  }

  /** Subscription of a member: the topics that it names, and those that its expression matched. */
  topicsOf({ topics, expression }: ConsumerMember): readonly string[] {
    const matched = this.resolved.get(expression)?.topics
    return matched === undefined || matched.length === 0 ? topics : [...new Set([...topics, ...matched])]
  }

  subscribedTopics(): ReadonlySet<string> {
    const all = new Set<string>()
    for (const member of this.members.values()) for (const topic of this.topicsOf(member)) all.add(topic)
    return all
  }

  isSubscribedTo(topic: string): boolean {
    for (const member of this.members.values()) if (this.topicsOf(member).includes(topic)) return true
    return false
  }

  /** The assignor that most members request; undefined when no member names one. */
  get requestedAssignor(): string | undefined {
    const votes = new Map<string, number>()
    for (const { assignor } of this.members.values()) if (assignor !== null) votes.set(assignor, (votes.get(assignor) ?? 0) + 1)
    let best: string | undefined
    for (const [name, count] of votes) if (best === undefined || count > votes.get(best)!) best = name
    return best
  }

  /** Applies a record, new or replayed. */
  apply(record: ConsumerRecord): void {
    switch (record.type) {
      case 'consumerGroup':
        if (record.value === null) return
        this.epoch = record.value.epoch
        this.metadataHash = record.value.metadataHash
        return
      case 'consumerMember':
        if (record.value === null) this.#remove(record.memberId)
        else this.#set(withMemberValue(this.members.get(record.memberId) ?? newMember(record.memberId), record.value))
        return
      case 'consumerTargetEpoch':
        this.assignmentEpoch = record.value?.assignmentEpoch ?? firstEpoch
        this.assignedAt = Number(record.value?.assignmentTimestamp ?? 0n)
        return
      case 'consumerTarget':
        if (record.value === null) this.targets.delete(record.memberId)
        else this.targets.set(record.memberId, toPartitions(record.value.topicPartitions))
        return
      case 'consumerCurrent':
        this.#setCurrent(record)
        return
      case 'consumerExpression':
        if (record.value === null) this.resolved.delete(record.regularExpression)
        else this.resolved.set(record.regularExpression, record.value)
        return
      case 'consumerTopics':
        return
    }
  }

  #setCurrent({ memberId, value }: Extract<ConsumerRecord, { type: 'consumerCurrent' }>): void {
    const known = this.members.get(memberId)
    if (value !== null) this.#set(withCurrentValue(known ?? newMember(memberId), value))
    else if (known !== undefined) {
      this.#set({ ...known, epoch: leaveEpoch, previousEpoch: leaveEpoch, assigned: nothingOwned, revoking: nothingOwned })
    }
  }

  #set(member: ConsumerMember): void {
    const before = this.members.get(member.memberId)
    if (before !== undefined) this.#release(before)
    this.members.set(member.memberId, member)
    if (member.instanceId !== null) this.statics.set(member.instanceId, member.memberId)
    for (const owned of [member.assigned, member.revoking]) this.#take(owned, member.memberId)
  }

  #remove(memberId: string): void {
    const member = this.members.get(memberId)
    if (member === undefined) return
    this.#release(member)
    this.members.delete(memberId)
    if (member.instanceId !== null && this.statics.get(member.instanceId) === memberId) this.statics.delete(member.instanceId)
  }

  #take(owned: Owned, memberId: string): void {
    for (const [topicId, each] of owned) {
      let owners = this.#owners.get(topicId)
      if (owners === undefined) this.#owners.set(topicId, (owners = new Map()))
      for (const partition of each.keys()) {
        assert(!owners.has(partition), `partition ${partition} of topic ${topicId} has one owner in group ${this.groupId}`)
        owners.set(partition, memberId)
      }
    }
  }

  #release({ assigned, revoking }: ConsumerMember): void {
    for (const owned of [assigned, revoking]) {
      for (const [topicId, each] of owned) {
        const owners = this.#owners.get(topicId)
        for (const partition of each.keys()) owners?.delete(partition)
        if (owners?.size === 0) this.#owners.delete(topicId)
      }
    }
  }
}
