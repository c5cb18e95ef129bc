import { assert, unreachable } from '../base/assert.ts'
import {
  electionDue,
  noteLeader,
  onBeginQuorumEpoch,
  onEndQuorumEpoch,
  onEndReply,
  onVote,
  onVoteReply,
  pollCandidate,
  pollProspective,
  pollResigned,
  pollUnattached,
} from './election.ts'
import { fetchDue, fetchNext, followerTarget, isLeaderLost, onFetchReply } from './following.ts'
import { leaderDue, pollLeader } from './leadership.ts'
import type { RaftEffect, RaftEvent, RaftRequest, RaftResponse } from './messages.ts'
import { answer, onPersisted } from './outputs.ts'
import { advance, onFetch, onPropose } from './replication.ts'
import { onCheckpointed, onFetchedPiece, onFetchSnapshot, onFetchSnapshotReply, onInstalled } from './snapshots.ts'
import { electionTimeout, isElectable, isSoleVoter, none, type RaftState } from './state.ts'
import { becomeResigned, becomeSoleLeader } from './transitions.ts'
import { onApiVersionsReply, onChangeVoters, ownEntryDue, pollChange, pollOwnEntry } from './voter-changes.ts'
import { isSameKey } from './voters.ts'

/** Role changes in one step are few: more are a loop. */
const pollsMax = 8

/** The Raft machine: an event changes the state; then the role does what is due, until nothing is. */
export const raftMachine = {
  step(s: RaftState, event: RaftEvent, out: RaftEffect[]): void {
    assert(s.isStarted !== (event.type === 'started'), 'a node starts once')
    handle(s, event, out)
    for (let polls = 0; poll(s, out); polls++) assert(polls < pollsMax, 'a step ends')
    const due = dueAt(s)
    assert(due > s.now, 'what is due is done in the step')
    if (due < s.wakeAt || s.now >= s.wakeAt) {
      s.wakeAt = due
      if (due < Number.POSITIVE_INFINITY) out.push({ type: 'wake', at: due })
    }
  },
}

function handle(s: RaftState, event: RaftEvent, out: RaftEffect[]): void {
  switch (event.type) {
    case 'started':
      start(s, out, event.now)
      return
    case 'tick':
      assert(event.now >= s.now, 'time never decreases')
      s.now = event.now
      return
    case 'rpc':
      onRpc(s, out, event.token, event.request)
      return
    case 'reply':
      onReply(s, out, event.to, event.correlation, event.response)
      return
    case 'propose':
      onPropose(s, out, event.token, event.epoch, event.batches)
      return
    case 'persisted':
      onPersisted(s, out, event.ticket)
      if (s.role.type === 'leader') advance(s, out, s.role)
      return
    case 'checkpointed':
      onCheckpointed(s, out, event.snapshot)
      return
    case 'fetchedPiece':
      noteLeader(s, out, event.response)
      onFetchedPiece(s, out, event.to, event.correlation, event.response)
      return
    case 'installed':
      onInstalled(s, out, event.ticket, event.snapshot)
      return
    case 'resign':
      if (s.role.type === 'leader' && !isSoleVoter(s)) becomeResigned(s, out)
      return
    case 'changeVoters':
      onChangeVoters(s, out, event.token, event.request)
      return
    default:
      unreachable(event)
  }
}

/** A sole voter leads at once: everything durable is committed, since no other log can exist. */
function start(s: RaftState, out: RaftEffect[], now: number): void {
  s.isStarted = true
  s.now = now
  if (isSoleVoter(s)) {
    const end = s.log.end
    if (end > s.highWatermark) {
      s.highWatermark = end
      out.push({ type: 'committed', upTo: end })
    }
    becomeSoleLeader(s, out)
  } else if (s.voted !== undefined && isSameKey(s.voted, s.me)) becomeResigned(s, out)
  else if (s.role.type === 'unattached') s.role.deadline = now + electionTimeout(s)
}

