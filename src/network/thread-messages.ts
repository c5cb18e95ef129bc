import type { ArenaPlan } from '../pipeline/arena-plan.ts'
import type { RecordRules } from '../pipeline/sequencing/rejected-records.ts'
import type { ValidationResult } from '../pipeline/validation/validator.ts'
import type { ColdRead, Loaded } from '../ports/cold-reads.ts'
import type { WalState } from '../ports/lane.ts'
import type { LaneReply, LaneRequest } from '../ports/lane-commands.ts'
import type { StoreFault } from '../ports/object-store.ts'
import type { LostRange, PartitionId } from '../ports/partitions.ts'
import type { TrimPoint } from '../ports/trim-point.ts'
import type { RecoverySource, WalDamage } from '../wal/wal-recovery.ts'
import type { PartitionRead } from './01-fetch.ts'
import type { ClientSession } from './client-session.ts'
import type { RoutedTopic } from './topic-routing.ts'

/** Data for the start of the threads of a lane. */
export interface LaneData {
  readonly memory: WebAssembly.Memory
  readonly plan: ArenaPlan
  /** The lane. */
  readonly index: number
  readonly wal: LaneWal
  /** Offsets that are missing in the log, by partition. */
  readonly lost: ReadonlyMap<PartitionId, readonly LostRange[]>
  readonly recovery: Pick<RecoverySource, 'mark' | 'discardsDamage'>
}

/** The WAL of a lane. An S3 WAL has no file: the log cache contains all of its records that are not in objects. */
export interface LaneWal {
  readonly path: string | null
  readonly state: WalState
  /** Bytes of the file that have been written at least once, from the start of the log. */
  readonly prepared: number
  /** Limit of unflushed bytes, where it is less than the log cache. */
  readonly unflushedBytesMax: number
}

/** Main thread to the persistence thread of an S3 WAL. */
export interface ToStorePersistence {
  readonly id: number
  /** Records below this trim point are stored elsewhere. */
  readonly cut: TrimPoint
}

export type FromStorePersistence =
  /** Every later write contains the trim point. */
  { readonly type: 'noted'; readonly id: number } | { readonly type: 'fault'; readonly fault: StoreFault }

/** Persistence thread of a WAL file to main thread. */
export type FromPersistence =
  /** The disk has no room for the log, or has room again. */
  | { readonly type: 'full'; readonly isFull: boolean }
  /** The log has reached the segment that starts at this position. */
  | { readonly type: 'segment'; readonly start: number }

export interface ListenerData {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** How compressed batches are validated. */
export interface ValidationData {
  /** `compressed.record.validation.enable` */
  readonly enabled: boolean
  /** Every compressed batch goes to validator threads, not only those that need much time. */
  readonly offloads: boolean
}

/** Data for the start of a validator thread. */
export interface ValidatorData {
  readonly memory: WebAssembly.Memory
  readonly plan: ArenaPlan
  readonly index: number
}

/** Data for the start of the thread with the large window. */
export interface LargeWindowData {
  readonly memory: WebAssembly.Memory
  readonly batchBytesMax: number
}

export interface NetworkData {
  readonly memory: WebAssembly.Memory
  readonly plan: ArenaPlan
  readonly validation: ValidationData
  /** The lane that this thread sequences; undefined where the sequencer has its own thread. */
  readonly lane: LaneData | undefined
  readonly index: number
  /** Number of network threads. */
  readonly threads: number
  /** Path of the program that copies listeners; see `copyListeners`. */
  readonly listenerCopies: string
  readonly nodeId: number
  readonly listeners: readonly ListenerData[]
  readonly limits: {
    readonly requestBytesMax: number
    readonly fetchBytesMax: number
    readonly sessionSlots: number
    readonly connections: ConnectionLimits
    readonly idleMs: number
    readonly backlog: number
  }
}

/** Limits of the number of simultaneous connections. */
export interface ConnectionLimits {
  readonly max: number
  /** Limit set by the number of files that the process may open; see `ulimit -n`. */
  readonly filesMax: number
  readonly perHostMax: number
  /** Limits by address that replace `perHostMax`. */
  readonly hosts: ReadonlyMap<string, number>
}

/** Main thread to network worker. */
export type ToNetwork =
  /** With the file descriptors of the listeners of another thread, the thread shares those; without any, it opens them. */
  | { readonly type: 'listen'; readonly handles: readonly number[] }
  | { readonly type: 'topics'; readonly set: readonly RoutedTopic[]; readonly deleted: readonly string[] }
  /** A request of this size has been parsed: only the data that its API keeps remains on the heap. */
  | { readonly type: 'parsed'; readonly bytes: number }
  | { readonly type: 'answered'; readonly token: number; readonly response: Uint8Array | null }
  /** The block cache, to which `loaded` refers. */
  | { readonly type: 'blocks'; readonly memory: WebAssembly.Memory }
  | { readonly type: 'loaded'; readonly token: number; readonly index: number; readonly loaded: Loaded | null; readonly error: number }
  /** There is no memory for the read. */
  | { readonly type: 'outOfMemory'; readonly token: number; readonly partitionRead: PartitionRead }
  | { readonly type: 'requested'; readonly request: LaneRequest }
  /** Result for a batch that needed the large window. */
  | { readonly type: 'validated'; readonly id: number; readonly result: ValidationResult }
  /** Reads wait for memory that responses occupy; sent every second while they wait. */
  | { readonly type: 'pressed' }
  | { readonly type: 'limits'; readonly connections: ConnectionLimits }
  /** Number of connections of the host of a connection, itself included. */
  | { readonly type: 'counted'; readonly id: number; readonly count: number }
  | { readonly type: 'stop' }

/** Network worker to main thread. */
export type FromNetwork =
  | { readonly type: 'listening'; readonly ports: readonly number[]; readonly handles: readonly number[] }
  /** Received bytes are copied: this version of Node fails the check of the zero-copy transport. */
  | { readonly type: 'readsCopied'; readonly because: string }
  /** A listener could not be opened; `code` is the error code of the system. */
  | { readonly type: 'notListening'; readonly listener: ListenerData; readonly code: string; readonly message: string }
  | { readonly type: 'forward'; readonly token: number; readonly session: ClientSession; readonly frame: Uint8Array }
  | { readonly type: 'load'; readonly token: number; readonly index: number; readonly load: ColdRead }
  /** The result of a cold read is no longer in use. */
  | { readonly type: 'released'; readonly pin: number }
  | { readonly type: 'closed'; readonly host: string; readonly why: string }
  /** Connections of several network threads, which the main thread counts by host. */
  | { readonly type: 'connected'; readonly id: number; readonly host: string }
  | { readonly type: 'disconnected'; readonly host: string }
  /** The first batch that needs a validator thread has arrived. */
  | { readonly type: 'validatorsNeeded' }
  /** The batch has back references beyond the window of a validator thread. */
  | {
      readonly type: 'largeWindowNeeded'
      readonly id: number
      readonly address: number
      readonly bytes: number
      readonly rules: RecordRules
    }
  | { readonly type: 'replied'; readonly reply: LaneReply }
  | { readonly type: 'stopped' }
  | Started

/** Message of a sequencer that is not a reply. */
export interface Started {
  readonly type: 'started'
  readonly position: number
  readonly records: number
  /** See `Recovered`. */
  readonly tornBytes: number
  readonly damage: WalDamage | undefined
  readonly recoveryMs: number
}
