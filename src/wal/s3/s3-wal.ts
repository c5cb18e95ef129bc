import { faultTable, faultText, isFault } from '../../object-store/store-faults.ts'
import type { ObjectStore, StoreFault } from '../../ports.ts'
import {
  type ChainHeader,
  type ChainOwner,
  type ChainPlace,
  chainHeaderBytes,
  chainKey,
  chainPlaceOf,
  decodeChainHeader,
  isSameOwner,
} from './wal-object.ts'

/** What is needed to work on a chain: the log of one owner at a time, in a store that many can reach. */
export interface ChainParts {
  readonly store: ObjectStore
  /** Of all its keys; ends with a slash. */
  readonly prefix: string
  readonly owner: ChainOwner
  /** Between two tries with a store that has tried for a while by itself. */
  pause(): Promise<void>
  /** Milliseconds. */
  now(): number
  /** Milliseconds for which what is not needed any more is kept all the same: twice as much as lists may be old. */
  readonly keepMs: number
  /** The store does not do what it should; it is asked again. */
  onFault(fault: StoreFault): void
}

/** Somebody else has the log: this life has ended, and must say nothing more in its name. */
export class Superseded extends Error {}

/** The log in the store is not what was written. */
export class ChainDamaged extends Error {}

/** The store refuses, and will go on refusing: the message is for the operator. */
export class StoreRefused extends Error {}

/** Asks until the store answers. What it refuses for good is thrown: nothing has been promised yet when this is used. */
export async function insist<T>(parts: ChainParts, ask: () => Promise<T | StoreFault>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (!isFault(answer)) return answer as T
    if (!faultTable[answer.fault].retry) throw new StoreRefused(`the store of the log refuses: ${faultText(answer)}`)
    parts.onFault(answer)
    await parts.pause()
  }
}

/** Whose put an object is that was there already. */
export type PutOutcome = 'done' | 'taken' | StoreFault

/** Puts an object where none is yet. One that this very life put there, unheard, counts as done. */
export async function putOnce(parts: ChainParts, place: ChainPlace, pieces: readonly Uint8Array[]): Promise<PutOutcome> {
  const { store, prefix, owner } = parts
  const fault = await store.put(chainKey(prefix, place), pieces, { ifAbsent: true })
  if (fault === undefined) return 'done'
  if (fault.fault !== 'exists') return fault
  const found = await peek(parts, place)
  // Nobody has removed what this life would have put: it is a fault, or another life that is through already.
  if (found === 'missing') return 'taken'
  return isFault(found) ? found : isSameOwner(found.owner, owner) ? 'done' : 'taken'
}

/** How often what is read is not what was put, before it is taken to be so in the store. */
const triesMax = 6

/** The header of an object. */
export async function peek({ store, prefix }: ChainParts, place: ChainPlace): Promise<ChainHeader | 'missing' | StoreFault> {
  const key = chainKey(prefix, place)
  for (let tries = 1; ; tries++) {
    const bytes = await store.get(key, 0, chainHeaderBytes)
    if (isFault(bytes)) return bytes.fault === 'missing' ? 'missing' : bytes
    const found = decodeChainHeader(bytes)
    if (found !== undefined && found.epoch === place.epoch && found.sequence === place.sequence) return found
    if (tries === triesMax) throw new ChainDamaged(`${key} does not begin with the header of a log`)
  }
}

/** Every place that a list shows, in order. */
export async function placesIn({ store, prefix }: ChainParts): Promise<ChainPlace[] | StoreFault> {
  // By key: a page may come twice.
  const places = new Map<string, ChainPlace>()
  for (let from: string | undefined; ; ) {
    const page = await store.list(prefix, from)
    if (isFault(page)) return page
    for (const { key } of page.objects) {
      const place = chainPlaceOf(prefix, key)
      if (place !== undefined) places.set(key, place)
    }
    if (page.next === undefined) return inOrder([...places.values()])
    from = page.next
  }
}

/** How many lists are asked for while each has something new: the life before may still be writing. */
const listsMax = 8

/**
 * Every place that is taken, in order, and perhaps some that are free again: what any list shows, until one shows nothing
 * new. A list may lack a page, or be a little old: one that lacks `known`, which was there before, says nothing yet.
 */
export async function settledPlaces(parts: ChainParts, known: ChainPlace): Promise<ChainPlace[]> {
  const places = new Map<string, ChainPlace>()
  for (let lists = 0, before = -1; lists < listsMax && (places.size > before || !places.has(chainKey(parts.prefix, known))); lists++) {
    before = places.size
    for (const place of await insist(parts, () => placesIn(parts))) places.set(chainKey(parts.prefix, place), place)
  }
  return inOrder([...places.values()])
}

const inOrder = (places: ChainPlace[]): ChainPlace[] => places.sort((a, b) => a.epoch - b.epoch || a.sequence - b.sequence)
