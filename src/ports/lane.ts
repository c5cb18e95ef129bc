import type { Command, ReplyTo } from './lane-commands.ts'
import type { TrimPoint } from './trim-point.ts'

/** The part of a log that is in segment files: from a position on, each holds this many bytes. */
export interface SegmentLayout {
  readonly bytes: number
  /** Multiple of `bytes`. Positions below it are in the circular part of the log. */
  readonly from: number
}

/** State of the log, as recorded in the file. */
export interface WalState extends TrimPoint {
  readonly capacity: number
  /** Number of starts, including this one. */
  readonly incarnation: number
  /** Random per log; the CRCs of its headers start with it. 32 bits. */
  readonly secret: number
  /** Undefined if the whole log is circular. */
  readonly segments?: SegmentLayout | undefined
}

/** The write-ahead log of a lane and the partitions in it, as the main thread uses them. Positions in bytes. */
export interface Lane {
  readonly index: number
  /** Position up to which the log is sequenced. */
  readonly published: number
  /** Position up to which the log is durable. */
  readonly durable: number
  /** Position from which the log is retained: records below are in objects. */
  readonly stored: number
  readonly wal: { readonly state: WalState }
  /** Memory for appends of the main thread, and its address in the arena. */
  readonly staging: { readonly base: number; readonly memory: Uint8Array }
  /** Sends a command to the sequencer; returns its reply. */
  call<C extends Command>(command: C): Promise<ReplyTo<C>>
  /** All records below the trim point are stored elsewhere: the log records the trim point before the space is reused. */
  trim(point: TrimPoint): Promise<void>
  /** Calls `wake` once when more of the log is durable. False if `idle` returns false: there is work already. For one caller. */
  onDurable(idle: () => boolean, wake: () => void): boolean
}
