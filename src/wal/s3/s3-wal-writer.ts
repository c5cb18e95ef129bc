import { assert } from '../../base/assert.ts'
import { isFault } from '../../object-store/store-faults.ts'
import type { StoreFault } from '../../ports.ts'
import { type ChainParts, peek, placesIn, putOnce, Superseded } from './s3-wal.ts'
import { type ChainHeader, type ChainKind, type ChainPlace, chainKey, encodeChainHeader, type WalMark } from './wal-object.ts'

/** An object that a start may need, as plain data that crosses threads. */
export interface KeptObject extends ChainPlace {
  /** With what lies below this gone, the object is not needed any more. */
  readonly end: number
}

/** Where a life goes on. */
export interface ChainState {
  readonly epoch: number
  /** Of earlier lives, in order. */
  readonly kept: readonly KeptObject[]
  /** Claims, fences and remainders of earlier lives, in order. */
  readonly others: readonly ChainPlace[]
}

export interface ChainContent {
  readonly kind: Extract<ChainKind, 'piece' | 'whole'>
  readonly mark: WalMark
  /** They must not change before the append is done. */
  readonly pieces: readonly Uint8Array[]
  readonly bodyBytes: number
  readonly bodyCrc: number
  readonly end: number
  /** Objects in front of this one that end here or before are not needed any more once it is there. */
  readonly dropBelow: number
}

interface Append {
  readonly object: KeptObject
  readonly dropBelow: number
  isStored: boolean
  readonly done: () => void
}

/**
 * Fences of so many lives are kept. A life that sleeps through more than that, in the middle of a put, would not find the
 * fence that tells it.
 */
export const fencesKept = 1000

/**
 * Appends to a chain, several objects at a time, and removes what is no longer needed.
 *
 * Invariants: an append is done when its object and all before it are stored, never otherwise; the first object of an epoch
 * is there before any other is sent, and what is removed is removed one by one from the front, so that the first that is
 * there is the first that is needed, and a gap behind it is the end; the fence of an epoch stays behind.
 * After somebody else was found to have the log, nothing is ever done again.
 */
export class ChainWriter {
  readonly #parts: ChainParts
  readonly #epoch: number
  readonly #kept: KeptObject[]
  #others: ChainPlace[]
  readonly #onLost: (error: Error) => void
  #next = 1
  #first: Promise<void> | undefined
  #appends: Append[] = []
  #putting = 0
  #removing: Promise<void> | undefined
  /** Of the last object that is stored with all before it. */
  #dropBelow = Number.NEGATIVE_INFINITY
  #droppable = 0
  /** What is not needed any more, and since when; and what has been so for long enough. */
  #drops: { readonly below: number; readonly atMs: number }[] = []
  #ripeBelow = Number.NEGATIVE_INFINITY
  /** Earlier lives left something that has not been looked at. */
  #isUntidy: boolean
  #isOver = false

  constructor(parts: ChainParts, { epoch, kept, others }: ChainState, onLost: (error: Error) => void) {
    this.#parts = parts
    this.#epoch = epoch
    this.#kept = [...kept]
    this.#others = [...others]
    this.#isUntidy = others.length > 0
    this.#onLost = onLost
  }

  /** Appends that are not done. */
  get pending(): number {
    return this.#appends.length
  }

