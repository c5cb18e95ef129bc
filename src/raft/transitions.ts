import { assert } from '../base/assert.ts'
import { observerListedMs } from './limits.ts'
import type { Batch, ControlRecord, Endpoint, RaftEffect, ReplicaKey } from './messages.ts'
import { answer, answerPlain, persist } from './outputs.ts'
import {
  electionTimeout,
  isElectable,
  type Leader,
  leaderEndpoints,
  leaderOf,
  none,
  type ParkedFetch,
  type RaftState,
  type Role,
  votersOf,
} from './state.ts'
import { keyOf, sameEndpoints, voterOf, withVoter } from './voters.ts'

/** Replies to requests of the former role are ignored from here on. */
function enter(s: RaftState, role: Role): void {
  s.role = role
  s.requests.clear()
  s.fetching = undefined
}

/** Epochs grow. A vote is of its epoch. */
function raiseEpoch(s: RaftState, epoch: number): boolean {
  assert(epoch >= s.epoch, 'the epoch never decreases')
  if (epoch === s.epoch) return false
  s.epoch = epoch
  s.voted = undefined
  return true
}

/** A node that waited for a leader or an election waits no longer because of a new epoch. */
function remaining(s: RaftState): number {
  const { role } = s
  const isWaiting = role.type === 'unattached' || role.type === 'follower'
  return isWaiting && role.deadline > s.now && Number.isFinite(role.deadline) ? role.deadline : s.now + electionTimeout(s)
}

/** With `voted` the node votes in the epoch: both are one write. */
export function becomeUnattached(s: RaftState, out: RaftEffect[], epoch: number, deadline = remaining(s), voted?: ReplicaKey): void {
  const former = leaveLeadership(s)
  const isRaised = raiseEpoch(s, epoch)
  if (voted !== undefined) s.voted = voted
  const hasVote = isRaised || voted !== undefined
  enter(s, { type: 'unattached', since: s.correlation, deadline })
  if (hasVote) persist(s, out, { hasVote })
  out.push({ type: 'following', leader: none, epoch, endpoints: [] })
  answerFormer(s, out, former)
}

export function becomeFollower(s: RaftState, out: RaftEffect[], epoch: number, leader: number, endpoints: readonly Endpoint[]): void {
  assert(leader >= 0 && leader !== s.me.id, 'a follower has another node as leader')
  const former = leaveLeadership(s)
  const hasVote = raiseEpoch(s, epoch)
  const deadline = s.now + s.settings.fetchTimeoutMs
  const voterRequestAt = deadline
  enter(s, { type: 'follower', since: s.correlation, leader, endpoints, deadline, hasFetched: false, download: undefined, voterRequestAt })
  if (hasVote) persist(s, out, { hasVote })
  out.push({ type: 'following', leader, epoch, endpoints })
  answerFormer(s, out, former)
}

/** A pre-vote changes nothing durable: neither the epoch nor the vote in it. */
export function becomeProspective(s: RaftState): void {
  assert(isElectable(s), 'only voters are candidates')
  const leader = leaderOf(s)
  const endpoints = leaderEndpoints(s)
  const granted = [s.me.id]
  enter(s, { type: 'prospective', since: s.correlation, deadline: s.now + electionTimeout(s), leader, endpoints, granted, rejected: [] })
}

/** Its own vote is counted when it is durable. */
export function becomeCandidate(s: RaftState, out: RaftEffect[]): void {
  assert(isElectable(s), 'only voters are candidates')
  raiseEpoch(s, s.epoch + 1)
  s.voted = keyOf(s.me)
  enter(s, { type: 'candidate', since: s.correlation, deadline: s.now + electionTimeout(s), isLost: false, granted: [], rejected: [] })
  persist(s, out, { hasVote: true })
  out.push({ type: 'following', leader: none, epoch: s.epoch, endpoints: [] })
}

/** A sole voter needs no other vote: its vote and the first batch of its epoch are one write. */
export function becomeSoleLeader(s: RaftState, out: RaftEffect[]): void {
  raiseEpoch(s, s.epoch + 1)
  s.voted = keyOf(s.me)
  becomeLeader(s, out, [s.me.id], true)
}

