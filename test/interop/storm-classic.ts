import { OffsetCommitRequest, OffsetCommitResponse } from '../../src/wire/api/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../src/wire/api/09-offset-fetch.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../src/wire/api/11-join-group.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../src/wire/api/12-heartbeat.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../src/wire/api/13-leave-group.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../src/wire/api/14-sync-group.ts'
import { beatMs, groupId, rebalanceMs, sessionMs, topic, zeroId } from './storm-ledger.ts'
import { commitsOf, type Read, StormMember } from './storm-member.ts'

const memberIdRequired = 79

/** A member of a classic group. */
export class ClassicStormMember extends StormMember {
  #memberId = ''

  protected async run(): Promise<void> {
    while (this.state === 'running') {
      const generation = await this.#join()
      if (generation === undefined) continue
      await this.#consume(generation)
      this.release()
    }
    if (this.state === 'leaving') {
      await this.client.call(LeaveGroupRequest, LeaveGroupResponse, 1, { groupId, memberId: this.#memberId })
      this.client.close()
    }
  }

  /** The generation, when there is an assignment. */
  async #join(): Promise<number | undefined> {
    const protocols = [{ name: 'spread', metadata: Buffer.from('x') }]
    const timeouts = { sessionTimeoutMs: sessionMs, rebalanceTimeoutMs: rebalanceMs }
    const joined = await this.client.call(JoinGroupRequest, JoinGroupResponse, 5, {
      groupId,
      memberId: this.#memberId,
      ...timeouts,
      protocolType: 'storm',
      protocols,
    })
    this.#memberId = joined.errorCode === 0 || joined.errorCode === memberIdRequired ? joined.memberId : ''
    if (joined.errorCode !== 0) return undefined
    const { generationId, leader, members } = joined
    const count = this.ledger.produced.length
    const assignments = members.map(({ memberId }, index) => {
      const part = Array.from({ length: count }, (_, partition) => partition).filter((partition) => partition % members.length === index)
      return { memberId, assignment: Buffer.from(JSON.stringify(part)) }
    })
    const synced = await this.client.call(SyncGroupRequest, SyncGroupResponse, 3, {
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
    for (const partition of partitions) this.ledger.gained(partition, generation, this.#memberId)
    for (const partition of partitions) this.owned.set(partition, 0n)
    const asked = { groupId, topics: [{ name: topic, partitionIndexes: [...partitions] }] }
    const { topics } = await this.client.call(OffsetFetchRequest, OffsetFetchResponse, 5, asked)
    for (const { partitionIndex, committedOffset } of topics[0]!.partitions) {
      this.owned.set(partitionIndex, committedOffset < 0n ? 0n : committedOffset)
    }
  }

  /** Until the group reports a rebalance, or the member is to go. */
  async #consume(generationId: number): Promise<void> {
    const member = { groupId, memberId: this.#memberId, generationId }
    for (let beaten = 0; this.state === 'running'; ) {
      const read = await this.fetch()
      if (read.length > 0 && !(await this.#commit(generationId, read))) return
      if (Date.now() - beaten < beatMs) continue
      beaten = Date.now()
      const { errorCode } = await this.client.call(HeartbeatRequest, HeartbeatResponse, 3, member)
      if (errorCode !== 0) return
    }
  }

  async #commit(generation: number, read: readonly Read[]): Promise<boolean> {
    if (!this.process(read)) return false
    const { topics } = await this.client.call(OffsetCommitRequest, OffsetCommitResponse, 7, {
      groupId,
      memberId: this.#memberId,
      generationIdOrMemberEpoch: generation,
      topics: [{ name: topic, topicId: zeroId, partitions: commitsOf(read) }],
    })
    return topics[0]!.partitions.every(({ errorCode }) => errorCode === 0)
  }
}
