import { setTimeout as pause } from 'node:timers/promises'
import type { WalState } from '../../src/ports/lane.ts'
import type { ObjectStore, S3Location, StoreFault } from '../../src/ports/object-store.ts'
import { S3WalDamaged, type S3WalParts, Superseded } from '../../src/wal/s3/s3-wal.ts'
import { claim, readBody, takeOver } from '../../src/wal/s3/s3-wal-start.ts'
import type { S3WalState } from '../../src/wal/s3/s3-wal-writer.ts'
import { noMark, type S3WalHeader, type S3WalOwner } from '../../src/wal/s3/wal-object.ts'
import { blockBytes } from '../../src/wal/wal-record.ts'
import type { StoreShare } from './shared-store.ts'

/** Delay between two requests after a fault; the store has already retried within its limits. */
const pauseMs = 500
/** Number of bodies that are read at the same time. */
const readsAtOnce = 8

export interface StoreWalOptions {
  readonly type: 'store'
  readonly store: ObjectStore
  readonly location: S3Location
  /** Bandwidth and counters of the thread that writes the log. */
  readonly share: StoreShare
  /** Prefix of the keys of this log; ends with a slash. */
  readonly prefix: string
  /** See `S3WalParts`. */
  readonly formerPrefix: string | undefined
  readonly firstEpoch: number | undefined
  /** Epoch of this incarnation. It has claimed the log: see `claimAll`. */
  readonly epoch: number
  readonly owner: S3WalOwner
  readonly keepMs: number
  readonly batchIntervalMs: number
  readonly batchBytesMax: number
  readonly unflushedBytesMax: number
  readonly uploadsMax: number
  onFault(fault: StoreFault): void
}

/** Data for the thread that writes the log. Plain data. */
export interface StoreWalData
  extends Pick<StoreWalOptions, 'location' | 'share' | 'prefix' | 'owner' | 'keepMs' | 'batchIntervalMs' | 'batchBytesMax' | 'uploadsMax'> {
  readonly s3Wal: S3WalState
}

export interface OpenedStoreWal {
  readonly state: WalState
  readonly data: StoreWalData
  /** End of the existing log. Bytes after its last complete record were never acknowledged. */
  readonly end: number
}

export const s3WalParts = (
  parts: Pick<S3WalParts, 'store' | 'prefix' | 'formerPrefix' | 'firstEpoch' | 'owner' | 'keepMs' | 'onFault'>,
): S3WalParts => ({
  ...parts,
  pause: () => pause(pauseMs),
  now: () => performance.now(),
})

/** Claims the logs of all lanes before any of them is read or ended. Fails if another node has the same epoch. */
export async function claimAll(logs: readonly StoreWalOptions[]): Promise<void> {
  const claimed = await Promise.all(logs.map((options) => claim(s3WalParts(options), options.epoch)))
  const taken = logs.find((_, lane) => !claimed[lane])
  if (taken !== undefined) throw new Superseded(`epoch ${taken.epoch} of ${taken.prefix} belongs to another node`)
}

/** Takes over the log, which has been claimed, from its previous owner, and fills the log cache with all needed records. */
export async function openStoreWal(
  options: StoreWalOptions,
  memory: { readonly bytes: Uint8Array; readonly base: number; readonly size: number },
  entropy: () => number,
): Promise<OpenedStoreWal> {
  const { prefix, owner, keepMs, epoch, location, share, batchIntervalMs, batchBytesMax, uploadsMax } = options
  const parts = s3WalParts(options)
  const { objects, others } = await takeOver(parts, epoch)
  const { trimmed, previous, previousIncarnation } = objects
    .map(({ mark }) => mark)
    .reduce((a, b) => (b.trimmed >= a.trimmed ? b : a), noMark)
  const start = Math.floor(trimmed / blockBytes) * blockBytes
  const needed = objects.filter((object) => object.bodyBytes > 0 && endOf(object) > start)
  const end = check(needed, start, memory.size)
  await fill(parts, needed, memory)
  const kept = objects.map((object) => ({ epoch: object.epoch, sequence: object.sequence, prefix: object.prefix, end: endOf(object) }))
  const secret = objects[0]?.mark.secret ?? entropy() >>> 0
  return {
    state: { capacity: memory.size, incarnation: epoch, secret, trimmed, previous, previousIncarnation },
    data: { location, share, prefix, owner, keepMs, batchIntervalMs, batchBytesMax, uploadsMax, s3Wal: { epoch, kept, others } },
    end,
  }
}

const endOf = ({ mark, bodyBytes }: S3WalHeader): number => mark.position + bodyBytes

/**
 * Returns the end of the log. A later incarnation continues at the last complete record, which may be before the end of the previous
 * incarnation.
 */
function check(needed: readonly S3WalHeader[], start: number, size: number): number {
  let end = start
  for (const { mark, bodyBytes } of needed) {
    if (mark.position > end) throw new S3WalDamaged(`the write-ahead log in the store has nothing from position ${end} to ${mark.position}`)
    end = mark.position + bodyBytes
    // A record is contiguous in a log cache of one size, but may not be in one of another size.
    if (mark.window !== size && (size % mark.window !== 0 || end - start > size)) {
      throw new Error(
        `the write-ahead log in the store was written with s3.wal.cache.size=${mark.window}, and not all of it is in objects: start with that once more, and stop with SIGTERM`,
      )
    }
  }
  return end
}

/** Several objects are read at a time, and copied in order. */
async function fill(
  parts: S3WalParts,
  needed: readonly S3WalHeader[],
  { bytes, base, size }: { readonly bytes: Uint8Array; readonly base: number; readonly size: number },
): Promise<void> {
  const reading: Promise<Uint8Array>[] = []
  for (const [at, { mark }] of needed.entries()) {
    while (reading.length < Math.min(needed.length, at + readsAtOnce)) {
      const body = readBody(parts, needed[reading.length]!)
      body.catch(() => {})
      reading.push(body)
    }
    const body = await reading[at]!
    const offset = mark.position % size
    const first = body.subarray(0, size - offset)
    bytes.set(first, base + offset)
    bytes.set(body.subarray(first.length), base)
    // Releases the bytes that have been copied.
    reading[at] = nothing
  }
}

const nothing = Promise.resolve(new Uint8Array(0))