  append(content: ChainContent): Promise<void> {
    const { kind, mark, pieces, bodyBytes, bodyCrc, end, dropBelow } = content
    assert(dropBelow >= this.#dropBelow, 'what is not needed is never needed again')
    const place = { epoch: this.#epoch, sequence: this.#next++ }
    const header: ChainHeader = {
      kind,
      ...place,
      owner: this.#parts.owner,
      ...this.#oldest(dropBelow, place),
      bodyBytes,
      bodyCrc,
      mark,
    }
    const object = { ...place, end }
    this.#kept.push(object)
    return new Promise((done) => {
      const append: Append = { object, dropBelow, isStored: false, done }
      this.#appends.push(append)
      const put = (): Promise<void> => this.#put(append, [encodeChainHeader(header), ...pieces])
      if (this.#first === undefined) this.#first = put()
      else void this.#first.then(put)
    })
  }

  /** Looks whether somebody else has begun: one who has nothing to append would never hear of it. */
  async look(): Promise<void> {
    if (await this.#isNewest()) this.tidy()
  }

  /** Begins to remove what has been superfluous for long enough; to be called now and then, since nobody else watches the clock. */
  tidy(): void {
    if (this.#isOver || this.#droppable === 0 || !(this.#isUntidy || this.#hasDroppable())) return
    this.#removing ??= this.#tidy().catch((error: Error) => this.#end(error))
  }

  /** Nothing is tried again after this. Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#isOver = true
    await this.#removing
    while (this.#putting > 0) await this.#parts.pause()
  }

  /** Resolves when what is not needed has been removed, or could not be. */
  async tidied(): Promise<void> {
    await this.#removing
  }

  #oldest(dropBelow: number, own: ChainPlace): Pick<ChainHeader, 'oldestEpoch' | 'oldestSequence'> {
    const { epoch, sequence } = this.#kept.find(({ end }) => end > dropBelow) ?? own
    return { oldestEpoch: epoch, oldestSequence: sequence }
  }

  async #put(append: Append, pieces: readonly Uint8Array[]): Promise<void> {
    this.#putting++
    try {
      while (!this.#isOver) {
        const outcome = await putOnce(this.#parts, append.object, pieces)
        if (outcome === 'done') return this.#stored(append)
        if (outcome === 'taken') return await this.#lose(append.object)
        if (this.#isOver) return
        this.#parts.onFault(outcome)
        await this.#parts.pause()
      }
    } catch (error) {
      this.#end(error as Error)
    } finally {
      this.#putting--
    }
  }

  #stored(append: Append): void {
    append.isStored = true
    while (!this.#isOver && this.#appends[0]?.isStored) {
      const { object, dropBelow, done } = this.#appends.shift()!
      if (dropBelow > this.#dropBelow) this.#drops.push({ below: dropBelow, atMs: this.#parts.now() })
      this.#dropBelow = dropBelow
      this.#droppable = this.#kept.indexOf(object)
      done()
    }
    this.tidy()
  }

  async #lose(place: ChainPlace): Promise<void> {
    const found = await peek(this.#parts, place)
    const who = typeof found === 'string' || isFault(found) ? '' : `, which put a ${found.kind} there`
    this.#end(new Superseded(`${chainKey(this.#parts.prefix, place)} belongs to another life of this node${who}`))
  }

  #end(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onLost(error)
  }

  /**
   * From the front, one after another, and only what was stored before it was looked whether somebody else has begun. Who
   * begins looks at what there is after that: what they saw may go from the front, but nothing comes and goes behind it, so
   * that a place which is free there was never taken. Lists that lag by half of `keepMs` change nothing in that: who begins
   * sees all that can be gone by then, and whoever removes sees who began before that.
   */
  async #tidy(): Promise<void> {
    do {
      const below = this.#ripe()
      let stored = this.#droppable
      if (!(await this.#isNewest())) return
      for (; stored > 0 && this.#kept[0]!.end <= below; stored--) {
        await this.#remove(this.#kept[0]!)
        if (this.#isOver) return
        this.#kept.shift()
        this.#droppable--
      }
      await this.#tidyEpochs()
      this.#isUntidy = false
    } while (this.#hasDroppable())
    this.#removing = undefined
  }

  async #isNewest(): Promise<boolean> {
    const places = await this.#insist(() => placesIn(this.#parts))
    const last = places?.at(-1)
    if (last !== undefined && last.epoch > this.#epoch)
      this.#end(new Superseded(`${this.#parts.prefix} has been taken over by a later life: epoch ${last.epoch}`))
    return !this.#isOver
  }

  #hasDroppable(): boolean {
    return !this.#isOver && this.#droppable > 0 && this.#kept[0]!.end <= this.#ripe()
  }

  /** What ends here or before has not been needed for long enough. */
  #ripe(): number {
    const due = this.#parts.now() - this.#parts.keepMs
    while (this.#drops.length > 0 && this.#drops[0]!.atMs <= due) this.#ripeBelow = this.#drops.shift()!.below
    return this.#ripeBelow
  }

  /** Of lives of which nothing is needed any more, only the fence stays, and of those long ago not even that. */
  async #tidyEpochs(): Promise<void> {
    const oldest = this.#kept[0]!.epoch
    const left: ChainPlace[] = []
    for (let from = 0, to = 0; from < this.#others.length; from = to) {
      const { epoch } = this.#others[from]!
      while (this.#others[to]?.epoch === epoch) to++
      const places = this.#others.slice(from, to)
      if (epoch >= oldest) left.push(...places)
      else if (epoch >= this.#epoch - fencesKept) left.push(...(await this.#tidyEpoch(places)))
      else for (const place of places) await this.#remove(place)
      if (this.#isOver) return
    }
    this.#others = left
  }

  async #tidyEpoch(places: readonly ChainPlace[]): Promise<readonly ChainPlace[]> {
    if (places.length === 1) return places
    for (const [at, place] of places.entries()) {
      const found = place.sequence === 0 ? undefined : await peek(this.#parts, place)
      if (isFault(found)) return places.slice(at)
      if (found !== undefined && found !== 'missing' && found.kind === 'fence') {
        for (const behind of places.slice(at + 1)) await this.#remove(behind)
        return [place]
      }
      await this.#remove(place)
    }
    return []
  }

  async #remove(place: ChainPlace): Promise<void> {
    await this.#insist(() => this.#parts.store.remove([chainKey(this.#parts.prefix, place)]))
  }

  /** What the store refuses, it may grant again: there is nobody to tell but the log. Undefined when all is over. */
  async #insist<T>(ask: () => Promise<T | StoreFault>): Promise<T | undefined> {
    while (!this.#isOver) {
      const answer = await ask()
      if (!isFault(answer)) return answer as T
      if (this.#isOver) return undefined
      this.#parts.onFault(answer)
      await this.#parts.pause()
    }
    return undefined
  }
}
