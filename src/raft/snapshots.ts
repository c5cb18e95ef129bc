import { assert } from '../base/assert.ts'
import type {
  FetchSnapshotRequest,
  FetchSnapshotResponse,
  InstalledSnapshot,
  RaftEffect,
  RaftError,
  Snapshot,
  SnapshotId,
} from './messages.ts'
import { answer, commit, extendFetchTimeout, takeReply } from './outputs.ts'
import { progressOf } from './progress.ts'
import { leaderError, noteFetch } from './replication.ts'
import { leaderEndpoints, leaderOf, none, type RaftState } from './state.ts'

/** A snapshot of committed state. The log below an older one is dropped once enough was appended behind it. */
export function onCheckpointed(s: RaftState, out: RaftEffect[], { offset, epoch, bytes }: Snapshot): void {
  const { log } = s
  const latest = log.snapshots.at(-1)
  if (offset <= (latest?.offset ?? 0)) return
  assert(offset <= s.highWatermark, 'a snapshot contains committed records only')
  assert(epoch === log.epochs.epochBefore(offset), 'a snapshot has the epoch of its last record')
  log.snapshots.push({ offset, epoch, bytes, appendedBytes: log.appendedBytes })
  let keep = none
  for (let i = 0; i < log.snapshots.length; i++) if (log.appendedBytes - log.snapshots[i]!.appendedBytes >= s.settings.retainBytes) keep = i
  const oldest = log.snapshots[keep]
  if (oldest === undefined || oldest.offset <= log.start) return
  log.snapshots = log.snapshots.slice(keep)
  dropBelow(s, out, oldest.offset)
}

function dropBelow(s: RaftState, out: RaftEffect[], offset: number): void {
  const { log } = s
  assert(offset > log.start && offset <= s.highWatermark, 'the log starts at a snapshot of committed records')
  log.epochs.dropBelow(offset)
  s.voterHistory.dropBelow(offset)
  log.start = offset
  out.push({ type: 'dropBelow', offset })
}

const isSameId = (a: SnapshotId, b: SnapshotId): boolean => a.offset === b.offset && a.epoch === b.epoch

export function onFetchSnapshot(s: RaftState, out: RaftEffect[], token: number, request: FetchSnapshotRequest): void {
  const { id, position, maxBytes } = request
  const { role } = s
  const error = leaderError(s, request.epoch)
  if (role.type !== 'leader' || error !== 'NONE') {
    answerPiece(s, out, token, request, error, 0, 0)
    return
  }
  noteFetch(s, role, request, progressOf(s, role, request.replica))
  const snapshot = s.log.snapshots.find((each) => isSameId(each, id))
  if (snapshot === undefined) {
    answerPiece(s, out, token, request, 'SNAPSHOT_NOT_FOUND', 0, 0)
    return
  }
  const size = snapshot.bytes
  if (position < 0 || position >= size || maxBytes <= 0) {
    answerPiece(s, out, token, request, 'POSITION_OUT_OF_RANGE', 0, size)
    return
  }
  answerPiece(s, out, token, request, 'NONE', Math.min(maxBytes, size - position, s.settings.snapshotPieceBytesMax), size)
}

function answerPiece(
  s: RaftState,
  out: RaftEffect[],
  token: number,
  { id, position }: FetchSnapshotRequest,
  error: RaftError,
  bytes: number,
  size: number,
): void {
  const base = { error, leader: leaderOf(s), epoch: s.epoch, endpoints: leaderEndpoints(s) }
  const attachment = bytes > 0 ? ({ type: 'piece', id, position, bytes } as const) : undefined
  answer(s, out, token, { type: 'fetchSnapshot', ...base, id, position, bytes, size }, attachment)
}

/** A failed request. Without the snapshot the follower begins again with a Fetch. */
export function onFetchSnapshotReply(s: RaftState, from: number, correlation: number, response: FetchSnapshotResponse | undefined): void {
  assert(response === undefined || response.error !== 'NONE', 'a piece is written before it is reported')
  const isGone = response?.error === 'SNAPSHOT_NOT_FOUND' || response?.error === 'POSITION_OUT_OF_RANGE'
  if (!takeReply(s, from, correlation, !isGone)) return
  if (s.fetching === from) s.fetching = undefined
  const { role } = s
  if (isGone && role.type === 'follower' && role.leader === from) role.download = undefined
}

export function onFetchedPiece(
  s: RaftState,
  out: RaftEffect[],
  from: number,
  correlation: number,
  { id, position, bytes, size }: FetchSnapshotResponse,
): void {
  if (!takeReply(s, from, correlation, false)) return
  if (s.fetching === from) s.fetching = undefined
  const { role } = s
  const download = role.type === 'follower' && role.leader === from ? role.download : undefined
  if (role.type !== 'follower' || download === undefined || !isSameId(download.id, id) || download.position !== position) return
  extendFetchTimeout(s, role)
  role.hasFetched = true
  download.position += bytes
  assert(download.position <= size, 'a snapshot has the size of its pieces')
  if (download.position < size) return
  role.download = undefined
  const ticket = ++s.ticket
  s.installing = { ticket, id }
  out.push({ type: 'install', ticket, id })
}

/** The snapshot is the whole log now. Epoch and vote remain as they are. */
export function onInstalled(s: RaftState, out: RaftEffect[], ticket: number, snapshot: InstalledSnapshot | undefined): void {
  assert(s.installing?.ticket === ticket, 'one snapshot is installed at a time')
  s.installing = undefined
  if (snapshot === undefined) return
  const { offset, epoch, bytes } = snapshot
  assert(offset >= s.highWatermark, 'a snapshot does not remove committed records')
  assert(epoch <= s.epoch, 'a snapshot has no later epoch')
  const { log } = s
  log.start = offset
  log.end = offset
  log.syncedEnd = offset
  log.epochs.reset(snapshot)
  s.voterHistory.reset(offset, snapshot.voters, snapshot.kraftVersion)
  log.snapshots = [{ offset, epoch, bytes, appendedBytes: log.appendedBytes }]
  for (const each of s.tickets) each.end = Math.min(each.end, offset)
  if (s.role.type === 'follower') extendFetchTimeout(s, s.role)
  commit(s, out, offset)
}
