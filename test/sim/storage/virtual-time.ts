import type { Time } from '../../../src/ports/time.ts'

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** One start of the simulated node. After its end nothing that it requested reaches it, and no timer of it fires. */
export interface Incarnation {
  isAlive: boolean
}

/** Simulated time. It advances only when all tasks wait for it, and runs what is due one event at a time. */
export class VirtualTime {
  /** Wall clock, milliseconds. */
  now = 1_700_000_000_000
  /** Number of events so far. */
  count = 0
  /** In the order of their times. */
  readonly #events: Event[] = []
  #order = 0

  /** Runs `run` after the delay. The returned function cancels it. */
  after(ms: number, run: () => void): () => void {
    const event = { at: this.now + Math.max(0, ms), order: this.#order++, run }
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#events[middle]!.at <= event.at) low = middle + 1
      else high = middle
    }
    this.#events.splice(low, 0, event)
    return () => {
      const index = this.#events.indexOf(event)
      if (index >= 0) this.#events.splice(index, 1)
    }
  }

  /** The clocks and timers of an incarnation. */
  of(incarnation: Incarnation): Time {
    const began = this.now
    return {
      wall: () => this.now,
      monotonic: () => this.now - began,
      after: (ms, wake) => this.after(ms, () => incarnation.isAlive && wake()),
    }
  }

  /** Resolves for a living node after the delay; never for one that ended in the meantime. */
  pause(incarnation: Incarnation, ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, () => incarnation.isAlive && resolve()))
  }

  /** Runs everything that is due within `ms`. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms
    await settled()
    for (let next = this.#events[0]; next !== undefined && next.at <= end; next = this.#events[0]) {
      this.#events.shift()
      this.now = Math.max(this.now, next.at)
      this.count++
      next.run()
      await settled()
    }
    this.now = end
  }
}

/** All tasks that can continue have done so. */
const settled = (): Promise<void> => new Promise(setImmediate)