export function becomeLeader(s: RaftState, out: RaftEffect[], granting: readonly number[], hasVote = false): void {
  const startOffset = s.log.end
  assert(s.log.epochs.last < s.epoch, 'a leader has written no record of its epoch before')
  enter(s, {
    type: 'leader',
    since: s.correlation,
    startOffset,
    replicas: new Map(),
    observers: 0,
    fetchedVoters: [],
    sweepAt: s.now + observerListedMs,
    quorumDeadline: Number.POSITIVE_INFINITY,
    parkedCount: 0,
    parkedDeadline: Number.POSITIVE_INFINITY,
    pending: [],
    change: undefined,
  })
  const batch = controlBatch(s, [{ type: 'leaderChange', leader: keyOf(s.me), voters: votersOf(s), granting }, ...firstVoters(s)])
  persist(s, out, { hasVote, batches: [batch] })
  out.push({ type: 'leading', epoch: s.epoch, startOffset })
}

/** The first leader writes the voters of the bootstrap checkpoint; later ones correct their own endpoints. */
function firstVoters(s: RaftState): ControlRecord[] {
  const { offset, voters, kraftVersion } = s.voterHistory.last
  if (kraftVersion === 0) return []
  const mine = voterOf(voters, s.me.id)
  const isCurrent = mine === undefined || sameEndpoints(mine.endpoints, s.me.endpoints)
  if (offset >= 0 && isCurrent) return []
  const version: ControlRecord[] = offset < 0 ? [{ type: 'kraftVersion', version: kraftVersion }] : []
  return [...version, { type: 'voters', voters: isCurrent ? voters : withVoter(voters, s.me) }]
}

/** Bytes of a control batch are those of its header, roughly; only sums of them are used. */
const controlBatchBytes = 100

export const controlBatch = (s: RaftState, control: readonly ControlRecord[]): Batch => ({
  baseOffset: s.log.end,
  endOffset: s.log.end + control.length,
  epoch: s.epoch,
  bytes: controlBatchBytes * control.length,
  control,
  payload: undefined,
})

/** The epoch remains, but this node cannot lead in it again: others may have records that its disk has lost. */
export function becomeResigned(s: RaftState, out: RaftEffect[]): void {
  const former = leaveLeadership(s)
  const successors = former === undefined ? [] : successorsOf(s, former)
  enter(s, { type: 'resigned', since: s.correlation, deadline: s.now + electionTimeout(s), successors, acknowledged: [] })
  out.push({ type: 'following', leader: none, epoch: s.epoch, endpoints: [] })
  answerFormer(s, out, former)
}

const successorsOf = (s: RaftState, leader: Leader) =>
  votersOf(s)
    .filter(({ id }) => id !== s.me.id)
    .map((voter) => ({ key: keyOf(voter), end: leader.replicas.get(voter.id)?.[0]?.end ?? none }))
    .sort((a, b) => b.end - a.end || a.key.id - b.key.id)
    .map(({ key }) => key)

const leaveLeadership = (s: RaftState): Leader | undefined => (s.role.type === 'leader' ? s.role : undefined)

/** Every open request to a former leader is answered; what it has appended may still be committed. */
function answerFormer(s: RaftState, out: RaftEffect[], former: Leader | undefined): void {
  if (former === undefined) return
  const leader = leaderOf(s)
  for (const { token } of former.pending) out.push({ type: 'refused', token, leader, mayCommit: true })
  const { change } = former
  if (change !== undefined) answerPlain(s, out, change.token, change.request.type, 'NOT_LEADER_OR_FOLLOWER')
  if (former.parkedCount === 0) return
  for (const list of former.replicas.values()) for (const { parked } of list) if (parked !== undefined) answerNotLeader(s, out, parked)
}

function answerNotLeader(s: RaftState, out: RaftEffect[], { token }: ParkedFetch): void {
  answer(s, out, token, {
    type: 'fetch',
    error: 'NOT_LEADER_OR_FOLLOWER',
    leader: leaderOf(s),
    epoch: s.epoch,
    endpoints: leaderEndpoints(s),
    highWatermark: none,
    logStart: none,
    diverging: undefined,
    snapshot: undefined,
    batches: [],
  })
}
