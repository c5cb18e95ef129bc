import { assert } from '../base/assert.ts'
import { below, type Prng, prng } from '../base/prng.ts'
import { EpochTable } from './epochs.ts'
import { assertSettings, type RaftSettings } from './limits.ts'
import type {
  Batch,
  Endpoint,
  FetchRequest,
  InstalledSnapshot,
  RaftEffect,
  ReplicaKey,
  Snapshot,
  SnapshotId,
  Vote,
  Voter,
  VoterChangeRequest,
} from './messages.ts'
import { isVoterKey, VoterHistory, type VoterSet } from './voters.ts'

/** A field of an offset, id or ticket that has no value. */
export const none = -1

/** What the machine stores of the log. `syncedEnd` is durable; records behind it may be lost by a crash. */
export interface LogIndex {
  start: number
  end: number
  syncedEnd: number
  /** Bytes appended since the start of the process. */
  appendedBytes: number
  readonly epochs: EpochTable
  /** Oldest first. */
  snapshots: KeptSnapshot[]
}

export interface KeptSnapshot extends Snapshot {
  /** `appendedBytes` when it became complete: what was appended since is behind it. */
  readonly appendedBytes: number
}

/** Replies to requests with a correlation up to `since` belong to an earlier role. */
interface RoleBase {
  readonly since: number
}

export interface Unattached extends RoleBase {
  readonly type: 'unattached'
  deadline: number
}

/** Candidate in a pre-vote: nothing is persisted. The last leader of this epoch, if any, is kept. */
export interface Prospective extends RoleBase {
  readonly type: 'prospective'
  readonly deadline: number
  readonly leader: number
  readonly endpoints: readonly Endpoint[]
  readonly granted: number[]
  readonly rejected: number[]
}

export interface Candidate extends RoleBase {
  readonly type: 'candidate'
  deadline: number
  /** A majority of the votes is rejected. */
  isLost: boolean
  readonly granted: number[]
  readonly rejected: number[]
}

export interface Follower extends RoleBase {
  readonly type: 'follower'
  readonly leader: number
  readonly endpoints: readonly Endpoint[]
  deadline: number
  /** A follower with a working leader rejects pre-votes. */
  hasFetched: boolean
  download: { readonly id: SnapshotId; position: number } | undefined
  /** Next request to change the own entry in the voter set. */
  voterRequestAt: number
}

export interface ParkedFetch {
  readonly token: number
  readonly request: FetchRequest
  readonly deadline: number
}

/** What the leader has received from a replica. */
export interface Progress {
  readonly key: ReplicaKey
  /** Durable end of its log; -1 before its first valid fetch. */
  end: number
  fetchedAt: number
  caughtUpAt: number
  /** End of the leader's log at its last fetch. */
  leaderEnd: number
  beginAt: number
  parked: ParkedFetch | undefined
}

export interface VoterChange {
  readonly token: number
  readonly request: VoterChangeRequest
  /** Correlation of ApiVersions; -1 once the change is appended. */
  readonly correlation: number
  readonly deadline: number
  /** End offset of the record; -1 before it is appended. */
  readonly endOffset: number
}

export interface Leader extends RoleBase {
  readonly type: 'leader'
  readonly startOffset: number
  /** By id. A node that lost its disk has one for each directory: the last one to fetch is first. */
  readonly replicas: Map<number, Progress[]>
  /** Number of replicas that were observers at their first fetch. */
  observers: number
  fetchedVoters: number[]
  /** Next removal of observers that are gone. */
  sweepAt: number
  quorumDeadline: number
  parkedCount: number
  /** No parked fetch has an earlier deadline. */
  parkedDeadline: number
  readonly pending: { readonly token: number; readonly endOffset: number }[]
  change: VoterChange | undefined
}

/** A leader that has stopped, or a node that restarted with its own vote: it cannot lead in this epoch. */
export interface Resigned extends RoleBase {
  readonly type: 'resigned'
  readonly deadline: number
  readonly successors: readonly ReplicaKey[]
  readonly acknowledged: number[]
}

export type Role = Unattached | Prospective | Candidate | Follower | Leader | Resigned

/** A request without a reply, or the pause after a failed one. No other is sent to the destination before `until`. */
export interface Outstanding {
  correlation: number
  until: number
  failures: number
}

/** An output that is sent once the vote is durable. */
export type Gated = Extract<RaftEffect, { readonly type: 'send' | 'answer' }>

export interface Ticket {
  readonly ticket: number
  /** End of the log that is durable with it. */
  end: number
  readonly hasVote: boolean
}

export interface RaftState {
  readonly settings: RaftSettings
  readonly me: Voter
  readonly random: Prng
  /** Number of bootstrap servers: destinations -2, -3, … */
  readonly bootstrapServers: number
  now: number
  wakeAt: number
  isStarted: boolean
  epoch: number
  voted: ReplicaKey | undefined
  readonly log: LogIndex
  /** All records below are committed. */
  highWatermark: number
  readonly voterHistory: VoterHistory
  role: Role
  readonly requests: Map<number, Outstanding>
  /** Destination of the Fetch or FetchSnapshot in flight. */
  fetching: number | undefined
  /** Rotates over the nodes that may have the leader. */
  nextPeer: number
  correlation: number
  ticket: number
  readonly tickets: Ticket[]
  /** Number of tickets with a vote that are not durable. */
  votesInFlight: number
  gated: Gated[]
  installing: { readonly ticket: number; readonly id: SnapshotId } | undefined
}

