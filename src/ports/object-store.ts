/** Reason for the failure of a store operation. The consequence of each for the caller is a row of `src/object-store/store-faults.ts`. */
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

/** Plain data that can be sent to another thread. It never contains a secret. */
export interface StoreFault {
  readonly fault: FaultKind
  readonly operation: StoreOperation
  /** The key, or the prefix of a list. */
  readonly key: string
  /** Last message of the store, for the logger. */
  readonly detail: string
  /** Number of attempts. */
  readonly attempts: number
  /** The operation may have succeeded despite the fault: the response was late or wrong. */
  readonly mayBeDone: boolean
}

export interface ListedObject {
  readonly key: string
  readonly bytes: number
  /** By the store's clock, milliseconds since 1970. */
  readonly modifiedMs: number
}

export interface ListPage {
  /** In the byte order of their keys. */
  readonly objects: readonly ListedObject[]
  /** Argument for the next call; undefined on the last page. */
  readonly next: string | undefined
}

/** Bytes of an object from a position on, as many as there is room for. */
export interface Piece {
  readonly position: number
  /** May be shared memory. */
  readonly into: Uint8Array
}

/** Abilities that not every store has. */
export interface StoreAbilities {
  /** `put` with `ifAbsent` has exactly one winner among all clients. Without it such a put returns the fault `unsupported`. */
  readonly conditionalPut: boolean
}

/**
 * Objects under keys; each is complete or absent. The only storage that outlives a node.
 *
 * A key is 1 to 512 characters in segments separated by `/`; no segment is empty, `.` or `..`, no key is a folder of another, and none has
 * control characters. Faults are returned, never thrown. A fault has been retried as far as that helps: the caller decides about the rest.
 * Absent: locks, renames, and any guarantee about time.
 */
export interface ObjectStore {
  readonly can: StoreAbilities
  /** The object is the concatenation of `pieces`, which must not change before the result. A second put replaces the first. */
  put(key: string, pieces: readonly Uint8Array[], options?: { readonly ifAbsent?: boolean }): Promise<StoreFault | undefined>
  /**
   * The existing bytes of [start, end): fewer when the object ends before `end`, none when it ends before `start`. They are written to
   * `into` if it is given; it must have room for them and may be shared memory. `onAgain` is called for every request except the first: a
   * retry, or a hedged request beside a late one.
   */
  get(key: string, start: number, end: number, into?: Uint8Array, onAgain?: () => void): Promise<Uint8Array | StoreFault>
  /**
   * Reads pieces of an object in the order of their positions, with fewer requests than pieces. Returns false if the object ends before one of
   * them. Only a store of files has it.
   */
  readonly gather?: ((key: string, pieces: readonly Piece[]) => Promise<boolean | StoreFault>) | undefined
  /**
   * Gives the durable file at `path` the name of an object, without a copy. From then on the file must not change. `declined`: the file is
   * not on the file system of the store. Only a store of files has it.
   */
  readonly adopt?: ((path: string, key: string) => Promise<StoreFault | 'declined' | undefined>) | undefined
  /**
   * Removes an object, and keeps the first `bytes` of its file at `path`, durably. `declined`: the object stays, since the file is smaller, or
   * has other names. Only a store of files has it.
   */
  readonly recycle?: ((key: string, path: string, bytes: number) => Promise<StoreFault | 'declined' | undefined>) | undefined
  size(key: string): Promise<number | StoreFault>
  /** Starts a large object. Nothing is sent before there are enough bytes for a part. */
  upload(key: string): ObjectUpload
  /** A missing key counts as removed. */
  remove(keys: readonly string[]): Promise<StoreFault | undefined>
  /**
   * Keys that begin with `prefix`, a page at a time. `from` is the `next` of the page before. Keys up to `after` may be left out, to save
   * pages: a store in a bucket leaves them out.
   */
  list(prefix: string, from?: string, after?: string): Promise<ListPage | StoreFault>
  /** Removes the remains of incomplete uploads that started before `beforeMs`. Returns their number. */
  abandonUploads(prefix: string, beforeMs: number): Promise<number | StoreFault>
  /** Operations in progress end with the fault `closed`. */
  close(): Promise<void>
}

/**
 * Upload of one object, by one caller that awaits each call before the next. The object exists, complete, once `complete` has returned its
 * size, and not before. After a fault only `abort` is valid.
 */
export interface ObjectUpload {
  readonly bytes: number
  /** Appends the pieces without a copy: they must not change before `complete` or `abort` has returned. Waits for the store. */
  append(pieces: readonly Uint8Array[]): Promise<StoreFault | undefined>
  /** Appends bytes [start, end) of another object; copied inside the store where it supports that. */
  copy(key: string, start: number, end: number): Promise<StoreFault | undefined>
  complete(): Promise<number | StoreFault>
  abort(): Promise<void>
}

/**
 * Location of a store, as plain data that can be sent to another thread. Never logged: `storeName` of `src/config/store-uri.ts` has no
 * secrets.
 */
export type StoreLocation = FileLocation | MemLocation | S3Location

export interface FileLocation {
  readonly scheme: 'file'
  readonly folder: string
}

/** In the memory of one thread: stores with the same name in one thread are the same. */
export interface MemLocation {
  readonly scheme: 'mem'
  readonly name: string
}

export interface S3Location {
  readonly scheme: 's3'
  readonly bucket: string
  readonly region: string
  /** Null: the AWS endpoint of the region. */
  readonly endpoint: string | null
  /** The bucket is in the path, not in the host name. */
  readonly pathStyle: boolean
  readonly credentials: S3Credentials
  /** Checksum sent with every body, which the store verifies; null for none. */
  readonly checksum: 'CRC32' | 'CRC32C' | null
  /** Bodies are part of the signature, which costs five times the CPU. Only for stores that require it. */
  readonly signBodies: boolean
  /** False for a store that ignores or rejects conditions. */
  readonly conditionalPut: boolean
  /** Timeout of one attempt, and of a request with all its attempts. Larger bodies get more time. */
  readonly attemptTimeoutMs: number
  readonly timeoutMs: number
  /** Maximum size of a body in one request; larger bodies are sent in parts of this size. */
  readonly partBytes: number
}

/** `environment`: MILLRACE_S3_ACCESS_KEY etc., or AWS's names; `instance`: credentials of the machine, from the SDK's default chain. */
export type S3Credentials =
  | { readonly type: 'static'; readonly accessKey: string; readonly secretKey: string; readonly sessionToken?: string }
  | { readonly type: 'environment' }
  | { readonly type: 'instance' }
