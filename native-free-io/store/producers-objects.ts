import { isFault } from '../../src/object-store/store-faults.ts'
import { ChainDamaged, type ChainParts, insist, placesIn } from '../../src/wal/s3/s3-wal.ts'
import { type ChainPlace, chainKey } from '../../src/wal/s3/wal-object.ts'
import {
  decodeProducers,
  encodeProducers,
  type ProducerSnapshots,
  type ProducersHome,
  type SavedProducers,
} from '../disk/producers-file.ts'

/** How often what is read is not what was put, before it is taken to be so in the store. */
const triesMax = 6
/** A list may be a little old: so many lives are asked for by name, whether or not they are in it. */
const unlistedMax = 32
/** How often what a list shows may be gone. */
const listsMax = 100

/**
 * The producers in a store. Each life saves them under keys of its own, and each time under another, so that neither a life
 * that is over and does not know it yet nor a put that is done long after it was given up can put older ones in place of newer
 * ones. The last that the newest life has saved are believed.
 *
 * Invariant: of a life that has saved any, what it saved last is there, and whatever it had saved last in the time for which a
 * list may be old.
 */
export class ProducersObjects implements ProducersHome {
  readonly #parts: ChainParts
  readonly #epoch: number
  readonly #foundingId: string
  #sequence = 0
  #last: string | undefined
  /** What is not needed any more, and since when. */
  #superseded: { readonly key: string; readonly atMs: number }[] = []
  /** What earlier lives left. */
  #older: readonly string[] = []

  /** Those of `parts.prefix`, which ends with a slash. */
  constructor(parts: ChainParts, epoch: number, foundingId: string) {
    this.#parts = parts
    this.#epoch = epoch
    this.#foundingId = foundingId
  }

  async save(streams: ProducerSnapshots, position: number): Promise<void> {
    const { store, onFault, pause, now } = this.#parts
    const key = this.#keyOf({ epoch: this.#epoch, sequence: ++this.#sequence })
    for (let isSaved = false; !isSaved; ) {
      const fault = await store.put(key, encodeProducers({ foundingId: this.#foundingId, position, streams }))
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

  /** To be called when no earlier life can trim its log any more. */
  async load(): ReturnType<ProducersHome['load']> {
    for (let lists = 0; lists < listsMax; lists++) {
      const found = await this.#loadOnce()
      if (found !== 'moved') return found
      await this.#parts.pause()
    }
    throw new ChainDamaged(`of the producers under ${this.#parts.prefix} nothing is there but what lists show`)
  }

  async #loadOnce(): Promise<SavedProducers | 'moved' | undefined> {
    const places = (await insist(this.#parts, () => placesIn(this.#parts))).filter(({ epoch }) => epoch < this.#epoch)
    const listed = new Map(places.map(({ epoch, sequence }) => [epoch, sequence]))
    const recent = Array.from({ length: Math.min(unlistedMax, this.#epoch - 1) }, (_, lives) => this.#epoch - 1 - lives)
    this.#older = places.map((place) => this.#keyOf(place))
    for (const epoch of [...new Set([...listed.keys(), ...recent])].sort((a, b) => b - a)) {
      const newest = await this.#newestOf(epoch, listed.get(epoch) ?? 1)
      if (newest !== undefined) return newest
      // It was there a moment ago: a life that does not know yet that it is over may have saved once more.
      if (listed.has(epoch)) return 'moved'
    }
    return undefined
  }

  /** From what is listed on: what was saved after it may not be listed yet. */
  async #newestOf(epoch: number, from: number): Promise<SavedProducers | undefined> {
    let newest: SavedProducers | undefined
    for (let sequence = from; ; sequence++) {
      const found = await this.#read({ epoch, sequence })
      if (found === 'missing') return newest
      newest = found
      this.#older = [...this.#older, this.#keyOf({ epoch, sequence })]
    }
  }

  async #read(place: ChainPlace): Promise<SavedProducers | 'missing'> {
    const key = this.#keyOf(place)
    for (let tries = 1; ; tries++) {
      const bytes = await insist(this.#parts, async () => {
        const read = await this.#parts.store.get(key, 0, Number.POSITIVE_INFINITY)
        return isFault(read) && read.fault === 'missing' ? 'missing' : read
      })
      if (bytes === 'missing') return bytes
      const found = decodeProducers(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
      if (found !== undefined) return found
      if (tries === triesMax) throw new ChainDamaged(`${key} is damaged`)
    }
  }

  /** Removes what has been superfluous for long enough. What cannot be removed now is tried again with the next. */
  async #tidy(): Promise<void> {
    const { store, now, keepMs } = this.#parts
    const due = now() - keepMs
    const ripe = this.#superseded.filter(({ atMs }) => atMs <= due)
    const keys = [...this.#older, ...ripe.map(({ key }) => key)]
    if (keys.length === 0 || isFault(await store.remove(keys))) return
    this.#older = []
    this.#superseded = this.#superseded.filter((each) => !ripe.includes(each))
  }

  #keyOf(place: ChainPlace): string {
    return chainKey(this.#parts.prefix, place)
  }
}
