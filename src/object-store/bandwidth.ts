import { assert } from '../base/assert.ts'

/** Priorities, highest first. A request waits while requests of a higher priority wait. */
export const priorities = ['wal', 'read', 'readAhead', 'upload', 'compaction'] as const
export type Priority = (typeof priorities)[number]

/** Bandwidth is taken in pieces of at most this size, which bounds the wait behind a large request. */
export const pieceBytesMax = 1 << 20

/** Retry delay while requests of higher priorities wait: the end of their wait cannot be predicted. */
const yieldMs = 5

const paid = 0
const waiting = 1
/** Words of a budget: the time up to which bandwidth is spent, in microseconds, then the number of waiting requests of each priority. */
const words = waiting + priorities.length
export const budgetBytes = words * BigInt64Array.BYTES_PER_ELEMENT

/**
 * Bandwidth budget of a node towards its store, shared by all its threads: a token bucket in shared memory, without a lock and without a
 * clock.
 *
 * Invariant: in any time T at most `bytesPerSecond * T + burstBytes + pieceBytesMax` is taken. Absent: order among requests of one priority
 * in several threads.
 */
export class BandwidthBudget {
  readonly bytesPerSecond: number
  readonly burstBytes: number
  readonly #words: BigInt64Array

  /** `memory` has `budgetBytes` bytes, initially 0. Every thread creates a budget with the same numbers over it. */
  constructor(memory: BigInt64Array, bytesPerSecond: number, burstBytes: number = Math.max(pieceBytesMax, bytesPerSecond / 10)) {
    assert(memory.length >= words, 'a budget has room for its words')
    assert(bytesPerSecond > 0, 'a budget allows something')
    this.#words = memory
    this.bytesPerSecond = bytesPerSecond
    this.burstBytes = burstBytes
  }

  /** Requests of lower priorities wait from now on. */
  enter(priority: Priority): void {
    Atomics.add(this.#words, waiting + priorities.indexOf(priority), 1n)
  }

  leave(priority: Priority): void {
    const before = Atomics.sub(this.#words, waiting + priorities.indexOf(priority), 1n)
    assert(before > 0n, 'a request that leaves has entered')
  }

  /** Returns 0 when the bytes may be sent, or else the milliseconds until the next attempt. Requires a previous `enter`. */
  take(priority: Priority, bytes: number, nowMs: number): number {
    assert(bytes <= pieceBytesMax, 'bandwidth is taken in pieces')
    const rank = priorities.indexOf(priority)
    for (let above = 0; above < rank; above++) if (Atomics.load(this.#words, waiting + above) > 0n) return yieldMs
    const now = BigInt(Math.floor(nowMs * 1000))
    const earliest = now - BigInt(Math.floor((this.burstBytes * 1e6) / this.bytesPerSecond))
    const cost = BigInt(Math.ceil((bytes * 1e6) / this.bytesPerSecond))
    for (;;) {
      const spent = Atomics.load(this.#words, paid)
      // A budget in debt must wait; otherwise it may go into debt by one piece.
      if (spent > now) return Math.max(1, Number(spent - now) / 1000)
      const next = (spent > earliest ? spent : earliest) + cost
      if (Atomics.compareExchange(this.#words, paid, spent, next) === spent) return 0
    }
  }
}
