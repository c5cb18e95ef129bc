import { checkQuorumTimeouts, observerListedMs } from './limits.ts'
import type { RaftEffect } from './messages.ts'
import { send } from './outputs.ts'
import { isReady, progressOf, voterProgress } from './progress.ts'
import { expireParked } from './replication.ts'
import { hasUncommittedVoters, isVoter, type Leader, type RaftState, votersOf } from './state.ts'
import { becomeResigned } from './transitions.ts'
import { isVoterKey, keyOf, majorityOf } from './voters.ts'

/** What is due for a leader. It resigns without a majority, and once its removal is committed. */
export function pollLeader(s: RaftState, out: RaftEffect[], role: Leader): void {
  if (!hasQuorum(s, role) || isRemoved(s, role)) {
    becomeResigned(s, out)
    return
  }
  expireParked(s, out, role)
  beginQuorum(s, out, role)
  if (s.now >= role.sweepAt) dropObservers(s, role)
}

/** A leader that removed itself leads until this is committed. */
const isRemoved = (s: RaftState, role: Leader): boolean => !isVoter(s) && isReady(s, role) && !hasUncommittedVoters(s)

/** A leader without fetches from a majority for 1.5 fetch timeouts resigns. Fetches count from the last time that a majority was complete. */
function hasQuorum(s: RaftState, role: Leader): boolean {
  const isTimed = role.quorumDeadline < Number.POSITIVE_INFINITY
  if (isTimed && role.fetchedVoters.length === 0 && s.now < role.quorumDeadline) return true
  const voters = votersOf(s)
  const needed = majorityOf(voters) - (isVoter(s) ? 1 : 0)
  let fetched = 0
  for (const id of role.fetchedVoters) if (voters.some((voter) => voter.id === id)) fetched++
  if (!isTimed || fetched >= needed) {
    // A leader that is the majority alone has no timer.
    role.quorumDeadline = needed === 0 ? Number.POSITIVE_INFINITY : s.now + s.settings.fetchTimeoutMs * checkQuorumTimeouts
    role.fetchedVoters = []
    return true
  }
  return s.now < role.quorumDeadline
}

/** Notifies the voters of the new epoch, and those that have not fetched for half a fetch timeout. */
function beginQuorum(s: RaftState, out: RaftEffect[], role: Leader): void {
  for (const voter of votersOf(s)) {
    if (voter.id === s.me.id) continue
    const progress = voterProgress(role, voter) ?? progressOf(s, role, voter)
    if (progress === undefined || s.now < progress.beginAt) continue
    progress.beginAt = s.now + s.settings.fetchTimeoutMs / 2
    send(s, out, voter.id, {
      type: 'beginQuorumEpoch',
      epoch: s.epoch,
      leader: s.me.id,
      voter: keyOf(voter),
      endpoints: s.me.endpoints,
    })
  }
}

export function leaderDue(s: RaftState, role: Leader): number {
  let at = Math.min(role.quorumDeadline, role.parkedDeadline, role.change?.deadline ?? Number.POSITIVE_INFINITY)
  const voters = votersOf(s)
  for (let i = 0; i < voters.length; i++) {
    const voter = voters[i]!
    if (voter.id === s.me.id) continue
    const progress = voterProgress(role, voter)
    if (progress !== undefined && progress.beginAt < at) at = progress.beginAt
  }
  return at
}

/** Observers that have not fetched for five minutes are dropped. */
function dropObservers(s: RaftState, role: Leader): void {
  role.sweepAt = s.now + observerListedMs
  const voters = votersOf(s)
  for (const [id, list] of role.replicas) {
    const kept = list.filter(
      ({ key, fetchedAt, parked }) => isVoterKey(voters, key) || parked !== undefined || s.now - fetchedAt < observerListedMs,
    )
    if (kept.length === list.length) continue
    if (kept.length === 0) role.replicas.delete(id)
    else role.replicas.set(id, kept)
  }
  role.observers = [...role.replicas.values()].flat().filter(({ key }) => !isVoterKey(voters, key)).length
}
