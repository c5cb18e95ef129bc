import { assert } from '../base/assert.ts'

/** Who goes first. A row waits while anybody of a row above it waits. */
export const priorities = ['wal', 'read', 'readAhead', 'upload', 'compaction'] as const
export type Priority = (typeof priorities)[number]

/** So many bytes are taken at a time: nobody waits longer behind a large request than for this. */
export const pieceBytesMax = 1 << 20

/** How long those wait who may not even ask: there is no saying when those before them are done. */
const yieldMs = 5

const paid = 0
const waiting = 1
/** Words of a budget: the time up to which bandwidth is spent, in microseconds, then how many of each priority wait. */
const words = waiting + priorities.length
export const budgetBytes = words * BigInt64Array.BYTES_PER_ELEMENT

/**
 * Bandwidth of a node towards its store, shared by all its threads: a bucket of tokens in shared memory, without a lock and
 * without a clock of its own.
 *
 * Invariant: over any time T no more is taken than `bytesPerSecond * T + burstBytes + pieceBytesMax`.
 * Absent: order among those of one priority in several threads.
 */
export class BandwidthBudget {
  readonly bytesPerSecond: number
  readonly burstBytes: number
  readonly #words: BigInt64Array

  /** `memory` has `budgetBytes` bytes and begins as noughts; every thread has a budget of the same numbers over it. */
  constructor(memory: BigInt64Array, bytesPerSecond: number, burstBytes: number = Math.max(pieceBytesMax, bytesPerSecond / 10)) {
    assert(memory.length >= words, 'a budget has room for its words')
    assert(bytesPerSecond > 0, 'a budget allows something')
    this.#words = memory
    this.bytesPerSecond = bytesPerSecond
    this.burstBytes = burstBytes
  }

  /** From now on those of lower priorities wait. */
  enter(priority: Priority): void {
    Atomics.add(this.#words, waiting + priorities.indexOf(priority), 1n)
  }

  leave(priority: Priority): void {
    const before = Atomics.sub(this.#words, waiting + priorities.indexOf(priority), 1n)
    assert(before > 0n, 'who leaves has entered')
  }

  /** Nought when the bytes may move, else the milliseconds after which to ask again. Only for those who have entered. */
  take(priority: Priority, bytes: number, nowMs: number): number {
    assert(bytes <= pieceBytesMax, 'bandwidth is taken in pieces')
    const rank = priorities.indexOf(priority)
    for (let above = 0; above < rank; above++) if (Atomics.load(this.#words, waiting + above) > 0n) return yieldMs
    const now = BigInt(Math.floor(nowMs * 1000))
    const earliest = now - BigInt(Math.floor((this.burstBytes * 1e6) / this.bytesPerSecond))
    const cost = BigInt(Math.ceil((bytes * 1e6) / this.bytesPerSecond))
    for (;;) {
      const spent = Atomics.load(this.#words, paid)
      // What is in debt waits; what is not may go into debt by one piece.
      if (spent > now) return Math.max(1, Number(spent - now) / 1000)
      const next = (spent > earliest ? spent : earliest) + cost
      if (Atomics.compareExchange(this.#words, paid, spent, next) === spent) return 0
    }
  }
}
