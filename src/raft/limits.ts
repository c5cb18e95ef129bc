import { assert } from '../base/assert.ts'

/** Times in milliseconds, with Kafka's names and defaults. */
export interface RaftSettings {
  readonly electionTimeoutMs: number
  readonly electionBackoffMaxMs: number
  readonly fetchTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  readonly fetchMaxWaitMs: number
  readonly snapshotPieceBytesMax: number
  /** Log that is kept behind a snapshot, so that a follower that lags by seconds needs none. */
  readonly retainBytes: number
  readonly isAutoJoin: boolean
}

export const defaultSettings: RaftSettings = {
  electionTimeoutMs: 1000,
  electionBackoffMaxMs: 1000,
  fetchTimeoutMs: 2000,
  requestTimeoutMs: 2000,
  retryBackoffMs: 20,
  retryBackoffMaxMs: 1000,
  fetchMaxWaitMs: 500,
  snapshotPieceBytesMax: 1 << 20,
  retainBytes: 20 << 20,
  isAutoJoin: false,
}

/** An observer that has not fetched for this time is not listed any more. */
export const observerListedMs = 5 * 60_000
/** A replica that was caught up within this time may become a voter. */
export const caughtUpWithinMs = 60 * 60_000
/** Observers beyond this number are served, and are not listed. */
export const observersMax = 2000
/** Proposals that are appended and not committed. */
export const pendingProposalsMax = 4096
/** A leader resigns after this many fetch timeouts without a majority. */
export const checkQuorumTimeouts = 1.5
export const votersMax = 25

export function assertSettings(settings: RaftSettings): void {
  assert(settings.electionTimeoutMs > 0 && settings.fetchTimeoutMs > 0, 'timeouts are positive')
  assert(settings.fetchMaxWaitMs < settings.fetchTimeoutMs, 'a parked fetch is answered before the fetch timeout')
  assert(settings.retryBackoffMs > 0 && settings.retryBackoffMs <= settings.retryBackoffMaxMs, 'the back-off has a range')
  assert(settings.snapshotPieceBytesMax > 0, 'a piece of a snapshot has bytes')
}
