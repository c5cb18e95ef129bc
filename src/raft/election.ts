import { below } from '../base/prng.ts'
import type { BeginQuorumEpochRequest, EndQuorumEpochRequest, QuorumResponse, RaftEffect, VoteRequest, VoteResponse } from './messages.ts'
import { answer, answerPlain, canSend, request, requestsDue, takeReply } from './outputs.ts'
import {
  type Candidate,
  electionTimeout,
  isElectable,
  isSoleVoter,
  isUpToDate,
  leaderEndpoints,
  leaderOf,
  type Prospective,
  type RaftState,
  type Resigned,
  votersOf,
} from './state.ts'
import { becomeCandidate, becomeFollower, becomeLeader, becomeProspective, becomeSoleLeader, becomeUnattached } from './transitions.ts'
import { isSameKey, keyOf, majorityOf } from './voters.ts'

/** A request to another replica that had this id, on another disk, is not for this one. */
const isForMe = (s: RaftState, { id, directory }: { readonly id: number; readonly directory: string }): boolean =>
  id === s.me.id && (directory === '' || directory === s.me.directory)

export function onVote(s: RaftState, out: RaftEffect[], token: number, vote: VoteRequest): void {
  if (vote.epoch < s.epoch) {
    answerVote(s, out, token, 'FENCED_LEADER_EPOCH')
    return
  }
  // Votes of a standard election are for an epoch that has no records yet.
  if (vote.isPreVote ? vote.lastEpoch > vote.epoch : vote.lastEpoch >= vote.epoch) {
    answerVote(s, out, token, 'INVALID_REQUEST')
    return
  }
  const isFit = isForMe(s, vote.voter) && isUpToDate(s, vote.lastEpoch, vote.endOffset)
  const isNew = vote.epoch > s.epoch
  if (isNew && !(isFit && !vote.isPreVote)) becomeUnattached(s, out, vote.epoch)
  if (!isForMe(s, vote.voter)) {
    answerVote(s, out, token, 'INVALID_VOTER_KEY')
    return
  }
  const isGranted = isFit && (vote.isPreVote ? grantsPreVote(s) : isNew || grantsVote(s, vote))
  // The candidate gets the time of an election.
  if (isGranted && !vote.isPreVote && (isNew || s.voted === undefined)) {
    becomeUnattached(s, out, vote.epoch, s.now + electionTimeout(s), keyOf(vote.candidate))
  }
  answerVote(s, out, token, 'NONE', isGranted)
}

/**
 * A follower with a working leader keeps it: a node that was cut off does not depose the leader when it returns. An observer remains a follower
 * after its fetch timeout, and may be a voter of a set that it has not received: it grants from then on.
 */
function grantsPreVote(s: RaftState): boolean {
  const { role } = s
  return role.type !== 'leader' && !(role.type === 'follower' && role.hasFetched && s.now < role.deadline)
}

function grantsVote(s: RaftState, { candidate }: VoteRequest): boolean {
  const { role } = s
  if (role.type !== 'unattached' && role.type !== 'prospective') return false
  return leaderOf(s) < 0 && (s.voted === undefined || isSameKey(s.voted, candidate))
}

function answerVote(s: RaftState, out: RaftEffect[], token: number, error: VoteResponse['error'], isGranted = false): void {
  answer(s, out, token, { type: 'vote', error, leader: leaderOf(s), epoch: s.epoch, endpoints: leaderEndpoints(s), isGranted })
}

/** Each reply reports a leader and its epoch, with an error or without. */
export function noteLeader(s: RaftState, out: RaftEffect[], { epoch, leader, endpoints }: QuorumResponse): void {
  if (epoch < s.epoch) return
  const isOther = leader >= 0 && leader !== s.me.id
  if (epoch > s.epoch) {
    if (isOther) becomeFollower(s, out, epoch, leader, endpoints)
    else becomeUnattached(s, out, epoch)
    return
  }
  const isSearching = s.role.type !== 'follower' && s.role.type !== 'leader'
  if (isOther && isSearching && leaderOf(s) < 0) becomeFollower(s, out, epoch, leader, endpoints)
}

export function onVoteReply(s: RaftState, from: number, correlation: number, response: VoteResponse | undefined): void {
  const { role } = s
  const isFailed = response === undefined || response.error !== 'NONE'
  takeReply(s, from, correlation, isFailed)
  if (role.type !== 'prospective' && role.type !== 'candidate') return
  if (isFailed || correlation <= role.since || response.epoch !== s.epoch) return
  const { granted, rejected } = role
  if (granted.includes(from) || rejected.includes(from)) return
  ;(response.isGranted ? granted : rejected).push(from)
}

/** Votes of voters only: the set may have changed since. */
function countOf(s: RaftState, ids: readonly number[]): number {
  let count = 0
  for (const voter of votersOf(s)) if (ids.includes(voter.id)) count++
  return count
}

export function pollUnattached(s: RaftState, out: RaftEffect[], deadline: number): void {
  if (!isElectable(s) || s.now < deadline || s.installing !== undefined) return
  if (isSoleVoter(s)) becomeSoleLeader(s, out)
  else becomeProspective(s)
}

