import type { ObjectStore, StreamId } from '../src/ports.ts'
import { ChainDamaged, type ChainParts, insist } from '../src/stream/chain.ts'
import type { ProducerSnapshot } from '../src/stream/producers.ts'
import { isFault } from '../src/stream/store-faults.ts'
import { decodeProducers, encodeProducers, type ProducerSnapshots, type ProducersHome } from './producers-file.ts'

const epochDigits = 10
/** How often what is read is not what was put, before it is taken to be so in the store. */
const triesMax = 6
/** A list may be a little old: so many lives are asked for by name, whether or not they are in it. */
const unlistedMax = 32

/**
 * The producers in a store, under a key of each life's own, so that a life that is over and does not know it yet cannot put
 * older ones in place of newer ones. The newest life that has saved any is believed.
 */
export class ProducersObjects implements ProducersHome {
  readonly #parts: ChainParts
  readonly #epoch: number
  /** Keys of earlier lives. */
  #older: readonly string[] = []

  /** Those of `parts.prefix`, which ends with a slash. */
  constructor(parts: ChainParts, epoch: number) {
    this.#parts = parts
    this.#epoch = epoch
  }

  async save(snapshots: ProducerSnapshots): Promise<void> {
    const { store, onFault, pause } = this.#parts
    const key = this.#keyOf(this.#epoch)
    for (let isSaved = false; !isSaved; ) {
      const fault = await store.put(key, encodeProducers(snapshots))
      if (fault?.fault === 'closed') return new Promise(() => {})
      isSaved = fault === undefined
      if (fault === undefined) continue
      onFault(fault)
      await pause()
    }
    await this.#removeOlder(store)
  }

  /** To be called when no earlier life can trim its log any more. */
  async load(): ReturnType<ProducersHome['load']> {
    const { store, prefix } = this.#parts
    const page = await insist(this.#parts, () => store.list(prefix))
    const recent = Array.from({ length: Math.min(unlistedMax, this.#epoch - 1) }, (_, lives) => this.#keyOf(this.#epoch - 1 - lives))
    const keys = new Set([...page.objects.map(({ key }) => key), ...recent])
    this.#older = [...keys].filter((key) => key < this.#keyOf(this.#epoch)).sort()
    for (const key of this.#older.toReversed()) {
      const found = await this.#read(key)
      if (found !== 'missing') return found
    }
    return new Map()
  }

  async #read(key: string): Promise<Map<StreamId, readonly ProducerSnapshot[]> | 'missing'> {
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

  async #removeOlder(store: ObjectStore): Promise<void> {
    if (this.#older.length === 0) return
    const fault = await store.remove(this.#older)
    if (!isFault(fault)) this.#older = []
  }

  #keyOf(epoch: number): string {
    return `${this.#parts.prefix}${String(epoch).padStart(epochDigits, '0')}`
  }
}
