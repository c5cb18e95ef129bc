import { assert } from '../base/assert.ts'
import type { FetchResponse, RaftEffect } from './messages.ts'
import { canSend, commit, extendFetchTimeout, pause, persist, request, requestsDue, takeReply } from './outputs.ts'
import { type Follower, isElectable, none, type RaftState, votersOf } from './state.ts'
import { keyOf } from './voters.ts'

/**
 * Fetches from the leader, or from any other node while the leader fails. The fetch acknowledges the log, so it waits until the log is
 * durable. There is one fetch in flight.
 */
export function fetchNext(s: RaftState, out: RaftEffect[], leader: number): void {
  if (s.installing !== undefined || s.log.syncedEnd < s.log.end || s.tickets.length > 0) return
  const { fetching } = s
  if (fetching !== undefined) {
    const isLeaderFree = fetching !== leader && leader >= 0 && canSend(s, leader)
    if (!canSend(s, fetching) && !isLeaderFree) return
    abandon(s, fetching)
  }
  const to = fetchTarget(s, leader)
  if (to === undefined) return
  s.fetching = to
  const { role } = s
  const download = role.type === 'follower' && to === leader ? role.download : undefined
  if (download !== undefined) {
    const { id, position } = download
    const maxBytes = s.settings.snapshotPieceBytesMax
    request(s, out, to, { type: 'fetchSnapshot', epoch: s.epoch, replica: keyOf(s.me), id, position, maxBytes })
    return
  }
  request(s, out, to, {
    type: 'fetch',
    epoch: s.epoch,
    replica: keyOf(s.me),
    offset: s.log.end,
    lastEpoch: s.log.epochs.last,
    highWatermark: s.highWatermark,
    maxWaitMs: to === leader ? s.settings.fetchMaxWaitMs : 0,
  })
}

/** During the pause after a failure of the leader another node is queried: it may have a newer leader. */
function fetchTarget(s: RaftState, leader: number): number | undefined {
  if (leader >= 0 && canSend(s, leader)) return leader
  const voters = votersOf(s)
  const count = voters.length + s.bootstrapServers
  for (let i = 0; i < count; i++) {
    const at = s.nextPeer++ % count
    const id = at < voters.length ? voters[at]!.id : voters.length - 2 - at
    if (id !== s.me.id && id !== leader && canSend(s, id)) return id
  }
  return undefined
}

/** A late reply is ignored: the next fetch may have another offset. */
function abandon(s: RaftState, late: number): void {
  pause(s, s.requests.get(late)!)
  s.fetching = undefined
}

/** Without a fetch in flight, the next one is due at the end of the shortest pause. */
export const fetchDue = (s: RaftState): number =>
  s.installing !== undefined || s.tickets.length > 0 ? Number.POSITIVE_INFINITY : requestsDue(s)

export function onFetchReply(
  s: RaftState,
  out: RaftEffect[],
  from: number,
  correlation: number,
  response: FetchResponse | undefined,
): void {
  const isFailed = response === undefined || response.error !== 'NONE'
  if (!takeReply(s, from, correlation, isFailed)) return
  if (s.fetching === from) s.fetching = undefined
  const { role } = s
  if (isFailed || role.type !== 'follower' || role.leader !== response.leader || response.epoch !== s.epoch) return
  extendFetchTimeout(s, role)
  role.hasFetched = true
  if (response.diverging !== undefined) truncateTo(s, out, response.diverging.epoch, response.diverging.offset)
  else if (response.snapshot !== undefined) startDownload(s, role, response.snapshot)
  else {
    if (response.batches.length > 0) persist(s, out, { batches: response.batches })
    commit(s, out, Math.min(s.log.end, response.highWatermark))
  }
}

/** The logs are equal up to the end of the epoch, in the log that has less of it. */
function truncateTo(s: RaftState, out: RaftEffect[], epoch: number, offset: number): void {
  const own = s.log.epochs.endOf(epoch, s.log.end)
  const to = own.epoch === epoch ? Math.min(own.offset, offset) : own.offset
  assert(to < s.log.end, 'a divergence shortens the log')
  persist(s, out, { truncateTo: to })
}

function startDownload(s: RaftState, role: Follower, id: { readonly offset: number; readonly epoch: number }): void {
  assert(id.offset >= s.highWatermark, 'a snapshot does not remove committed records')
  role.download = { id, position: 0 }
}

/** An observer without its leader queries other nodes; a voter starts an election. */
export const isLeaderLost = (s: RaftState, role: Follower): boolean => s.now >= role.deadline && !isElectable(s)

export const followerTarget = (s: RaftState, role: Follower): number => (isLeaderLost(s, role) ? none : role.leader)