export function pollProspective(s: RaftState, out: RaftEffect[], role: Prospective): void {
  const voters = votersOf(s)
  const isRejected = countOf(s, role.rejected) > voters.length - majorityOf(voters)
  if (isSoleVoter(s)) becomeSoleLeader(s, out)
  else if (countOf(s, role.granted) >= majorityOf(voters)) becomeCandidate(s, out)
  else if (isRejected || s.now >= role.deadline) {
    if (role.leader >= 0) becomeFollower(s, out, s.epoch, role.leader, role.endpoints)
    else becomeUnattached(s, out, s.epoch)
  } else sendVotes(s, out, role)
}

export function pollCandidate(s: RaftState, out: RaftEffect[], role: Candidate): void {
  const voters = votersOf(s)
  if (s.votesInFlight === 0 && !role.granted.includes(s.me.id)) role.granted.push(s.me.id)
  const isRejected = countOf(s, role.rejected) > voters.length - majorityOf(voters)
  if (countOf(s, role.granted) >= majorityOf(voters)) becomeLeader(s, out, [...role.granted])
  else if (s.now >= role.deadline) becomeProspective(s)
  else if (isRejected) backOff(s, role)
  else sendVotes(s, out, role)
}

/** Rivals that lost to each other start again at different times. */
function backOff(s: RaftState, role: Candidate): void {
  if (role.isLost) return
  role.isLost = true
  role.deadline = Math.min(role.deadline, s.now + 1 + below(s.random, s.settings.electionBackoffMaxMs))
}

function sendVotes(s: RaftState, out: RaftEffect[], role: Prospective | Candidate): void {
  for (const voter of votersOf(s)) {
    const { id } = voter
    if (id === s.me.id || role.granted.includes(id) || role.rejected.includes(id) || !canSend(s, id)) continue
    request(s, out, id, {
      type: 'vote',
      epoch: s.epoch,
      candidate: keyOf(s.me),
      voter: keyOf(voter),
      lastEpoch: s.log.epochs.last,
      endOffset: s.log.end,
      isPreVote: role.type === 'prospective',
    })
  }
}

export const electionDue = (s: RaftState, deadline: number): number => Math.min(deadline, requestsDue(s))

export function onBeginQuorumEpoch(s: RaftState, out: RaftEffect[], token: number, begin: BeginQuorumEpochRequest): void {
  if (begin.epoch < s.epoch) {
    answerPlain(s, out, token, 'beginQuorumEpoch', 'FENCED_LEADER_EPOCH')
    return
  }
  if (begin.leader === s.me.id || begin.leader < 0) {
    answerPlain(s, out, token, 'beginQuorumEpoch', 'INVALID_REQUEST')
    return
  }
  const { role } = s
  const isNew = begin.epoch > s.epoch || role.type !== 'follower'
  // An epoch has one leader: another one is no leader.
  const isOther = role.type === 'leader' || (role.type === 'follower' && role.leader !== begin.leader)
  if (begin.epoch === s.epoch && isOther) {
    answerPlain(s, out, token, 'beginQuorumEpoch', 'INVALID_REQUEST')
    return
  }
  if (isNew) becomeFollower(s, out, begin.epoch, begin.leader, begin.endpoints)
  answerPlain(s, out, token, 'beginQuorumEpoch', isForMe(s, begin.voter) ? 'NONE' : 'INVALID_VOTER_KEY')
}

/** The first successor starts an election at once; the others wait, longer the further back they are. */
export function onEndQuorumEpoch(s: RaftState, out: RaftEffect[], token: number, end: EndQuorumEpochRequest): void {
  if (end.epoch < s.epoch) {
    answerPlain(s, out, token, 'endQuorumEpoch', 'FENCED_LEADER_EPOCH')
    return
  }
  if (end.leader === s.me.id || end.leader < 0) {
    answerPlain(s, out, token, 'endQuorumEpoch', 'INVALID_REQUEST')
    return
  }
  if (end.epoch > s.epoch) becomeFollower(s, out, end.epoch, end.leader, end.endpoints)
  const { role } = s
  if (role.type === 'follower' || role.type === 'unattached') {
    const at = end.successors.findIndex((key) => isForMe(s, key))
    role.deadline = Math.min(role.deadline, s.now + successionDelay(s, at, end.successors.length))
    if (role.type === 'follower') role.hasFetched = false
  }
  answerPlain(s, out, token, 'endQuorumEpoch', 'NONE')
}

function successionDelay(s: RaftState, at: number, count: number): number {
  if (at === 0) return 0
  const { electionBackoffMaxMs } = s.settings
  const share = at < 0 ? 1 : at / count
  return Math.ceil(electionBackoffMaxMs * share) + below(s.random, s.settings.retryBackoffMs)
}

/** A resigned leader notifies the voters, and takes part in elections again in the next epoch. */
export function pollResigned(s: RaftState, out: RaftEffect[], role: Resigned): void {
  if (s.now >= role.deadline) {
    becomeUnattached(s, out, s.epoch + 1)
    return
  }
  for (const { id } of votersOf(s)) {
    if (id === s.me.id || role.acknowledged.includes(id) || !canSend(s, id)) continue
    const { successors } = role
    request(s, out, id, { type: 'endQuorumEpoch', epoch: s.epoch, leader: s.me.id, successors, endpoints: s.me.endpoints })
  }
}

export function onEndReply(s: RaftState, from: number, correlation: number, isFailed: boolean): void {
  takeReply(s, from, correlation, isFailed)
  const { role } = s
  if (role.type === 'resigned' && !isFailed && correlation > role.since && !role.acknowledged.includes(from)) role.acknowledged.push(from)
}
