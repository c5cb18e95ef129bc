import { assert } from '../base/assert.ts'
import { caughtUpWithinMs, votersMax } from './limits.ts'
import type {
  AddVoterRequest,
  ApiVersionsResponse,
  RaftEffect,
  RaftError,
  RemoveVoterRequest,
  UpdateVoterRequest,
  Voter,
  VoterChangeRequest,
} from './messages.ts'
import { answerPlain, persist, send } from './outputs.ts'
import { isReady, voterProgress } from './progress.ts'
import { advance, answerParked, leaderError } from './replication.ts'
import { type Follower, hasUncommittedVoters, isVoter, type Leader, type RaftState, votersOf } from './state.ts'
import { controlBatch } from './transitions.ts'
import { isSameKey, keyOf, sameEndpoints, type VoterSet, voterOf, withoutVoter, withVoter } from './voters.ts'

/** The `kraft.version` with a voter set in the log. */
const dynamicVersion = 1

/** Adds, removes or updates a voter. A change that cannot start now is answered with a timeout, which clients repeat. */
export function onChangeVoters(s: RaftState, out: RaftEffect[], token: number, change: VoterChangeRequest): void {
  const error = changeError(s, change)
  const { role } = s
  if (role.type !== 'leader' || error !== 'NONE') {
    answerPlain(s, out, token, change.type, error)
    return
  }
  if (change.type === 'addVoter') startAdd(s, out, role, token, change)
  else if (change.type === 'removeVoter') startRemove(s, out, role, token, change)
  else startUpdate(s, out, role, token, change)
}

function changeError(s: RaftState, change: VoterChangeRequest): RaftError {
  const { role } = s
  if (change.type === 'updateVoter') {
    const error = leaderError(s, change.epoch)
    if (error !== 'NONE') return error
  }
  if (role.type !== 'leader') return 'NOT_LEADER_OR_FOLLOWER'
  if (s.voterHistory.last.kraftVersion < dynamicVersion) return 'UNSUPPORTED_VERSION'
  // One change at a time, and only once the own epoch is committed: majorities of successive sets then overlap.
  if (!isReady(s, role) || hasUncommittedVoters(s) || role.change !== undefined) return 'REQUEST_TIMED_OUT'
  return 'NONE'
}

function startAdd(s: RaftState, out: RaftEffect[], role: Leader, token: number, add: AddVoterRequest): void {
  const { voter } = add
  const voters = votersOf(s)
  if (voterOf(voters, voter.id) !== undefined) {
    answerPlain(s, out, token, add.type, 'DUPLICATE_VOTER')
    return
  }
  if (voter.id < 0 || voter.directory === '' || voters.length >= votersMax) {
    answerPlain(s, out, token, add.type, 'INVALID_REQUEST')
    return
  }
  const correlation = send(s, out, voter.id, { type: 'apiVersions' }, voter.endpoints)
  role.change = { token, request: add, correlation, deadline: s.now + s.settings.requestTimeoutMs, endOffset: -1 }
}

/** A node becomes a voter only when it supports the format of the voter set, and has caught up within the hour. */
export function onApiVersionsReply(s: RaftState, out: RaftEffect[], correlation: number, response: ApiVersionsResponse | undefined): void {
  const { role } = s
  if (role.type !== 'leader' || role.change?.correlation !== correlation) return
  const { token, request: add } = role.change
  assert(add.type === 'addVoter', 'only a new voter is queried for its versions')
  role.change = undefined
  const caughtUpAt = voterProgress(role, add.voter)?.caughtUpAt ?? -1
  const isCaughtUp = caughtUpAt >= 0 && s.now - caughtUpAt <= caughtUpWithinMs
  if (response === undefined || !isCaughtUp || hasUncommittedVoters(s)) {
    answerPlain(s, out, token, add.type, 'REQUEST_TIMED_OUT')
    return
  }
  const [min, max] = response.kraftVersions
  if (min > dynamicVersion || max < dynamicVersion) {
    answerPlain(s, out, token, add.type, 'INVALID_REQUEST')
    return
  }
  appendVoters(s, out, role, withVoter(votersOf(s), { ...add.voter, kraftVersions: response.kraftVersions }))
  awaitCommit(s, out, role, token, add, add.ackWhenCommitted)
}

function startRemove(s: RaftState, out: RaftEffect[], role: Leader, token: number, remove: RemoveVoterRequest): void {
  const voters = votersOf(s)
  const voter = voterOf(voters, remove.voter.id)
  if (voter === undefined || !isSameKey(voter, remove.voter)) {
    answerPlain(s, out, token, remove.type, 'VOTER_NOT_FOUND')
    return
  }
  if (voters.length === 1) {
    answerPlain(s, out, token, remove.type, 'INVALID_REQUEST')
    return
  }
  appendVoters(s, out, role, withoutVoter(voters, remove.voter))
  awaitCommit(s, out, role, token, remove, true)
}

