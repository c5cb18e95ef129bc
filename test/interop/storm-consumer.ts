import { MetadataRequest, MetadataResponse } from '../../src/wire/api/03-metadata.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../src/wire/api/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../src/wire/api/09-offset-fetch.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../src/wire/api/68-consumer-group-heartbeat.ts'
import type { WireClient } from '../support/wire-client.ts'
import { beatMs, groupId, type Ledger, rebalanceMs, topic, zeroId } from './storm-ledger.ts'
import { commitsOf, StormMember } from './storm-member.ts'

/** A member of a consumer group. */
export class ConsumerStormMember extends StormMember {
  readonly #memberId: string
  #epoch = 0
  #wanted: readonly number[] = []
  #topicId = zeroId

  constructor(client: WireClient, ledger: Ledger, number: number) {
    super(client, ledger)
    this.#memberId = `member-${number}`
  }

  protected async run(): Promise<void> {
    const asked = { topics: [{ name: topic, topicId: zeroId }] }
    this.#topicId = (await this.client.call(MetadataRequest, MetadataResponse, 12, asked)).topics[0]!.topicId
    for (let beaten = 0; this.state === 'running'; ) {
      if (Date.now() - beaten >= beatMs) {
        beaten = Date.now()
        await this.#heartbeat()
        await this.#follow()
      }
      const read = await this.fetch()
      if (read.length > 0 && this.process(read)) await this.#commit(read.filter(({ partition }) => this.owned.has(partition)))
    }
    if (this.state !== 'leaving') return
    this.release()
    const leaving = { groupId, memberId: this.#memberId, memberEpoch: -1 }
    await this.client.call(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, leaving)
    this.client.close()
  }

  /** Says what it has, and learns what it is to have. One that is not known any more begins again with nothing. */
  async #heartbeat(): Promise<void> {
    if (this.#epoch === 0) this.release()
    const partitions = [...this.owned.keys()]
    const joining = { rebalanceTimeoutMs: rebalanceMs, subscribedTopicNames: [topic] }
    const { errorCode, memberEpoch, assignment } = await this.client.call(
      ConsumerGroupHeartbeatRequest,
      ConsumerGroupHeartbeatResponse,
      1,
      {
        groupId,
        memberId: this.#memberId,
        memberEpoch: this.#epoch,
        ...(this.#epoch === 0 ? joining : {}),
        topicPartitions: partitions.length === 0 ? [] : [{ topicId: this.#topicId, partitions }],
      },
    )
    if (errorCode !== 0) this.#wanted = []
    else if (assignment !== null) this.#wanted = assignment.topicPartitions[0]?.partitions ?? []
    this.#epoch = errorCode === 0 ? memberEpoch : 0
  }

  async #follow(): Promise<void> {
    for (const partition of [...this.owned.keys()]) {
      if (this.#wanted.includes(partition)) continue
      this.owned.delete(partition)
      this.ledger.ended(partition, this)
    }
    const gained = this.#wanted.filter((partition) => !this.owned.has(partition))
    if (gained.length === 0 || this.state === 'dead') return
    const topics = [{ name: topic, topicId: zeroId, partitionIndexes: gained }]
    const asked = { groups: [{ groupId, memberId: this.#memberId, memberEpoch: this.#epoch, topics }] }
    const { groups } = await this.client.call(OffsetFetchRequest, OffsetFetchResponse, 9, asked)
    // An epoch that is old by now: the next heartbeat says which it is.
    if (groups[0]!.errorCode !== 0 || this.isOver()) return
    for (const { partitionIndex, committedOffset } of groups[0]!.topics[0]!.partitions) {
      this.ledger.began(partitionIndex, this)
      this.owned.set(partitionIndex, committedOffset < 0n ? 0n : committedOffset)
    }
    this.ledger.generations = Math.max(this.ledger.generations, this.#epoch)
  }

  /** One that could not be committed is read again by whoever has the partition then. */
  async #commit(read: Parameters<typeof commitsOf>[0]): Promise<void> {
    await this.client.call(OffsetCommitRequest, OffsetCommitResponse, 9, {
      groupId,
      memberId: this.#memberId,
      generationIdOrMemberEpoch: this.#epoch,
      topics: [{ name: topic, topicId: zeroId, partitions: commitsOf(read) }],
    })
  }

  protected override release(): void {
    for (const partition of this.owned.keys()) this.ledger.ended(partition, this)
    this.owned.clear()
  }
}
