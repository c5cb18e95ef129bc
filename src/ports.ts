/** The doors between what decides (`src`) and what touches the world (`native-free-io`, joined by `workers`). */

/** A partition's log. Numbers are given out once and never reused, so a deleted topic cannot be mistaken for its successor. */
export type PartitionId = number

/** A codec, and how hard it tries: each has levels of its own. */
export interface Packing {
  readonly codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly level: number
}

/** What the sequencer must know of a topic's configs to validate a batch. Times in milliseconds, sizes in bytes. */
export interface PartitionSettings {
  readonly maxMessageBytes: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly timestampBeforeMaxMs: bigint
  readonly timestampAfterMaxMs: bigint
  /** `cleanup.policy` contains `compact`: a record without a key is refused. */
  readonly compacted: boolean
  /** `compression.type`: what batches are packed with when they come otherwise; undefined leaves them as they come. */
  readonly packing: Packing | undefined
}

/** Offsets that no record has or will have, though records next to them do. */
export interface LostRange {
  readonly start: number
  readonly end: number
}

export interface PartitionSpec {
  readonly stream: PartitionId
  readonly leaderEpoch: number
  /** Records below are deleted (DeleteRecords); never goes back. */
  readonly logStartOffset: bigint
  readonly settings: PartitionSettings
}

export interface PartitionOffsets {
  readonly logStartOffset: bigint
  /** End of what is durable; what consumers may read ends here. */
  readonly highWatermark: bigint
  readonly leaderEpoch: number
}

/** An answer of ListOffsets: offset and timestamp are -1 where nothing was found. */
export interface FoundOffset {
  readonly offset: bigint
  readonly timestamp: bigint
  readonly leaderEpoch: number
}

/** An idempotent producer, as a partition remembers it. */
export interface ActiveProducer {
  readonly producerId: bigint
  readonly epoch: number
  readonly lastSequence: number
  readonly lastTimestamp: bigint
}

/** The logs of this node's partitions, as the actors of the main thread see them. */
export interface Partitions {
  /** Resolves when every lane serves them. A stream that the write-ahead log knows comes back with its records. */
  open(specs: readonly PartitionSpec[]): Promise<void>
  /** Resolves when no lane serves them; their records are gone for every reader. */
  close(streams: readonly PartitionId[]): Promise<void>
  configure(stream: PartitionId, settings: PartitionSettings): Promise<void>
  offsets(stream: PartitionId): Promise<PartitionOffsets>
  /** The first record, in offset order, whose timestamp is at least `timestamp`. */
  findTimestamp(stream: PartitionId, timestamp: bigint): Promise<FoundOffset>
  /** The first of the records that carry the greatest timestamp (ListOffsets -3). */
  findMaxTimestamp(stream: PartitionId): Promise<FoundOffset>
  /** Bytes of the stream's batches, wherever they lie. */
  size(stream: PartitionId): Promise<number>
  producers(stream: PartitionId): Promise<readonly ActiveProducer[]>
  /** Makes `offset` the first that can be read; the metadata log has it already. */
  trim(stream: PartitionId, offset: bigint): Promise<void>
}

/** A partition's log for those coordinators that keep their state in one. */
export interface CoordinatorLog {
  /** Resolves when the batches are durable, with the offset of each; they get consecutive places in the order of the calls. */
  append(stream: PartitionId, batches: readonly Uint8Array[]): Promise<readonly bigint[]>
  /**
   * Whole batches, as far as they are durable, from the one that holds `offset` on: `bytesMax` bytes, or one batch. Empty at the end of
   * the log.
   */
  read(stream: PartitionId, offset: bigint, bytesMax: number): Promise<Uint8Array>
}

/** Durable, ordered storage for the metadata log. `append` resolves when a crash cannot undo it. */
export interface MetadataStore {
  append(records: readonly Uint8Array[]): Promise<void>
}

/** Bytes nobody can guess: topic ids, cluster ids. */
export interface Entropy {
  bytes(count: number): Uint8Array
}

/** Wall clock, milliseconds since 1970. */
export interface Clock {
  now(): number
}

/** The folder of a node, and the volume that it is on. */
export interface DataVolume {
  readonly path: string
  space(): Promise<{ readonly totalBytes: number; readonly usableBytes: number }>
}

/** Why a store did not do what it was asked. What each means for the caller is a row of `src/object-store/store-faults.ts`. */
export type FaultKind =
  | 'missing'
  | 'exists'
  | 'throttled'
  | 'timeout'
  | 'unavailable'
  | 'corrupt'
  | 'denied'
  | 'expired'
  | 'skewed'
  | 'full'
  | 'unsupported'
  | 'invalid'
  | 'closed'

export type StoreOperation = 'put' | 'get' | 'size' | 'upload' | 'copy' | 'remove' | 'list' | 'abandon'

