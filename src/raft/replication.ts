import { assert } from '../base/assert.ts'
import { pendingProposalsMax } from './limits.ts'
import type { Batch, FetchRequest, Proposal, RaftEffect, RaftError, SnapshotId } from './messages.ts'
import { answer, persist } from './outputs.ts'
import { progressOf, updateHighWatermark } from './progress.ts'
import { type Leader, leaderEndpoints, leaderOf, none, type Progress, type RaftState, votersOf } from './state.ts'
import { isVoterKey } from './voters.ts'

/** Appends batches of the controller, if it is the leader of the epoch for which they were made. */
export function onPropose(s: RaftState, out: RaftEffect[], token: number, epoch: number, proposals: readonly Proposal[]): void {
  const { role } = s
  if (role.type !== 'leader' || epoch !== s.epoch || role.pending.length >= pendingProposalsMax) {
    out.push({ type: 'refused', token, leader: leaderOf(s), mayCommit: false })
    return
  }
  assert(proposals.length > 0, 'a proposal has batches')
  let end = s.log.end
  const batches: Batch[] = []
  for (const { count, bytes, payload } of proposals) {
    batches.push({ baseOffset: end, endOffset: end + count, epoch, bytes, control: undefined, payload })
    end += count
  }
  persist(s, out, { batches })
  role.pending.push({ token, endOffset: end })
  out.push({ type: 'appended', token, endOffset: end })
  answerParked(s, out, role)
}

/** After anything that may commit: the high watermark, and the fetches that wait for it. */
export function advance(s: RaftState, out: RaftEffect[], role: Leader): void {
  const before = s.highWatermark
  updateHighWatermark(s, out, role)
  if (s.highWatermark === before) return
  let committed = 0
  while (committed < role.pending.length && role.pending[committed]!.endOffset <= s.highWatermark) committed++
  if (committed > 0) role.pending.splice(0, committed)
  answerParked(s, out, role)
}

/** The fetch of a follower is its acknowledgement: what is below its offset is durable there. */
export function onFetch(s: RaftState, out: RaftEffect[], token: number, request: FetchRequest): void {
  const { role } = s
  const error = leaderError(s, request.epoch)
  if (role.type !== 'leader' || error !== 'NONE') {
    answerFetch(s, out, token, error, undefined, undefined)
    return
  }
  if (!(request.offset >= 0 && request.lastEpoch >= 0)) {
    answerFetch(s, out, token, 'INVALID_REQUEST', undefined, undefined)
    return
  }
  const progress = progressOf(s, role, request.replica)
  if (progress?.parked !== undefined) answerParkedFetch(s, out, role, progress)
  noteFetch(s, role, request, progress)
  const snapshot = snapshotFor(s, request)
  if (snapshot !== undefined) {
    answerFetch(s, out, token, 'NONE', undefined, snapshot)
    return
  }
  const known = s.log.epochs.endOf(request.lastEpoch, s.log.end)
  if (known.epoch !== request.lastEpoch || known.offset < request.offset) {
    answerFetch(s, out, token, 'NONE', known, undefined)
    return
  }
  if (progress !== undefined) noteEnd(s, progress, request.offset)
  if (progress !== undefined && isVoterKey(votersOf(s), request.replica)) advance(s, out, role)
  const isParked = request.offset === s.log.end && request.highWatermark >= s.highWatermark && request.maxWaitMs > 0
  if (isParked && progress !== undefined) park(s, role, progress, token, request)
  else answerRecords(s, out, token, request)
}

/** Errors of requests for the leader of an epoch. */
export function leaderError(s: RaftState, epoch: number): RaftError {
  if (epoch < s.epoch) return 'FENCED_LEADER_EPOCH'
  if (epoch > s.epoch) return 'UNKNOWN_LEADER_EPOCH'
  return s.role.type === 'leader' ? 'NONE' : 'NOT_LEADER_OR_FOLLOWER'
}

