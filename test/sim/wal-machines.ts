import { Persistence } from '../../src/pipeline/persistence/persistence.ts'
import { Appender } from '../../src/pipeline/sequencing/appender.ts'
import { LogCache } from '../../src/pipeline/sequencing/log-cache.ts'
import { segmentRows } from '../../src/pipeline/sequencing/segment-rows.ts'
import { SegmentEnds } from '../../src/wal/segments.ts'
import { readDurable, recover } from '../../src/wal/wal-recovery.ts'

/** The components under test, which a planted bug replaces. */
export interface Machines {
  readonly LogCache: typeof LogCache
  readonly Appender: typeof Appender
  readonly Persistence: typeof Persistence
  readonly recover: typeof recover
  readonly readDurable: typeof readDurable
  readonly SegmentEnds: typeof SegmentEnds
  readonly segmentRows: typeof segmentRows
  /** Whether a batch is acknowledged when it is on the disk, or too early. */
  readonly acknowledge: 'durable' | 'published'
  /** Whether the log has a secret that clients cannot obtain. */
  readonly salt: 'secret' | 'known'
  /** Forging clients put log records into their batches, see `forgery`. */
  readonly clients: 'honest' | 'forging'
}

export const machines: Machines = {
  LogCache,
  Appender,
  Persistence,
  recover,
  readDurable,
  SegmentEnds,
  segmentRows,
  acknowledge: 'durable',
  salt: 'secret',
  clients: 'honest',
}
