interface Entry<A> {
  at: number
  action: A
}
interface Place {
  readonly at: number
  readonly key: string
}

/**
 * Actions that run at a time unless delayed or cancelled. A delay is the common case, since every heartbeat does it: it costs one map
 * access, because the heap entry stays until it is due.
 *
 * Invariant: each scheduled key has a heap entry that is due no later than its action.
 */
export class Timers<A> {
  readonly #entries = new Map<string, Entry<A>>()
  /** A binary heap by time. Entries of cancelled keys stay until they are due. */
  readonly #heap: Place[] = []
  /** The earliest heap entry of each key. */
  readonly #placed = new Map<string, number>()

  #wakeAt = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#entries.size
  }

  set(key: string, at: number, action: A): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) this.#entries.set(key, { at, action })
    else {
      entry.at = at
      entry.action = action
    }
    if ((this.#placed.get(key) ?? Number.POSITIVE_INFINITY) > at) this.#place(key, at)
  }

  cancel(key: string): void {
    this.#entries.delete(key)
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** When to check again; never later than the next action is due. */
  get next(): number | undefined {
    return this.#heap[0]?.at
  }

  /** The time of a wake-up, if one is needed that is earlier than the last one that was returned here. */
  takeWake(): number | undefined {
    const at = this.next
    if (at === undefined || at >= this.#wakeAt) return undefined
    this.#wakeAt = at
    return at
  }

  /** The wake-up has happened. */
  woken(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY
  }

  /** Removes and returns an action that is due by `now`; undefined when there is none. */
  take(now: number): A | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) {
      const { at, key } = this.#pop()
      if (this.#placed.get(key) !== at) continue
      this.#placed.delete(key)
      const entry = this.#entries.get(key)
      if (entry === undefined) continue
      if (entry.at > now) {
        this.#place(key, entry.at)
        continue
      }
      this.#entries.delete(key)
      return entry.action
    }
    return undefined
  }

  #place(key: string, at: number): void {
    this.#placed.set(key, at)
    const heap = this.#heap
    let i = heap.push({ at, key }) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (heap[parent]!.at <= heap[i]!.at) break
      swap(heap, i, parent)
      i = parent
    }
  }

  #pop(): Place {
    const heap = this.#heap
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return top
    heap[0] = last
    for (let i = 0; ; ) {
      let least = i
      for (const child of [2 * i + 1, 2 * i + 2]) if (child < heap.length && heap[child]!.at < heap[least]!.at) least = child
      if (least === i) return top
      swap(heap, i, least)
      i = least
    }
  }
}

function swap(heap: Place[], i: number, j: number): void {
  const place = heap[i]!
  heap[i] = heap[j]!
  heap[j] = place
}
