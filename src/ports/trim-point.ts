/**
 * Trim point of the log. The record after it is accepted only as the successor of the record before it: at `trimmed` itself, an earlier
 * incarnation may have left a record that was never part of the log.
 */
export interface TrimPoint {
  /** First position that is retained. */
  readonly trimmed: number
  /** Position of the last record before the trim point, and the incarnation that wrote it: 0 if there is none. */
  readonly previous: number
  readonly previousIncarnation: number
}
