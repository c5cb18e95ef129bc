/** A segment of the WAL that becomes an object: a row for each batch, sorted by partition, then by offset. Columns of a row in a Float64Array. */
export const segmentRow = { partitionId: 0, baseOffset: 1, end: 2, position: 3, bytes: 4, maxTimestamp: 5, columns: 6 } as const
export interface FullSegment {
  /** Position of its start in the log. */
  readonly start: number
  /** Size of the segment: positions of the rows count from its start. */
  readonly bytes: number
  readonly rows: Float64Array
}
