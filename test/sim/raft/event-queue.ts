/** An entry is due at a time; entries of one time are in the order in which they were added. */
export interface Due {
  readonly at: number
  seq: number
}

/** A binary heap. */
export class EventQueue<T extends Due> {
  readonly #heap: T[] = []
  #seq = 0

  get size(): number {
    return this.#heap.length
  }

  push(entry: T): void {
    entry.seq = this.#seq++
    const heap = this.#heap
    let i = heap.length
    heap.push(entry)
    while (i > 0) {
      const up = (i - 1) >> 1
      const parent = heap[up]!
      if (parent.at < entry.at || (parent.at === entry.at && parent.seq < entry.seq)) break
      heap[i] = parent
      i = up
    }
    heap[i] = entry
  }

  pop(): T | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return first
  }
}

const isBefore = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.seq < b.seq)
