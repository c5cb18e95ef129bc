import { assert } from '../base/assert.ts'
import { observersMax } from './limits.ts'
import type { RaftEffect, ReplicaKey, Voter } from './messages.ts'
import { commit } from './outputs.ts'
import { isVoter, type Leader, none, type Progress, type RaftState, votersOf } from './state.ts'
import { isVoterKey, keyOf } from './voters.ts'

/** Progress of a replica; `undefined` for a reader without an id, or an observer beyond the limit, which are served without. */
export function progressOf(s: RaftState, role: Leader, key: ReplicaKey): Progress | undefined {
  if (key.id < 0) return undefined
  const list = role.replicas.get(key.id)
  if (list === undefined) return added(s, role, key, [])
  const first = list[0]
  if (first !== undefined && first.key.directory === key.directory) return first
  const at = list.findIndex(({ key: { directory } }) => directory === key.directory)
  if (at < 0) return added(s, role, key, list)
  const [progress] = list.splice(at, 1)
  list.unshift(progress!)
  return progress
}

function added(s: RaftState, role: Leader, key: ReplicaKey, list: Progress[]): Progress | undefined {
  if (!isVoterKey(votersOf(s), key) && ++role.observers > observersMax) return undefined
  const progress: Progress = {
    key: keyOf(key),
    end: none,
    fetchedAt: none,
    caughtUpAt: none,
    leaderEnd: none,
    beginAt: s.now,
    parked: undefined,
  }
  list.unshift(progress)
  role.replicas.set(key.id, list)
  return progress
}

/** Progress of a voter: with its directory, or the last replica with the id of a static voter. */
export function voterProgress(role: Leader, voter: Voter): Progress | undefined {
  const list = role.replicas.get(voter.id)
  if (list === undefined) return undefined
  if (voter.directory === '') return list[0]
  for (let i = 0; i < list.length; i++) if (list[i]!.key.directory === voter.directory) return list[i]
  return undefined
}

export const isReady = (s: RaftState, role: Leader): boolean => s.highWatermark > role.startOffset

const ends: number[] = []

/**
 * The greatest offset that is durable on a majority of the voters in force. A leader outside the set does not count, and its own log counts up
 * to its durable end. Records of earlier epochs are committed only with one of its own epoch.
 */
export function updateHighWatermark(s: RaftState, out: RaftEffect[], role: Leader): void {
  const voters = votersOf(s)
  ends.length = 0
  for (let i = 0; i < voters.length; i++) {
    const voter = voters[i]!
    const isMe = voter.id === s.me.id && isVoter(s)
    insert(isMe ? s.log.syncedEnd : (voterProgress(role, voter)?.end ?? none))
  }
  assert(ends.length > 0, 'a cluster has voters')
  const upTo = ends[ends.length >> 1]!
  if (upTo > s.highWatermark && upTo > role.startOffset) commit(s, out, upTo)
}

/** Descending. */
function insert(end: number): void {
  let at = ends.length
  ends.push(end)
  while (at > 0 && ends[at - 1]! < end) {
    ends[at] = ends[at - 1]!
    at--
  }
  ends[at] = end
}
