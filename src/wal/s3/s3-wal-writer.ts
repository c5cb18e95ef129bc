import { assert } from '../../base/assert.ts'
import { isFault } from '../../object-store/store-faults.ts'
import type { StoreFault } from '../../ports/object-store.ts'
import { peek, placesIn, putOnce, type S3WalParts, Superseded } from './s3-wal.ts'
import { encodeS3WalHeader, type S3WalHeader, type S3WalKind, type S3WalPlace, s3WalKey, type WalObjectFields } from './wal-object.ts'

/** An object that a start may need, as plain data that can be sent to another thread. */
export interface KeptObject extends S3WalPlace {
  /** The object is unneeded when the log is trimmed to this position. */
  readonly end: number
}

/** State from which an incarnation continues. */
export interface S3WalState {
  readonly epoch: number
  /** Objects of earlier incarnations, in order. */
  readonly kept: readonly KeptObject[]
  /** Claims, fences and other remaining objects of earlier incarnations, in order. */
  readonly others: readonly S3WalPlace[]
}

export interface S3WalContent {
  readonly kind: Extract<S3WalKind, 'piece' | 'whole'>
  readonly mark: WalObjectFields
  /** Must not change before the append completes. */
  readonly pieces: readonly Uint8Array[]
  readonly bodyBytes: number
  readonly bodyCrc: number
  readonly end: number
  /** Earlier objects that end at or before this position are unneeded once this object is stored. */
  readonly dropBelow: number
}

interface Append {
  readonly object: KeptObject
  readonly dropBelow: number
  isStored: boolean
  readonly done: () => void
}

/**
 * Number of epochs whose fences are kept. An incarnation that is suspended during a put for more epochs would not find the fence that ends
 * it.
 */
export const fencesKept = 1000

/**
 * Appends to an S3 WAL, several objects at a time, and removes unneeded objects.
 *
 * Invariants: an append completes when its object and all earlier ones are stored, never otherwise. The first object of an epoch is stored
 * before any other is sent. Objects are removed one by one from the front: the first existing object is the first needed one, and a gap
 * after it is the end. The fence of an epoch remains. After another incarnation has taken over the log, nothing more is written or removed.
 */
export class S3WalWriter {
  readonly #parts: S3WalParts
  readonly #epoch: number
  readonly #kept: KeptObject[]
  /** Number of kept objects, from the front, that end at or before the last `dropBelow`. They are unneeded, and kept for `keepMs`. */
  #unneeded = 0
  #unneededBelow = Number.NEGATIVE_INFINITY
  #others: S3WalPlace[]
  readonly #onLost: (error: Error) => void
  #next = 1
  #first: Promise<void> | undefined
  #appends: Append[] = []
  #putting = 0
  #removing: Promise<void> | undefined
  /** `dropBelow` of the last object that is stored together with all earlier ones. */
  #dropBelow = Number.NEGATIVE_INFINITY
  #droppable = 0
  /** Positions below which objects are unneeded, each with its time; and the position for which `keepMs` has passed. */
  #drops: { readonly below: number; readonly atMs: number }[] = []
  #ripeBelow = Number.NEGATIVE_INFINITY
  /** Remaining objects of earlier incarnations have not been checked yet. */
  #isUntidy: boolean
  #isOver = false

  constructor(parts: S3WalParts, { epoch, kept, others }: S3WalState, onLost: (error: Error) => void) {
    this.#parts = parts
    this.#epoch = epoch
    this.#kept = [...kept]
    this.#others = [...others]
    this.#isUntidy = others.length > 0
    this.#onLost = onLost
  }

  /** Number of incomplete appends. */
  get pending(): number {
    return this.#appends.length
  }