export interface RaftParts {
  readonly settings: RaftSettings
  readonly me: Voter
  readonly seed: number
  /** Configured voters, or those of the bootstrap checkpoint; none on a node that is to join. */
  readonly voters: VoterSet
  /** 0: the configured voters have no directories. */
  readonly kraftVersion: number
  readonly bootstrapServers: number
  readonly vote: Vote
  /** Snapshots on disk, oldest first; the log starts at one of them. */
  readonly snapshots: readonly InstalledSnapshot[]
  readonly logStart: number
  readonly batches: Iterable<Batch>
}

/** The state of a process at its start, from its files. */
export function createRaft(parts: RaftParts): RaftState {
  assertSettings(parts.settings)
  const { me, vote, logStart } = parts
  const log: LogIndex = { start: logStart, end: logStart, syncedEnd: logStart, appendedBytes: 0, epochs: new EpochTable(), snapshots: [] }
  // A node that is to join has no voter set, and its snapshots have none before its log has.
  const voterHistory = new VoterHistory(parts.voters, parts.voters.length === 0 ? 0 : parts.kraftVersion)
  const base = parts.snapshots.find(({ offset }) => offset === logStart)
  assert(logStart === 0 || base !== undefined, 'a log starts at 0 or at a snapshot')
  if (base !== undefined) {
    log.epochs.reset(base)
    voterHistory.reset(base.offset, base.voters, base.kraftVersion)
  }
  for (const batch of parts.batches) indexBatch(log, voterHistory, batch)
  log.syncedEnd = log.end
  log.snapshots = parts.snapshots.map(({ offset, epoch, bytes }) => ({ offset, epoch, bytes, appendedBytes: log.appendedBytes }))
  const highWatermark = parts.snapshots.at(-1)?.offset ?? logStart
  assert(highWatermark <= log.end, 'a snapshot is within the log')
  assert(vote.epoch >= log.epochs.last, 'an epoch is durable before its records')
  return {
    settings: parts.settings,
    me,
    random: prng(parts.seed),
    bootstrapServers: parts.bootstrapServers,
    now: 0,
    wakeAt: Number.POSITIVE_INFINITY,
    isStarted: false,
    epoch: vote.epoch,
    voted: vote.voted,
    log,
    highWatermark,
    voterHistory,
    role: { type: 'unattached', since: 0, deadline: Number.POSITIVE_INFINITY },
    requests: new Map(),
    fetching: undefined,
    nextPeer: 0,
    correlation: 0,
    ticket: 0,
    tickets: [],
    votesInFlight: 0,
    gated: [],
    installing: undefined,
  }
}

/** Adds a batch to the index of the log. Its voter set is in force at once. */
export function indexBatch(log: LogIndex, voterHistory: VoterHistory, batch: Batch): void {
  assert(batch.baseOffset === log.end && batch.endOffset > batch.baseOffset, 'batches of a log have no gap')
  log.epochs.append(batch.epoch, batch.baseOffset)
  if (batch.control !== undefined) voterHistory.append(batch.baseOffset, batch.control)
  log.end = batch.endOffset
  log.appendedBytes += batch.bytes
}

/** The voter set in force: the last one in the log, committed or not. */
export const votersOf = (s: RaftState): VoterSet => s.voterHistory.last.voters

export const isVoter = (s: RaftState): boolean => isVoterKey(votersOf(s), s.me)

export const isSoleVoter = (s: RaftState): boolean => votersOf(s).length === 1 && isVoter(s)

/** Invariant: there is at most one uncommitted voter set. */
export const hasUncommittedVoters = (s: RaftState): boolean => s.voterHistory.last.offset >= s.highWatermark

/**
 * Whether the node may be a candidate. A voter still is one while its removal may be uncommitted: the log of the others may be shorter, so
 * that no other voter can win. It does not count its own vote then.
 */
export function isElectable(s: RaftState): boolean {
  if (isVoter(s)) return true
  const { previous } = s.voterHistory
  return previous !== undefined && hasUncommittedVoters(s) && isVoterKey(previous.voters, s.me)
}

export const leaderOf = (s: RaftState): number => {
  const { role } = s
  if (role.type === 'leader') return s.me.id
  return role.type === 'follower' || role.type === 'prospective' ? role.leader : none
}

export const leaderEndpoints = (s: RaftState): readonly Endpoint[] => {
  const { role } = s
  if (role.type === 'leader') return s.me.endpoints
  return role.type === 'follower' || role.type === 'prospective' ? role.endpoints : []
}

/** A log is up to date if its last epoch is greater, or the same and it is at least as long. */
export function isUpToDate(s: RaftState, lastEpoch: number, endOffset: number): boolean {
  const own = s.log.epochs.last
  return lastEpoch > own || (lastEpoch === own && endOffset >= s.log.end)
}

export const electionTimeout = (s: RaftState): number => s.settings.electionTimeoutMs + below(s.random, s.settings.electionTimeoutMs)
