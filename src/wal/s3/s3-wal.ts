import { faultTable, faultText, isFault } from '../../object-store/store-faults.ts'
import type { ObjectStore, StoreFault } from '../../ports/object-store.ts'
import {
  decodeS3WalHeader,
  isSameOwner,
  type S3WalHeader,
  type S3WalOwner,
  type S3WalPlace,
  s3WalHeaderBytes,
  s3WalKey,
  s3WalPlaceOf,
} from './wal-object.ts'

/** Dependencies of an S3 WAL: a log with one owner at a time, in a store that many nodes can reach. */
export interface S3WalParts {
  readonly store: ObjectStore
  /** Prefix of all keys; ends with a slash. */
  readonly prefix: string
  /** Prefix under which a former release stored the beginning of the log; undefined if it is known that none has. */
  readonly formerPrefix?: string | undefined
  /** Objects of earlier epochs are not needed: all records in them are stored elsewhere. */
  readonly firstEpoch?: number | undefined
  readonly owner: S3WalOwner
  /** Delay between two requests after a fault; the store has already retried within its limits. */
  pause(): Promise<void>
  /** Milliseconds. */
  now(): number
  /** Milliseconds for which unneeded objects are kept: twice the maximum lag of lists. */
  readonly keepMs: number
  /** Called for each fault of the store; the request is repeated. */
  onFault(fault: StoreFault): void
}

/** A newer incarnation owns the log: this one has ended and must not acknowledge anything more. */
export class Superseded extends Error {}

/** The S3 WAL does not contain what was written. */
export class S3WalDamaged extends Error {}

/** The store rejects requests permanently. The message is for the operator. */
export class StoreRefused extends Error {}

/** Repeats the request until the store accepts it. A permanent fault is thrown: at this stage nothing has been acknowledged. */
export async function untilAccepted<T>(parts: S3WalParts, call: () => Promise<T | StoreFault>): Promise<T> {
  for (;;) {
    const answer = await call()
    if (!isFault(answer)) return answer as T
    if (!faultTable[answer.fault].retry) throw new StoreRefused(`the store of the log refuses: ${faultText(answer)}`)
    parts.onFault(answer)
    await parts.pause()
  }
}

/** Result of a conditional put; `taken` when the existing object belongs to another incarnation. */
export type PutOutcome = 'done' | 'taken' | StoreFault

/** Puts an object if the key is free. An object of this incarnation, whose response was lost, counts as `done`. */
export async function putOnce(parts: S3WalParts, place: S3WalPlace, pieces: readonly Uint8Array[]): Promise<PutOutcome> {
  const { store, prefix, owner } = parts
  const fault = await store.put(s3WalKey(prefix, place), pieces, { ifAbsent: true })
  if (fault === undefined) return 'done'
  if (fault.fault !== 'exists') return fault
  const found = await peek(parts, place)
  // An object of this incarnation would not have been removed. The put failed, or another incarnation wrote the object and removed it.
  if (found === 'missing') return 'taken'
  return isFault(found) ? found : isSameOwner(found.owner, owner) ? 'done' : 'taken'
}

/** Maximum number of reads of a wrong header, before the object in the store is considered damaged. */
const triesMax = 6

/** Reads the header of an object. */
export async function peek({ store, prefix }: S3WalParts, place: S3WalPlace): Promise<S3WalHeader | 'missing' | StoreFault> {
  const key = s3WalKey(prefix, place)
  for (let tries = 1; ; tries++) {
    const bytes = await store.get(key, 0, s3WalHeaderBytes)
    if (isFault(bytes)) return bytes.fault === 'missing' ? 'missing' : bytes
    const found = decodeS3WalHeader(bytes)
    if (found !== undefined && found.epoch === place.epoch && found.sequence === place.sequence) return found
    if (tries === triesMax) throw new S3WalDamaged(`${key} does not begin with the header of a log`)
  }
}

/** All places in the list, in order; possibly without the keys up to `after`. */
export async function placesIn({ store, prefix }: S3WalParts, after?: string): Promise<S3WalPlace[] | StoreFault> {
  // By key, because a page may be repeated.
  const places = new Map<string, S3WalPlace>()
  for (let from: string | undefined; ; ) {
    const page = await store.list(prefix, from, after)
    if (isFault(page)) return page
    for (const { key } of page.objects) {
      const place = s3WalPlaceOf(prefix, key)
      if (place !== undefined) places.set(key, place)
    }
    if (page.next === undefined) return inOrder([...places.values()])
    from = page.next
  }
}

/** Maximum number of lists while each one shows new places: the previous incarnation may still be writing. */
const listsMax = 8

/**
 * All taken places, in order, and possibly some that are free again. Lists are repeated until one shows nothing new, and the results are
 * combined. A list may lack a page or lag: one without `known`, which existed before, does not count.
 */
export async function settledPlaces(parts: S3WalParts, known: S3WalPlace): Promise<S3WalPlace[]> {
  const places = new Map<string, S3WalPlace>()
  for (let lists = 0, before = -1; lists < listsMax && (places.size > before || !places.has(s3WalKey(parts.prefix, known))); lists++) {
    before = places.size
    for (const place of await untilAccepted(parts, () => placesIn(parts))) places.set(s3WalKey(parts.prefix, place), place)
  }
  return inOrder([...places.values()])
}

const inOrder = (places: S3WalPlace[]): S3WalPlace[] => places.sort(comparePlaces)

/** Order of two places under one prefix. */
export const comparePlaces = (a: S3WalPlace, b: S3WalPlace): number => a.epoch - b.epoch || a.sequence - b.sequence
