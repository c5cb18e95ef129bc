import { chance, type Prng } from '../../../src/base/prng.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/wire/api/11-join-group.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/wire/api/12-heartbeat.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../../src/wire/api/13-leave-group.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/wire/api/14-sync-group.ts'
import { errors, type KafkaError } from '../../../src/wire/errors.ts'
import type { WireClient } from '../../support/wire-client.ts'
import { CommittedOffsets } from './committed-offsets.ts'
import { checkError, findCoordinator, type KeptState } from './kept-state.ts'

const sessionTimeoutMs = 300_000
const joinPermille = 200
const leavePermille = 100
const noGeneration = -1

/** The only member of a classic group. After the response to its SyncGroup, it is a member in that generation until it requests another. */
export class KeptClassicMember implements KeptState {
  readonly #groupId: string
  readonly #instanceId: string | null
  readonly #random: Prng
  readonly #offsets: CommittedOffsets
  #memberId = ''
  #generation = noGeneration
  #hasLeft = false
  /** The request without a response. */
  #open: 'join' | 'leave' | null = null
  #answered = 0

  constructor(groupId: string, topic: string, instanceId: string | null, random: Prng) {
    this.#groupId = groupId
    this.#instanceId = instanceId
    this.#random = random
    this.#offsets = new CommittedOffsets(groupId, topic)
  }

  get acknowledged(): number {
    return this.#answered + this.#offsets.acknowledged
  }

  async change(client: WireClient): Promise<void> {
    if (this.#hasLeft || this.#generation === noGeneration || chance(this.#random, joinPermille)) await this.#join(client)
    else if (chance(this.#random, leavePermille)) await this.#leave(client)
    else await this.#offsets.commit(client, [0], { ...this.#member, generationIdOrMemberEpoch: this.#generation })
  }

  async verify(client: WireClient): Promise<void> {
    await findCoordinator(client, this.#groupId)
    await this.#offsets.verify(client)
    if (this.#memberId === '') return
    const asked = { groupId: this.#groupId, ...this.#member, generationId: this.#generation }
    const { errorCode } = await client.call(HeartbeatRequest, HeartbeatResponse, 4, asked)
    const what = `a heartbeat of ${this.#groupId} in generation ${this.#generation}`
    if (this.#hasLeft && errorCode === 0) throw new Error(`${what} was accepted, although the member has left`)
    checkError(errorCode, `${what}${this.#open ? `, with an open ${this.#open},` : ''}`, ...this.#expected().map(({ code }) => code))
    if (this.#hasLeft) return
    this.#open = null
    if (errorCode !== 0) this.#generation = noGeneration
    if (errorCode === errors.UNKNOWN_MEMBER_ID.code) this.#memberId = ''
  }

  /** Errors for a member whose last request may have been executed without a response. */
  #expected(): readonly KafkaError[] {
    const { UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS } = errors
    if (this.#hasLeft || this.#open === 'leave') return [UNKNOWN_MEMBER_ID]
    if (this.#open === null && this.#generation !== noGeneration) return []
    const further = [ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS]
    return this.#generation === noGeneration ? [...further, UNKNOWN_MEMBER_ID] : further
  }

  get #member() {
    return { memberId: this.#memberId, groupInstanceId: this.#instanceId }
  }

  async #join(client: WireClient): Promise<void> {
    if (this.#hasLeft) this.#memberId = ''
    if (this.#hasLeft) this.#generation = noGeneration
    this.#hasLeft = false
    this.#open = 'join'
    const joining = {
      groupId: this.#groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs: sessionTimeoutMs,
      protocolType: 'kept',
      protocols: [{ name: 'kept', metadata: Buffer.from(String(this.#answered)) }],
    }
    let joined = await client.call(JoinGroupRequest, JoinGroupResponse, 9, { ...joining, ...this.#member })
    if (joined.errorCode === errors.MEMBER_ID_REQUIRED.code) {
      this.#memberId = joined.memberId
      joined = await client.call(JoinGroupRequest, JoinGroupResponse, 9, { ...joining, ...this.#member })
    }
    checkError(joined.errorCode, `JoinGroup of ${this.#groupId}`)
    this.#memberId = joined.memberId
    const { generationId, memberId, protocolName } = joined
    const synced = await client.call(SyncGroupRequest, SyncGroupResponse, 5, {
      groupId: this.#groupId,
      generationId,
      ...this.#member,
      protocolType: 'kept',
      protocolName,
      assignments: joined.leader === memberId ? [{ memberId, assignment: Buffer.from('all') }] : [],
    })
    checkError(synced.errorCode, `SyncGroup of ${this.#groupId}`)
    this.#generation = generationId
    this.#answered++
    this.#open = null
  }

  async #leave(client: WireClient): Promise<void> {
    this.#open = 'leave'
    const members = [{ ...this.#member, reason: null }]
    const left = await client.call(LeaveGroupRequest, LeaveGroupResponse, 5, { groupId: this.#groupId, members })
    checkError(left.errorCode || left.members[0]!.errorCode, `LeaveGroup of ${this.#groupId}`)
    this.#hasLeft = true
    this.#open = null
    this.#answered++
  }
}