/** Plain data: it crosses threads. Nothing in it is ever a secret. */
export interface StoreFault {
  readonly fault: FaultKind
  readonly operation: StoreOperation
  /** The key, or the prefix of a list. */
  readonly key: string
  /** What the store said last, for the log. */
  readonly detail: string
  /** How often it was tried. */
  readonly attempts: number
  /** The store may have done it all the same, and answered too late or wrongly. */
  readonly mayBeDone: boolean
}

export interface ListedObject {
  readonly key: string
  readonly bytes: number
  /** By the store's own clock, milliseconds since 1970. */
  readonly modifiedMs: number
}

export interface ListPage {
  /** In the order of their keys' bytes. */
  readonly objects: readonly ListedObject[]
  /** What to hand to the next call; undefined on the last page. */
  readonly next: string | undefined
}

/** What not every store can do. */
export interface StoreAbilities {
  /** `put` with `ifAbsent` has one winner, whoever else tries. Without it such a put is the fault `unsupported`. */
  readonly conditionalPut: boolean
}

/**
 * Objects under keys, whole or not there at all. The only memory that outlives a node.
 *
 * A key is 1 to 512 characters in segments apart by `/`; no segment is empty, `.` or `..`, no key is a folder of another,
 * and none has control characters. What is wrong is an answer, never thrown. A fault has been retried as far as that helps:
 * the caller decides about the rest. Absent: locks, renames, and any promise about time.
 */
export interface ObjectStore {
  readonly can: StoreAbilities
  /** The object is `pieces`, one behind the other; they must not change before the answer. A second put replaces the first. */
  put(key: string, pieces: readonly Uint8Array[], options?: { readonly ifAbsent?: boolean }): Promise<StoreFault | undefined>
  /**
   * The bytes of [start, end) that there are: fewer than asked for when the object ends before `end`, none when it ends before
   * `start`. They are written to `into` where it is given, which has room for them and may be shared memory. `onAgain` hears of
   * every request but the first: another try, or a second question beside one that is late.
   */
  get(key: string, start: number, end: number, into?: Uint8Array, onAgain?: () => void): Promise<Uint8Array | StoreFault>
  size(key: string): Promise<number | StoreFault>
  /** Begins a large object. Nothing is sent before there is a part's worth of it. */
  upload(key: string): ObjectUpload
  /** A key that is not there counts as removed. */
  remove(keys: readonly string[]): Promise<StoreFault | undefined>
  /** Keys that begin with `prefix`, a page at a time. `from` is the `next` of the page before. */
  list(prefix: string, from?: string): Promise<ListPage | StoreFault>
  /** Removes what uploads left behind that began before `beforeMs` and never ended. How many there were. */
  abandonUploads(prefix: string, beforeMs: number): Promise<number | StoreFault>
  /** What is under way ends with the fault `closed`. */
  close(): Promise<void>
}

/**
 * One object in the making, by one caller that awaits each call before the next. It is there, whole, when `complete` has
 * answered with its size, and not before. After a fault only `abort` is left.
 */
export interface ObjectUpload {
  readonly bytes: number
  /** Takes the pieces without copying them: they must not change before `complete` or `abort` has answered. Waits for the store. */
  append(pieces: readonly Uint8Array[]): Promise<StoreFault | undefined>
  /** Appends bytes [start, end) of another object, inside the store where it can. */
  copy(key: string, start: number, end: number): Promise<StoreFault | undefined>
  complete(): Promise<number | StoreFault>
  abort(): Promise<void>
}

/** Which store, as plain data that crosses threads. Never logged: `storeName` of `src/config/store-uri.ts` has no secrets. */
export type StoreLocation = FileLocation | MemLocation | S3Location

export interface FileLocation {
  readonly scheme: 'file'
  readonly folder: string
}

/** In the memory of one thread: those of one thread with one name are the same. */
export interface MemLocation {
  readonly scheme: 'mem'
  readonly name: string
}

export interface S3Location {
  readonly scheme: 's3'
  readonly bucket: string
  readonly region: string
  /** Null: as AWS has it for the region. */
  readonly endpoint: string | null
  /** The bucket in the path, not in the host name. */
  readonly pathStyle: boolean
  readonly credentials: S3Credentials
  /** Sent with every body for the store to check; null for none. */
  readonly checksum: 'CRC32' | 'CRC32C' | null
  /** Bodies are part of the signature, which costs five times the CPU; only for stores that refuse it otherwise. */
  readonly signBodies: boolean
  /** False where the store ignores or refuses conditions. */
  readonly conditionalPut: boolean
  /** Time for one try of a request, and for a request with all its tries. Larger bodies get more. */
  readonly attemptTimeoutMs: number
  readonly timeoutMs: number
  /** Bodies up to this size are sent in one request, larger ones in parts of it. */
  readonly partBytes: number
}

/** `environment`: MILLRACE_S3_ACCESS_KEY and its like, or AWS's names; `instance`: as the machine has them, by the SDK's own chain. */
export type S3Credentials =
  | { readonly type: 'static'; readonly accessKey: string; readonly secretKey: string; readonly sessionToken?: string }
  | { readonly type: 'environment' }
  | { readonly type: 'instance' }