function startUpdate(s: RaftState, out: RaftEffect[], role: Leader, token: number, update: UpdateVoterRequest): void {
  const voters = votersOf(s)
  const voter = voterOf(voters, update.voter.id)
  if (voter === undefined || !isSameKey(voter, update.voter)) {
    answerPlain(s, out, token, update.type, 'VOTER_NOT_FOUND')
    return
  }
  appendVoters(s, out, role, withVoter(voters, update.voter))
  awaitCommit(s, out, role, token, update, false)
}

/** The new set is in force at once. */
function appendVoters(s: RaftState, out: RaftEffect[], role: Leader, voters: VoterSet, isFirst = false): void {
  assert(isReady(s, role) && !hasUncommittedVoters(s), 'one change of voters is uncommitted at a time')
  const version = isFirst ? [{ type: 'kraftVersion', version: dynamicVersion } as const] : []
  persist(s, out, { batches: [controlBatch(s, [...version, { type: 'voters', voters }])] })
  role.fetchedVoters = role.fetchedVoters.filter((id) => voterOf(voters, id) !== undefined)
  answerParked(s, out, role)
  advance(s, out, role)
}

function awaitCommit(s: RaftState, out: RaftEffect[], role: Leader, token: number, request: VoterChangeRequest, isAwaited: boolean): void {
  if (!isAwaited) {
    answerPlain(s, out, token, request.type, 'NONE')
    return
  }
  role.change = { token, request, correlation: -1, deadline: s.now + s.settings.requestTimeoutMs, endOffset: s.log.end }
}

/** Ends a change that is committed, or that has taken too long. */
export function pollChange(s: RaftState, out: RaftEffect[], role: Leader): void {
  if (s.voterHistory.last.kraftVersion < dynamicVersion) makeDynamic(s, out, role)
  const { change } = role
  if (change === undefined) return
  const isCommitted = change.endOffset >= 0 && s.highWatermark >= change.endOffset
  if (!isCommitted && s.now < change.deadline) return
  role.change = undefined
  answerPlain(s, out, change.token, change.request.type, isCommitted ? 'NONE' : 'REQUEST_TIMED_OUT')
}

/** When every static voter has fetched with its directory, the leader writes the voter set, and a lost disk is noticed from then on. */
function makeDynamic(s: RaftState, out: RaftEffect[], role: Leader): void {
  if (!isReady(s, role) || s.voterHistory.last.offset >= 0) return
  const voters: Voter[] = []
  for (const voter of votersOf(s)) {
    const directory = voter.id === s.me.id ? s.me.directory : (voterProgress(role, voter)?.key.directory ?? '')
    if (directory === '') return
    voters.push({ ...voter, directory })
  }
  appendVoters(s, out, role, voters, true)
}

/**
 * A voter with changed endpoints updates its entry. With auto-join, an observer removes the voter that had its id on another disk, then
 * adds itself.
 */
export function pollOwnEntry(s: RaftState, out: RaftEffect[], role: Follower): void {
  const { voters, kraftVersion } = s.voterHistory.last
  if (kraftVersion < dynamicVersion || s.now < role.voterRequestAt) return
  const entry = voterOf(voters, s.me.id)
  const message = ownChange(s, entry)
  if (message === undefined) return
  role.voterRequestAt = s.now + s.settings.fetchTimeoutMs
  send(s, out, role.leader, message)
}

function ownChange(s: RaftState, entry: Voter | undefined): VoterChangeRequest | undefined {
  if (isVoter(s)) {
    const isCurrent = entry !== undefined && sameEndpoints(entry.endpoints, s.me.endpoints)
    return isCurrent ? undefined : { type: 'updateVoter', epoch: s.epoch, voter: s.me }
  }
  if (!s.settings.isAutoJoin) return undefined
  if (entry !== undefined) return { type: 'removeVoter', voter: keyOf(entry) }
  return { type: 'addVoter', voter: s.me, ackWhenCommitted: false }
}

export function ownEntryDue(s: RaftState, role: Follower): number {
  const { voters, kraftVersion } = s.voterHistory.last
  if (kraftVersion < dynamicVersion) return Number.POSITIVE_INFINITY
  return ownChange(s, voterOf(voters, s.me.id)) === undefined ? Number.POSITIVE_INFINITY : role.voterRequestAt
}
