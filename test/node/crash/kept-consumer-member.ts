import { chance, type Prng } from '../../../src/base/prng.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../../src/wire/api/68-consumer-group-heartbeat.ts'
import { errors } from '../../../src/wire/errors.ts'
import type { WireClient } from '../../support/wire-client.ts'
import { CommittedOffsets } from './committed-offsets.ts'
import { checkError, findCoordinator, type KeptState } from './kept-state.ts'

const subscribePermille = 300
const leavePermille = 50
const leaveEpoch = -1
/** The epoch with which a static member leaves temporarily. */
const staticLeaveEpoch = -2

type Assignment = NonNullable<ConsumerGroupHeartbeatRequest['topicPartitions']>

/** A member of a consumer group: a heartbeat with the last received epoch and partitions must be accepted. */
export class KeptConsumerMember implements KeptState {
  readonly #groupId: string
  readonly #instanceId: string | null
  readonly #topics: readonly string[]
  readonly #random: Prng
  /** Set for one member of the group only. */
  readonly #offsets: CommittedOffsets | null
  #memberId: string
  #incarnations = 0
  /** 0: not a member. */
  #epoch = 0
  #owned: Assignment = []
  #subscribed: readonly string[] = []
  #isLeaving = false
  /** Epoch of a member that has left. */
  #formerEpoch = 0
  #joined = 0

  constructor(
    groupId: string,
    name: string,
    topics: readonly string[],
    random: Prng,
    { instanceId = null, commits = true }: { instanceId?: string | null; commits?: boolean } = {},
  ) {
    this.#groupId = groupId
    this.#memberId = name
    this.#instanceId = instanceId
    this.#topics = topics
    this.#random = random
    this.#offsets = commits ? new CommittedOffsets(groupId, topics[0]!) : null
  }

  get acknowledged(): number {
    return this.#joined + (this.#offsets?.acknowledged ?? 0)
  }

  async change(client: WireClient): Promise<void> {
    if (this.#epoch === 0 || chance(this.#random, subscribePermille)) {
      // A member that has left joins again under another id.
      if (this.#formerEpoch > 0) this.#memberId = `${this.#memberId.replace(/ .*/, '')} ${++this.#incarnations}`
      this.#subscribed = this.#topics.filter((_, index) => index === 0 || chance(this.#random, 500))
      await this.#beat(client)
    } else if (chance(this.#random, leavePermille)) await this.#leave(client)
    else if (this.#offsets === null || chance(this.#random, 500)) await this.#beat(client)
    else await this.#offsets.commit(client, [0], { memberId: this.#memberId, generationIdOrMemberEpoch: this.#epoch })
  }

  async verify(client: WireClient): Promise<void> {
    await findCoordinator(client, this.#groupId)
    await this.#offsets?.verify(client)
    if (this.#epoch > 0) {
      await this.#beat(client)
      return
    }
    if (this.#formerEpoch === 0) return
    const heartbeat = { groupId: this.#groupId, ...this.#member, memberEpoch: this.#formerEpoch }
    const { errorCode } = await client.call(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, heartbeat)
    if (errorCode === 0) throw new Error(`${this.#memberId} of ${this.#groupId} has left, and is known in epoch ${this.#formerEpoch}`)
    checkError(errorCode, `a heartbeat of ${this.#memberId}, which has left`, ...this.#whenGone, errors.GROUP_ID_NOT_FOUND.code)
  }

  get #member() {
    return { memberId: this.#memberId, instanceId: this.#instanceId }
  }

  /** The error for a member that has left; the group keeps the place of a static member. */
  get #whenGone(): readonly number[] {
    return [this.#instanceId === null ? errors.UNKNOWN_MEMBER_ID.code : errors.FENCED_MEMBER_EPOCH.code]
  }

  async #beat(client: WireClient): Promise<void> {
    // From here on it may be a member again.
    if (this.#epoch === 0) this.#formerEpoch = 0
    const answer = await client.call(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, {
      groupId: this.#groupId,
      ...this.#member,
      memberEpoch: this.#epoch,
      rebalanceTimeoutMs: 300_000,
      subscribedTopicNames: [...this.#subscribed],
      topicPartitions: this.#owned,
    })
    const hasLeft = this.#isLeaving && this.#whenGone.includes(answer.errorCode)
    this.#isLeaving = false
    if (hasLeft) {
      this.#gone()
      return
    }
    checkError(answer.errorCode, `a heartbeat of ${this.#memberId} of ${this.#groupId} in epoch ${this.#epoch}`)
    if (answer.memberEpoch < this.#epoch) throw new Error(`${this.#memberId} goes back from epoch ${this.#epoch} to ${answer.memberEpoch}`)
    this.#epoch = answer.memberEpoch
    if (answer.assignment !== null) this.#owned = answer.assignment.topicPartitions
    this.#joined++
  }

  async #leave(client: WireClient): Promise<void> {
    this.#isLeaving = true
    const memberEpoch = this.#instanceId === null ? leaveEpoch : staticLeaveEpoch
    const heartbeat = { groupId: this.#groupId, ...this.#member, memberEpoch }
    const { errorCode } = await client.call(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, heartbeat)
    checkError(errorCode, `the leaving of ${this.#memberId} of ${this.#groupId}`)
    this.#isLeaving = false
    this.#gone()
    this.#joined++
  }

  #gone(): void {
    this.#formerEpoch = this.#epoch
    this.#epoch = 0
    this.#owned = []
  }
}
