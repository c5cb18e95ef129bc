import type { ArenaPlan } from '../pipeline/arena-plan.ts'
import type { Answered, Asked } from '../pipeline/sequencing/lane-commands.ts'
import type { RecordRules } from '../pipeline/sequencing/refused-records.ts'
import type { Verdict } from '../pipeline/validation/validator.ts'
import type { LostRange, PartitionId, StoreFault } from '../ports.ts'
import type { TrimPoint, WalState } from '../wal/wal-record.ts'
import type { RecoverySource, WalDamage } from '../wal/wal-recovery.ts'
import type { ColdRead, PartitionRead } from './01-fetch.ts'
import type { RoutedTopic } from './topic-routing.ts'

/** What every thread of the pipeline starts with. */
export interface LaneData {
  readonly memory: WebAssembly.Memory
  readonly plan: ArenaPlan
  readonly wal: LaneWal
  /** Offsets that the log leaves out, by stream. */
  readonly lost: ReadonlyMap<PartitionId, readonly LostRange[]>
  readonly recovery: Pick<RecoverySource, 'mark' | 'discardsDamage'>
}

/** The write-ahead log of a lane. One without a file is in a store: log memory holds all of it that is not in objects. */
export interface LaneWal {
  readonly path: string | null
  readonly state: WalState
  /** Bytes of a file that have been written once, from the start of the log. */
  readonly prepared: number
  /** Bounds what is appended and not durable, where it is less than log memory. */
  readonly unflushedBytesMax: number
}

/** Main thread to a persistence thread whose log is in a store. */
export interface ToStorePersistence {
  readonly id: number
  /** What lies below is stored elsewhere. */
  readonly cut: TrimPoint
}

export type FromStorePersistence =
  /** Whatever is written from now on knows the cut. */
  { readonly type: 'noted'; readonly id: number } | { readonly type: 'fault'; readonly fault: StoreFault }

/** Persistence thread of a log in a file to main thread: the disk has no room for the log, or has room again. */
export interface FromPersistence {
  readonly type: 'full'
  readonly isFull: boolean
}

export interface ListenerData {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** How compressed batches are validated. */
export interface ValidationData {
  /** `compressed.record.validation.enable` */
  readonly enabled: boolean
  /** Every compressed batch goes to validator threads, not only those that take long. */
  readonly offloads: boolean
}

/** What a validator thread starts with. */
export interface ValidatorData {
  readonly memory: WebAssembly.Memory
  readonly plan: ArenaPlan
  readonly index: number
}

/** What the thread with the large window starts with. */
export interface LargeWindowData {
  readonly memory: WebAssembly.Memory
  readonly batchBytesMax: number
}

export interface NetworkData {
  readonly memory: WebAssembly.Memory
  readonly plan: ArenaPlan
  readonly validation: ValidationData
  /** The lane that this thread sequences itself; undefined where a thread of its own does. */
  readonly lane: LaneData | undefined
  readonly index: number
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

/** How many connections there may be at the same time. */
export interface ConnectionLimits {
  readonly max: number
  /** What the process may open leaves room for no more; see `ulimit -n`. */
  readonly filesMax: number
  readonly perHostMax: number
  /** Instead of `perHostMax`, by address. */
  readonly hosts: ReadonlyMap<string, number>
}

/** Main thread to network worker. */
export type ToNetwork =
  | { readonly type: 'listen' }
  | { readonly type: 'topics'; readonly set: readonly RoutedTopic[]; readonly deleted: readonly string[] }
  /** A request of so many bytes has been read: what is left of it on the heap is what its API keeps. */
  | { readonly type: 'parsed'; readonly bytes: number }
  | { readonly type: 'answered'; readonly token: number; readonly response: Uint8Array | null }
  /** Block memory, of which `loaded` speaks. */
  | { readonly type: 'blocks'; readonly memory: WebAssembly.Memory }
  | { readonly type: 'loaded'; readonly token: number; readonly index: number; readonly loaded: Loaded | null; readonly error: number }
  /** There is no memory to load it. */
  | { readonly type: 'outOfMemory'; readonly token: number; readonly partitionRead: PartitionRead }
  | { readonly type: 'asked'; readonly asked: Asked }
  /** Of a batch that needed the large window. */
  | { readonly type: 'validated'; readonly id: number; readonly verdict: Verdict }
  /** Reads wait for memory that responses hold; sent every second while they do. */
  | { readonly type: 'pressed' }
  | { readonly type: 'limits'; readonly connections: ConnectionLimits }
  | { readonly type: 'stop' }

/** Old records: in memory of their own, or lent pieces of block memory. `pin` is given back when they are no longer read; -1 for nothing to give back. */
export type Loaded =
  | { readonly pin: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly pin: number; readonly ranges: readonly LentRange[] }

export interface LentRange {
  readonly address: number
  readonly bytes: number
}

/** Network worker to main thread. */
export type FromNetwork =
  | { readonly type: 'listening'; readonly ports: readonly number[] }
  /** A listener could not be opened; `code` is the system's. */
  | { readonly type: 'notListening'; readonly listener: ListenerData; readonly code: string; readonly message: string }
  | { readonly type: 'forward'; readonly token: number; readonly listener: string; readonly host: string; readonly frame: Uint8Array }
  | { readonly type: 'load'; readonly token: number; readonly index: number; readonly load: ColdRead }
  /** What was loaded is no longer read. */
  | { readonly type: 'gaveBack'; readonly pin: number }
  | { readonly type: 'closed'; readonly host: string; readonly why: string }
  /** The first batch that needs a validator thread has come. */
  | { readonly type: 'validatorsNeeded' }
  /** A batch refers back further than the window of a validator thread reaches. */
  | {
      readonly type: 'largeWindowNeeded'
      readonly id: number
      readonly address: number
      readonly bytes: number
      readonly rules: RecordRules
    }
  | { readonly type: 'replied'; readonly answered: Answered }
  | { readonly type: 'stopped' }
  | Started

/** What a sequencer says besides its replies. */
export interface Started {
  readonly type: 'started'
  readonly position: number
  readonly records: number
  /** See `Recovered`. */
  readonly tornBytes: number
  readonly damage: WalDamage | undefined
  readonly recoveryMs: number
}