function onRpc(s: RaftState, out: RaftEffect[], token: number, request: RaftRequest): void {
  switch (request.type) {
    case 'vote':
      onVote(s, out, token, request)
      return
    case 'beginQuorumEpoch':
      onBeginQuorumEpoch(s, out, token, request)
      return
    case 'endQuorumEpoch':
      onEndQuorumEpoch(s, out, token, request)
      return
    case 'fetch':
      onFetch(s, out, token, request)
      return
    case 'fetchSnapshot':
      onFetchSnapshot(s, out, token, request)
      return
    case 'addVoter':
    case 'removeVoter':
    case 'updateVoter':
      onChangeVoters(s, out, token, request)
      return
    case 'apiVersions':
      answer(s, out, token, { type: 'apiVersions', kraftVersions: s.me.kraftVersions })
      return
    default:
      unreachable(request)
  }
}

function onReply(s: RaftState, out: RaftEffect[], from: number, correlation: number, response: RaftResponse | undefined): void {
  if (response === undefined) {
    onFailure(s, out, from, correlation)
    return
  }
  if (response.type === 'apiVersions') {
    onApiVersionsReply(s, out, correlation, response)
    return
  }
  noteLeader(s, out, response)
  switch (response.type) {
    case 'vote':
      onVoteReply(s, from, correlation, response)
      return
    case 'fetch':
      onFetchReply(s, out, from, correlation, response)
      return
    case 'fetchSnapshot':
      onFetchSnapshotReply(s, from, correlation, response)
      return
    case 'endQuorumEpoch':
      onEndReply(s, from, correlation, response.error !== 'NONE')
      return
    case 'beginQuorumEpoch':
    case 'addVoter':
    case 'removeVoter':
    case 'updateVoter':
      return
    default:
      unreachable(response)
  }
}

/** A failed request is of the kind that the role sends. */
function onFailure(s: RaftState, out: RaftEffect[], from: number, correlation: number): void {
  onApiVersionsReply(s, out, correlation, undefined)
  onFetchReply(s, out, from, correlation, undefined)
}

/** What is due in the role. True when the role has changed. */
function poll(s: RaftState, out: RaftEffect[]): boolean {
  const { role } = s
  switch (role.type) {
    case 'unattached':
      pollUnattached(s, out, role.deadline)
      if (s.role === role) fetchNext(s, out, none)
      break
    case 'prospective':
      pollProspective(s, out, role)
      break
    case 'candidate':
      pollCandidate(s, out, role)
      break
    case 'follower':
      pollUnattached(s, out, role.deadline)
      if (s.role !== role) break
      fetchNext(s, out, followerTarget(s, role))
      pollOwnEntry(s, out, role)
      break
    case 'leader':
      pollChange(s, out, role)
      pollLeader(s, out, role)
      break
    case 'resigned':
      pollResigned(s, out, role)
      if (s.role === role && role.successors.length === 0) fetchNext(s, out, none)
      break
    default:
      return unreachable(role)
  }
  return s.role !== role
}

/** The earliest time at which the role has something to do. */
function dueAt(s: RaftState): number {
  const { role } = s
  switch (role.type) {
    case 'unattached':
      return Math.min(electionDeadline(s, role.deadline), fetchDue(s))
    case 'prospective':
    case 'candidate':
      return electionDue(s, role.deadline)
    case 'follower':
      return Math.min(
        isLeaderLost(s, role) ? Number.POSITIVE_INFINITY : electionDeadline(s, role.deadline),
        fetchDue(s),
        ownEntryDue(s, role),
      )
    case 'leader':
      return leaderDue(s, role)
    case 'resigned':
      return electionDue(s, role.deadline)
    default:
      return unreachable(role)
  }
}

/** There is no election while a snapshot is installed. An observer has a deadline as follower: it then queries other nodes. */
function electionDeadline(s: RaftState, deadline: number): number {
  if (s.installing !== undefined) return Number.POSITIVE_INFINITY
  return isElectable(s) || s.role.type === 'follower' ? deadline : Number.POSITIVE_INFINITY
}
