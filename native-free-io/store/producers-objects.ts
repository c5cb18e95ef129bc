import { isFault } from '../../src/object-store/store-faults.ts'
import type { ProducersStore, SavedProducers } from '../../src/ports/producers.ts'
import { placesIn, S3WalDamaged, type S3WalParts, untilAccepted } from '../../src/wal/s3/s3-wal.ts'
import { type S3WalPlace, s3WalKey } from '../../src/wal/s3/wal-object.ts'
import { decodeProducers } from '../disk/producers-codec.ts'

/** Maximum number of reads of a damaged object, before the object in the store is considered damaged. */
const triesMax = 6
/** A list may lag: this number of incarnations is read by name, even if the list does not contain them. */
const unlistedMax = 32
/** Maximum number of lists with keys that no longer exist. */
const listsMax = 100

/**
 * The producers in a store. Each incarnation saves them under its own keys, and each save uses a new key. So neither an earlier incarnation
 * that is unaware of its end, nor a put that completes long after it was abandoned, can replace newer producers by older ones. The last
 * save of the newest incarnation is valid.
 *
 * Invariant: of an incarnation with saves, the last save exists, and so does every save that was the last one within the time by which a
 * list may lag.
 */
export class ProducersObjects implements ProducersStore {
  readonly #parts: S3WalParts
  readonly #epoch: number
  #sequence = 0
  #last: string | undefined
  /** Unneeded keys, each with the time since which it is unneeded. */
  #superseded: { readonly key: string; readonly atMs: number }[] = []
  /** Keys of earlier incarnations. */
  #older: readonly string[] = []

  /** Uses the keys that start with `parts.prefix`, which ends with a slash. */
  constructor(parts: S3WalParts, epoch: number) {
    this.#parts = parts
    this.#epoch = epoch
  }

  async write(content: readonly Uint8Array[]): Promise<void> {
    const { store, onFault, pause, now } = this.#parts
    const key = this.#keyOf({ epoch: this.#epoch, sequence: ++this.#sequence })
    for (let isSaved = false; !isSaved; ) {
      const fault = await store.put(key, content)
      if (fault?.fault === 'closed') return new Promise(() => {})
      isSaved = fault === undefined
      if (fault === undefined) continue
      onFault(fault)
      await pause()
    }
    if (this.#last !== undefined) this.#superseded.push({ key: this.#last, atMs: now() })
    this.#last = key
    await this.#tidy()
  }

  /** Must be called when no earlier incarnation can trim its log any more. */
  async load(): Promise<SavedProducers | undefined> {
    for (let lists = 0; lists < listsMax; lists++) {
      const found = await this.#loadOnce()
      if (found !== 'moved') return found
      await this.#parts.pause()
    }
    throw new S3WalDamaged(`of the producers under ${this.#parts.prefix} nothing is there but what lists show`)
  }

  async #loadOnce(): Promise<SavedProducers | 'moved' | undefined> {
    const places = (await untilAccepted(this.#parts, () => placesIn(this.#parts))).filter(({ epoch }) => epoch < this.#epoch)
    const listed = new Map(places.map(({ epoch, sequence }) => [epoch, sequence]))
    const recent = Array.from({ length: Math.min(unlistedMax, this.#epoch - 1) }, (_, incarnations) => this.#epoch - 1 - incarnations)
    this.#older = places.map((place) => this.#keyOf(place))
    for (const epoch of [...new Set([...listed.keys(), ...recent])].sort((a, b) => b - a)) {
      const newest = await this.#newestOf(epoch, listed.get(epoch) ?? 1)
      if (newest !== undefined) return newest
      // The list contained it: an earlier incarnation, unaware of its end, may have saved once more.
      if (listed.has(epoch)) return 'moved'
    }
    return undefined
  }

  /** The newest save from the listed one on: later saves may not be listed yet. */
  async #newestOf(epoch: number, from: number): Promise<SavedProducers | undefined> {
    let newest: SavedProducers | undefined
    for (let sequence = from; ; sequence++) {
      const found = await this.#read({ epoch, sequence })
      if (found === 'missing') return newest
      newest = found
      this.#older = [...this.#older, this.#keyOf({ epoch, sequence })]
    }
  }

  async #read(place: S3WalPlace): Promise<SavedProducers | 'missing'> {
    const key = this.#keyOf(place)
    for (let tries = 1; ; tries++) {
      const bytes = await untilAccepted(this.#parts, async () => {
        const read = await this.#parts.store.get(key, 0, Number.POSITIVE_INFINITY)
        return isFault(read) && read.fault === 'missing' ? 'missing' : read
      })
      if (bytes === 'missing') return bytes
      const found = decodeProducers(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
      if (found !== undefined) return found
      if (tries === triesMax) throw new S3WalDamaged(`${key} is damaged`)
    }
  }

  /** Removes keys that have been unneeded for long enough. A failed removal is retried with the next save. */
  async #tidy(): Promise<void> {
    const { store, now, keepMs } = this.#parts
    const due = now() - keepMs
    const ripe = this.#superseded.filter(({ atMs }) => atMs <= due)
    const keys = [...this.#older, ...ripe.map(({ key }) => key)]
    if (keys.length === 0 || isFault(await store.remove(keys))) return
    this.#older = []
    this.#superseded = this.#superseded.filter((each) => !ripe.includes(each))
  }

  #keyOf(place: S3WalPlace): string {
    return s3WalKey(this.#parts.prefix, place)
  }
}
