/**
 * Events and effects of the Raft machine. They carry offsets, epochs, sizes and control records, never the bytes of batches.
 *
 * Contract of the shell: it performs effects in order, one log keeps the order of its writes, and each ticket is reported once it is durable.
 * It sends a tick with the current monotonic time before the other events of a turn.
 */

/** Identity of a replica: the node, and the disk that has its vote. A static voter has no directory, and matches by id. */
export interface ReplicaKey {
  readonly id: number
  readonly directory: string
}

export interface Endpoint {
  readonly listener: string
  readonly host: string
  readonly port: number
}

export interface Voter extends ReplicaKey {
  readonly endpoints: readonly Endpoint[]
  /** Range of supported `kraft.version`. */
  readonly kraftVersions: readonly [number, number]
}

/** End offset of the contents of a snapshot, and the epoch of its last record. */
export interface SnapshotId {
  readonly offset: number
  readonly epoch: number
}

export interface Snapshot extends SnapshotId {
  readonly bytes: number
}

export type ControlRecord =
  | { readonly type: 'leaderChange'; readonly leader: ReplicaKey; readonly voters: readonly Voter[]; readonly granting: readonly number[] }
  | { readonly type: 'kraftVersion'; readonly version: number }
  | { readonly type: 'voters'; readonly voters: readonly Voter[] }

/** Header of a batch. `payload` is a handle of the shell, which the machine passes on unread. */
export interface Batch {
  readonly baseOffset: number
  /** Offset behind its last record. */
  readonly endOffset: number
  readonly epoch: number
  readonly bytes: number
  readonly control: readonly ControlRecord[] | undefined
  readonly payload: unknown
}

/** A batch without offsets: `count` records. */
export interface Proposal {
  readonly count: number
  readonly bytes: number
  readonly payload: unknown
}

/** Errors by Kafka's names. */
export type RaftError =
  | 'NONE'
  | 'FENCED_LEADER_EPOCH'
  | 'UNKNOWN_LEADER_EPOCH'
  | 'NOT_LEADER_OR_FOLLOWER'
  | 'INVALID_REQUEST'
  | 'INVALID_VOTER_KEY'
  | 'SNAPSHOT_NOT_FOUND'
  | 'POSITION_OUT_OF_RANGE'
  | 'DUPLICATE_VOTER'
  | 'VOTER_NOT_FOUND'
  | 'UNSUPPORTED_VERSION'
  | 'REQUEST_TIMED_OUT'

export interface VoteRequest {
  readonly type: 'vote'
  readonly epoch: number
  readonly candidate: ReplicaKey
  /** The addressee, as the candidate's voter set has it. */
  readonly voter: ReplicaKey
  readonly lastEpoch: number
  readonly endOffset: number
  readonly isPreVote: boolean
}

export interface BeginQuorumEpochRequest {
  readonly type: 'beginQuorumEpoch'
  readonly epoch: number
  readonly leader: number
  readonly voter: ReplicaKey
  readonly endpoints: readonly Endpoint[]
}

export interface EndQuorumEpochRequest {
  readonly type: 'endQuorumEpoch'
  readonly epoch: number
  readonly leader: number
  /** Best candidate first. */
  readonly successors: readonly ReplicaKey[]
  readonly endpoints: readonly Endpoint[]
}

export interface FetchRequest {
  readonly type: 'fetch'
  readonly epoch: number
  readonly replica: ReplicaKey
  readonly offset: number
  /** Epoch of the last record before `offset`; 0 without one. */
  readonly lastEpoch: number
  readonly highWatermark: number
  readonly maxWaitMs: number
}

export interface FetchSnapshotRequest {
  readonly type: 'fetchSnapshot'
  readonly epoch: number
  readonly replica: ReplicaKey
  readonly id: SnapshotId
  readonly position: number
  readonly maxBytes: number
}

export interface AddVoterRequest {
  readonly type: 'addVoter'
  readonly voter: Voter
  /** False: the response is sent when the change is in the log of the leader. */
  readonly ackWhenCommitted: boolean
}

export interface RemoveVoterRequest {
  readonly type: 'removeVoter'
  readonly voter: ReplicaKey
}

export interface UpdateVoterRequest {
  readonly type: 'updateVoter'
  readonly epoch: number
  readonly voter: Voter
}

/** The supported range of `kraft.version`, requested from a node that is to become a voter. */
export interface ApiVersionsRequest {
  readonly type: 'apiVersions'
}

export type VoterChangeRequest = AddVoterRequest | RemoveVoterRequest | UpdateVoterRequest

export type RaftRequest =
  | VoteRequest
  | BeginQuorumEpochRequest
  | EndQuorumEpochRequest
  | FetchRequest
  | FetchSnapshotRequest
  | VoterChangeRequest
  | ApiVersionsRequest

