import { assert } from './assert.ts'

/** A part of a memory. */
export interface PageRun {
  readonly address: number
  readonly bytes: number
}

/** Small, so that an allocation wastes little, and no more than a page of the system. */
export const pageBytes = 4096
export const roundToPages = (bytes: number): number => Math.ceil(bytes / pageBytes) * pageBytes

/**
 * Allocations in one region of memory, in pages. An allocation has as many runs of pages as necessary, so that free pages are never too
 * scattered for it. The lowest free pages are taken first: pages that no allocation has reached occupy no physical memory.
 *
 * Buffers of the heap are no replacement: they occupy memory until the next garbage collection, for which V8 waits for 64 MiB of them in
 * each thread, and the allocator keeps the memory afterwards.
 */
export class PagePool {
  readonly #base: number
  readonly #isTaken: Uint8Array
  #freePages: number
  /** No page before it is free. */
  #firstFree = 0

  constructor(base: number, bytes: number) {
    this.#base = base
    this.#freePages = Math.floor(bytes / pageBytes)
    this.#isTaken = new Uint8Array(this.#freePages)
  }

  get bytes(): number {
    return this.#isTaken.length * pageBytes
  }

  get freeBytes(): number {
    return this.#freePages * pageBytes
  }

  /** Runs of `bytes` bytes in all. Undefined when fewer bytes than `left` would remain; then no page is taken. */
  take(bytes: number, left = 0): PageRun[] | undefined {
    assert(bytes > 0, 'an allocation has bytes')
    const taken = roundToPages(bytes)
    if (taken + left > this.freeBytes) return undefined
    this.#freePages -= taken / pageBytes
    const runs: { address: number; bytes: number }[] = []
    let rest = bytes
    for (let page = this.#firstFree; rest > 0; page++) {
      assert(page < this.#isTaken.length, 'there are as many free pages as are counted')
      if (this.#isTaken[page] === 1) continue
      this.#isTaken[page] = 1
      this.#firstFree = page + 1
      const address = this.#base + page * pageBytes
      const used = Math.min(rest, pageBytes)
      const last = runs.at(-1)
      if (last !== undefined && last.address + last.bytes === address) last.bytes += used
      else runs.push({ address, bytes: used })
      rest -= used
    }
    return runs
  }

  /** `runs` are those of one `take`. */
  release(runs: readonly PageRun[]): void {
    for (const { address, bytes } of runs) {
      const first = (address - this.#base) / pageBytes
      const pages = Math.ceil(bytes / pageBytes)
      for (let page = first; page < first + pages; page++) {
        assert(this.#isTaken[page] === 1, 'a page is released once')
        this.#isTaken[page] = 0
      }
      this.#freePages += pages
      this.#firstFree = Math.min(this.#firstFree, first)
    }
  }
}