  append(content: S3WalContent): Promise<void> {
    const { kind, mark, pieces, bodyBytes, bodyCrc, end, dropBelow } = content
    assert(dropBelow >= this.#unneededBelow, 'what is not needed is never needed again')
    this.#unneededBelow = dropBelow
    const place = { epoch: this.#epoch, sequence: this.#next++ }
    const header: S3WalHeader = {
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
      const put = (): Promise<void> => this.#put(append, [encodeS3WalHeader(header), ...pieces])
      if (this.#first === undefined) this.#first = put()
      else void this.#first.then(put)
    })
  }

  /** Checks whether a newer incarnation has started; without appends, this one would not detect it. */
  async look(): Promise<void> {
    if (await this.#isNewest()) this.tidy()
  }

  /** Starts to remove objects that have been unneeded for `keepMs`. Must be called periodically; there is no timer. */
  tidy(): void {
    if (this.#isOver || this.#droppable === 0 || !(this.#isUntidy || this.#hasDroppable())) return
    this.#removing ??= this.#tidy().catch((error: Error) => this.#end(error))
  }

  /** Ends all retries. Resolves when no request is in progress. */
  async close(): Promise<void> {
    this.#isOver = true
    await this.#removing
    while (this.#putting > 0) await this.#parts.pause()
  }

  /** Resolves when the removal of unneeded objects has ended or failed. */
  async tidied(): Promise<void> {
    await this.#removing
  }

  /** A search from the front would pass the objects of all of `keepMs` for each append: tens of thousands on a busy node. */
  #oldest(dropBelow: number, own: S3WalPlace): Pick<S3WalHeader, 'oldestEpoch' | 'oldestSequence'> {
    while (this.#unneeded < this.#kept.length && this.#kept[this.#unneeded]!.end <= dropBelow) this.#unneeded++
    const { epoch, sequence } = this.#kept[this.#unneeded] ?? own
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
      this.#droppable = this.#kept.lastIndexOf(object)
      done()
    }
    this.tidy()
  }

  async #lose(place: S3WalPlace): Promise<void> {
    const found = await peek(this.#parts, place)
    const who = typeof found === 'string' || isFault(found) ? '' : `, which put a ${found.kind} there`
    this.#end(new Superseded(`${s3WalKey(this.#parts.prefix, place)} belongs to another incarnation of this node${who}`))
  }

  #end(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onLost(error)
  }

  /**
   * Removes objects from the front, one by one, and only those that were stored before the check for a newer incarnation. A newer
   * incarnation lists the objects after that check. Listed objects may disappear from the front, but no object after them is both stored
   * and removed, so a free key there was never taken. This holds for lists that lag by up to half of `keepMs`. The newer incarnation sees
   * every object that can be removed by then, and the removing one sees every incarnation that started before.
   */
  async #tidy(): Promise<void> {
    do {
      const below = this.#ripe()
      let stored = this.#droppable
      if (!(await this.#isNewest())) return
      for (; stored > 0 && this.#kept[0]!.end <= below; stored--) {
        await this.#remove(this.#kept[0]!)
        if (this.#isOver) return
        assert(this.#unneeded > 0, 'a removed object is unneeded')
        this.#kept.shift()
        this.#droppable--
        this.#unneeded--
      }
      await this.#tidyEpochs()
      this.#isUntidy = false
    } while (this.#hasDroppable())
    this.#removing = undefined
  }

  async #isNewest(): Promise<boolean> {
    // Without the objects of this epoch, of which there may be many pages.
    const ownEnd = s3WalKey(this.#parts.prefix, { epoch: this.#epoch, sequence: Number.MAX_SAFE_INTEGER })
    const places = await this.#untilAccepted(() => placesIn(this.#parts, ownEnd))
    const last = places?.at(-1)
    if (last !== undefined && last.epoch > this.#epoch)
      this.#end(new Superseded(`${this.#parts.prefix} has been taken over by a later incarnation: epoch ${last.epoch}`))
    return !this.#isOver
  }

  #hasDroppable(): boolean {
    return !this.#isOver && this.#droppable > 0 && this.#kept[0]!.end <= this.#ripe()
  }

  /** Objects that end at or before this position have been unneeded for `keepMs`. */
  #ripe(): number {
    const due = this.#parts.now() - this.#parts.keepMs
    while (this.#drops.length > 0 && this.#drops[0]!.atMs <= due) this.#ripeBelow = this.#drops.shift()!.below
    return this.#ripeBelow
  }

  /** Of an epoch without needed objects, only the fence is kept. Of an epoch more than `fencesKept` epochs ago, nothing is kept. */
  async #tidyEpochs(): Promise<void> {
    const oldest = this.#kept[0]!.epoch
    const left: S3WalPlace[] = []
    for (let from = 0, to = 0; from < this.#others.length; from = to) {
      const { epoch, prefix } = this.#others[from]!
      while (this.#others[to]?.epoch === epoch && this.#others[to]!.prefix === prefix) to++
      const places = this.#others.slice(from, to)
      if (epoch >= oldest) left.push(...places)
      else if (epoch >= this.#epoch - fencesKept) left.push(...(await this.#tidyEpoch(places)))
      else for (const place of places) await this.#remove(place)
      if (this.#isOver) return
    }
    this.#others = left
  }

  async #tidyEpoch(places: readonly S3WalPlace[]): Promise<readonly S3WalPlace[]> {
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

  async #remove(place: S3WalPlace): Promise<void> {
    await this.#untilAccepted(() => this.#parts.store.remove([s3WalKey(this.#parts.prefix, place)]))
  }

  /**
   * Retries until the store succeeds, since a denied request may be granted later; faults are only logged. Returns undefined after the end.
   */
  async #untilAccepted<T>(call: () => Promise<T | StoreFault>): Promise<T | undefined> {
    while (!this.#isOver) {
      const answer = await call()
      if (!isFault(answer)) return answer as T
      if (this.#isOver) return undefined
      this.#parts.onFault(answer)
      await this.#parts.pause()
    }
    return undefined
  }
}