/** Fields of every response but that of ApiVersions: the leader is -1 if there is none. */
interface ResponseBase {
  readonly error: RaftError
  readonly leader: number
  readonly epoch: number
  readonly endpoints: readonly Endpoint[]
}

export interface VoteResponse extends ResponseBase {
  readonly type: 'vote'
  readonly isGranted: boolean
}

export interface FetchResponse extends ResponseBase {
  readonly type: 'fetch'
  readonly highWatermark: number
  readonly logStart: number
  readonly diverging: SnapshotId | undefined
  readonly snapshot: SnapshotId | undefined
  /** Added by the shell, from the range of the answer. */
  readonly batches: readonly Batch[]
}

export interface FetchSnapshotResponse extends ResponseBase {
  readonly type: 'fetchSnapshot'
  readonly id: SnapshotId
  readonly position: number
  readonly bytes: number
  readonly size: number
}

export interface PlainResponse extends ResponseBase {
  readonly type: 'beginQuorumEpoch' | 'endQuorumEpoch' | 'addVoter' | 'removeVoter' | 'updateVoter'
}

export interface ApiVersionsResponse {
  readonly type: 'apiVersions'
  readonly kraftVersions: readonly [number, number]
}

export type QuorumResponse = VoteResponse | FetchResponse | FetchSnapshotResponse | PlainResponse
export type RaftResponse = QuorumResponse | ApiVersionsResponse

/** What the shell adds to an answer from its files. */
export type Attachment =
  | { readonly type: 'batches'; readonly from: number; readonly to: number }
  | { readonly type: 'piece'; readonly id: SnapshotId; readonly position: number; readonly bytes: number }

export type RaftEvent =
  | { readonly type: 'started'; readonly now: number }
  | { readonly type: 'tick'; readonly now: number }
  | { readonly type: 'rpc'; readonly token: number; readonly request: RaftRequest }
  /** Without a response the request has failed, or its result is unknown. */
  | { readonly type: 'reply'; readonly to: number; readonly correlation: number; readonly response: RaftResponse | undefined }
  | { readonly type: 'propose'; readonly token: number; readonly epoch: number; readonly batches: readonly Proposal[] }
  | { readonly type: 'persisted'; readonly ticket: number }
  /** A snapshot of this node's own state is complete and durable. */
  | { readonly type: 'checkpointed'; readonly snapshot: Snapshot }
  /** A piece of a snapshot was received, and is written. */
  | { readonly type: 'fetchedPiece'; readonly to: number; readonly correlation: number; readonly response: FetchSnapshotResponse }
  /** A fetched snapshot was verified and has replaced the log; `undefined` if it was not whole. */
  | { readonly type: 'installed'; readonly ticket: number; readonly snapshot: InstalledSnapshot | undefined }
  | { readonly type: 'resign' }
  | { readonly type: 'changeVoters'; readonly token: number; readonly request: VoterChangeRequest }

export interface InstalledSnapshot extends Snapshot {
  readonly kraftVersion: number
  readonly voters: readonly Voter[]
}

/** The durable state beside the log: quorum-state. */
export interface Vote {
  readonly epoch: number
  readonly voted: ReplicaKey | undefined
}

export type RaftEffect =
  /** In this order: vote, truncation, batches. One report when all is durable. */
  | {
      readonly type: 'persist'
      readonly ticket: number
      readonly vote: Vote | undefined
      readonly truncateTo: number | undefined
      readonly batches: readonly Batch[]
    }
  /** A negative destination is a bootstrap server: -2 is the first. `endpoints` are given for nodes that are not voters. */
  | {
      readonly type: 'send'
      readonly to: number
      readonly correlation: number
      readonly request: RaftRequest
      readonly endpoints: readonly Endpoint[] | undefined
    }
  | { readonly type: 'answer'; readonly token: number; readonly response: RaftResponse; readonly attachment: Attachment | undefined }
  | { readonly type: 'appended'; readonly token: number; readonly endOffset: number }
  /** With `mayCommit` the proposal was appended, and its result is unknown. */
  | { readonly type: 'refused'; readonly token: number; readonly leader: number; readonly mayCommit: boolean }
  | { readonly type: 'committed'; readonly upTo: number }
  | { readonly type: 'leading'; readonly epoch: number; readonly startOffset: number }
  /** The leader is -1 if there is none: also the end of a leadership. */
  | { readonly type: 'following'; readonly leader: number; readonly epoch: number; readonly endpoints: readonly Endpoint[] }
  | { readonly type: 'install'; readonly ticket: number; readonly id: SnapshotId }
  | { readonly type: 'dropBelow'; readonly offset: number }
  /** The earliest time at which a tick is due. A later time is not reported: an early tick has no effect. */
  | { readonly type: 'wake'; readonly at: number }