/** Any fetch of a voter counts for check-quorum. */
export function noteFetch(
  s: RaftState,
  role: Leader,
  { replica }: { readonly replica: FetchRequest['replica'] },
  progress: Progress | undefined,
): void {
  if (progress === undefined) return
  progress.fetchedAt = s.now
  progress.beginAt = s.now + s.settings.fetchTimeoutMs / 2
  if (isVoterKey(votersOf(s), replica) && !role.fetchedVoters.includes(replica.id)) role.fetchedVoters.push(replica.id)
}

function noteEnd(s: RaftState, progress: Progress, offset: number): void {
  progress.end = offset
  // Caught up now, or at its last fetch with what the leader had then.
  if (offset >= s.log.end || offset >= progress.leaderEnd) progress.caughtUpAt = s.now
  progress.leaderEnd = s.log.end
}

/** The snapshot that a follower needs, because the log does not have what precedes or follows its offset. */
function snapshotFor(s: RaftState, { offset, lastEpoch }: FetchRequest): SnapshotId | undefined {
  const { start, epochs, snapshots } = s.log
  const latest = snapshots.at(-1)
  if (latest === undefined) return undefined
  const isBefore = offset < start || offset === 0
  const isOther = (offset === start && lastEpoch !== epochs.baseEpoch) || lastEpoch < epochs.baseEpoch
  return isBefore || isOther ? { offset: latest.offset, epoch: latest.epoch } : undefined
}

function park(s: RaftState, role: Leader, progress: Progress, token: number, request: FetchRequest): void {
  assert(progress.parked === undefined, 'a replica has one parked fetch')
  const deadline = s.now + Math.min(request.maxWaitMs, s.settings.fetchMaxWaitMs)
  progress.parked = { token, request, deadline }
  role.parkedCount++
  role.parkedDeadline = Math.min(role.parkedDeadline, deadline)
}

function answerParkedFetch(s: RaftState, out: RaftEffect[], role: Leader, progress: Progress): void {
  const { token, request } = progress.parked!
  progress.parked = undefined
  role.parkedCount--
  answerRecords(s, out, token, request)
}

/** Answers every parked fetch that has new records or a new high watermark. */
export function answerParked(s: RaftState, out: RaftEffect[], role: Leader): void {
  if (role.parkedCount === 0) return
  for (const list of role.replicas.values()) {
    for (const progress of list) {
      const { parked } = progress
      if (parked === undefined) continue
      const { offset, highWatermark } = parked.request
      if (offset < s.log.end || highWatermark < s.highWatermark) answerParkedFetch(s, out, role, progress)
    }
  }
}

export function expireParked(s: RaftState, out: RaftEffect[], role: Leader): void {
  if (s.now < role.parkedDeadline) return
  let next = Number.POSITIVE_INFINITY
  for (const list of role.replicas.values()) {
    for (const progress of list) {
      if (progress.parked === undefined) continue
      if (progress.parked.deadline <= s.now) answerParkedFetch(s, out, role, progress)
      else next = Math.min(next, progress.parked.deadline)
    }
  }
  role.parkedDeadline = next
}

function answerRecords(s: RaftState, out: RaftEffect[], token: number, { offset }: FetchRequest): void {
  answerFetch(s, out, token, 'NONE', undefined, undefined, offset)
}

function answerFetch(
  s: RaftState,
  out: RaftEffect[],
  token: number,
  error: RaftError,
  diverging: SnapshotId | undefined,
  snapshot: SnapshotId | undefined,
  from = none,
): void {
  const attachment = from >= 0 && from < s.log.end ? ({ type: 'batches', from, to: s.log.end } as const) : undefined
  const isOk = error === 'NONE'
  answer(
    s,
    out,
    token,
    {
      type: 'fetch',
      error,
      leader: leaderOf(s),
      epoch: s.epoch,
      endpoints: leaderEndpoints(s),
      highWatermark: isOk ? s.highWatermark : none,
      logStart: isOk ? s.log.start : none,
      diverging,
      snapshot,
      batches: [],
    },
    attachment,
  )
}
