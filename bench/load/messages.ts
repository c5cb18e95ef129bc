import type { LoadWindow } from './windows.ts'

/** Messages between the bench and its load processes. All times in milliseconds unless the name states otherwise. */
export interface ProduceLoad {
  readonly port: number
  readonly topic: string
  readonly partitions: number
  readonly connections: number
  /** Connections besides, that send nothing and must stay open. */
  readonly idleConnections?: number
  readonly inFlight: number
  readonly batchBytes: number
  readonly recordBytes: number
  readonly acks: number
  readonly isIdempotent: boolean
  /** The run ends at the first of these limits. */
  readonly mibMax: number
  readonly secondsMax: number
  /** Offered load; null sends as fast as answers arrive. */
  readonly mibPerSecond: number | null
  /** Length of the windows of the result; without it there are none, and no messages by second. */
  readonly windowSeconds?: number
  readonly isTraced?: boolean
  /** Contents of a batch instead of incompressible records. */
  readonly packed?: PackedRecords | undefined
}

/** Compressed records of a batch. */
export interface PackedRecords {
  readonly codec: number
  readonly count: number
  readonly base64: string
}

/** By the base offset of each batch of a partition: when it was due, or seen. Milliseconds of the wall clock. */
export type Trace = readonly (readonly [baseOffset: number, atMs: number])[]

export interface ProduceResult {
  readonly mib: number
  readonly records: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  /** Offset after the last acknowledged record, by partition. */
  readonly ends: readonly number[]
  readonly generatorCpuSeconds: number
  readonly windows: readonly LoadWindow[]
  readonly mibBySecond: readonly number[]
  /** Of partition 0; empty if it was not requested. */
  readonly trace: Trace
}

export interface TailLoad {
  readonly port: number
  readonly topic: string
  readonly partitions: number
  readonly partitionMaxBytes: number
  readonly maxBytes: number
  readonly isTraced?: boolean
  /** Offset of the first record to read, by partition; without it the reader starts at the beginning. */
  readonly startOffsets?: readonly number[]
  /** A reader that is at the end offsets starts again, until it is stopped. */
  readonly isRepeated?: boolean
}

export interface TailResult {
  readonly mib: number
  readonly records: number
  /** From the first request to the last record. */
  readonly seconds: number
  /** From the message with the end offset to the arrival there. */
  readonly behindMs: number
  /** Of partition 0; empty if it was not requested. */
  readonly trace: Trace
}

export type FromLoad<Result> =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly mib: number }
  /** Data of one second. */
  | { readonly type: 'second'; readonly mib: number }
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'failed'; readonly reason: string }

export type ToLoad =
  | { readonly type: 'go' }
  /** End offsets of a reader. */
  | { readonly type: 'until'; readonly ends: readonly number[] }
  /** A producer sends no more than what is due, a reader ends at once. */
  | { readonly type: 'stop' }
