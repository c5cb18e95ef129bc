import { below, chance, type Prng, prng } from '../../src/base/prng.ts'
import { laneHeader, narrow, widen } from '../../src/pipeline/lane-words.ts'
import { StorePersistence, uploadsEager } from '../../src/pipeline/persistence/s3-persistence.ts'
import { PutBudget } from '../../src/wal/s3/put-budget.ts'
import { blockBytes } from '../../src/wal/wal-record.ts'
import { HeardSignal } from '../unit/pipeline/sequencing/heard-signal.ts'
import { smallArena } from '../unit/pipeline/sequencing/small-arena.ts'

const windowMs = 60_000
const sequencerGroupBytes = 64 << 10
const batchBytesMax = 256 << 10
const uploadsMax = 7
/** A timer is later than a token by at most this time: it has whole milliseconds, and a busy thread is late. */
const timerLateMs = 2.5

interface Event {
  readonly atMs: number
  run(): void
}

export interface Machines {
  readonly StorePersistence: typeof StorePersistence
  readonly PutBudget: typeof PutBudget
}

/**
 * The persistence stage of an S3 WAL between a sequencer and a store, in simulated time. Each thread sleeps as soon as its own check finds
 * no work, and only a signal wakes it: a wait without an event is detected when it begins.
 */
export class GroupCommitWorld {
  readonly #random: Prng
  readonly #arena = smallArena()
  readonly #header = this.#arena.plan.lanes[0]!.header
  readonly #intervalMs: number
  readonly #budget: PutBudget
  readonly #persistence: StorePersistence
  #events: Event[] = []
  #ms = 0
  /** Time of the pending timer. */
  #timerAt: number | undefined
  #isSequencerAwake = false
  #isPersistenceAwake = false
  #isAwaitingTrim = false
  #end = 0
  #published = 0
  #durable = 0
  #sent = 0
  #uploads: { isStored: boolean; readonly done: () => void }[] = []
  /** Minimum over all earlier puts of their number less their time in intervals. */
  #leastLead = Number.POSITIVE_INFINITY
  readonly figures = { puts: 0, wholes: 0, trims: 0, timers: 0, laps: 0, stalls: 0, waits: 0 }

  constructor(seed: number, { StorePersistence: Stage = StorePersistence, PutBudget: Budget = PutBudget }: Partial<Machines> = {}) {
    this.#random = prng(seed)
    this.#intervalMs = [250, 0, 2000, 10_000, 60_000][seed % 5]!
    this.#budget = new Budget(this.#intervalMs, () => this.#now())
    const { words, plan, bytes, view } = this.#arena
    Atomics.store(words, this.#header + laneHeader.writerIdle, 1)
    this.#persistence = new Stage({
      words,
      lane: this.#header,
      memory: plan.lanes[0]!.log,
      bytes,
      view,
      signals: [new HeardSignal(words, plan.lanes[0]!.sequencerSignal, () => this.#wakeSequencer())],
      counters: { add: () => {} },
      position: 0,
      cut: { trimmed: 0, previous: 0, previousIncarnation: 0 },
      secret: 1,
      budget: this.#budget,
      batchBytesMax,
      uploadsMax,
      crc: () => 0,
      append: ({ mark, bodyBytes, end }) => this.#put(mark.position, bodyBytes, end),
      after: (ms, wake) => this.#startTimer(ms, wake),
    })
  }

  async run(appends: number): Promise<this> {
    for (let left = appends; left > 0; left--) {
      this.#append()
      if (chance(this.#random, 20)) this.#trim()
      const until = this.#ms + this.#gapMs()
      while (this.#events.some(({ atMs }) => atMs <= until)) await this.#step()
      this.#ms = Math.max(this.#ms, until)
    }
    while (this.#events.length > 0) await this.#step()
    this.#require(this.#durable === this.#end, 'all records are durable at the end')
    return this
  }

  /** Every read of the clock may be later than the one before. */
  #now(): number {
    if (chance(this.#random, 100)) this.#ms += 0.4
    return this.#ms
  }

  #gapMs(): number {
    const isBusy = Math.floor(this.#ms / 20_000) % 2 === 0
    return chance(this.#random, 10) ? below(this.#random, windowMs) : below(this.#random, isBusy ? 20 : 900)
  }

  #at(delayMs: number, run: () => void): void {
    this.#events.push({ atMs: this.#ms + delayMs, run })
  }

  async #step(): Promise<void> {
    const next = Math.min(...this.#events.map(({ atMs }) => atMs))
    this.#ms = Math.max(this.#ms, next)
    const due = this.#events.filter(({ atMs }) => atMs <= this.#ms)
    const event = due[below(this.#random, due.length)]!
    this.#events = this.#events.filter((each) => each !== event)
    event.run()
    for (let i = 0; i < 6; i++) await Promise.resolve()
    this.#check()
  }

  #append(): void {
    const { bytes } = this.#arena.plan.lanes[0]!.log
    const blocks = chance(this.#random, 50) ? 1 + below(this.#random, 100) : 1 + below(this.#random, 3)
    if (this.#end + blocks * blockBytes - this.#durable > bytes) {
      this.figures.stalls++
      this.#publish()
      return
    }
    this.#end += blocks * blockBytes
    this.#wakeSequencer()
  }

  /** The main thread sends a trim point to the persistence thread. */
  #trim(): void {
    if (this.#isAwaitingTrim) return
    this.#isAwaitingTrim = true
    this.#at(below(this.#random, 5), () => {
      this.#isAwaitingTrim = false
      this.#persistence.trim({ trimmed: this.#durable, previous: 0, previousIncarnation: 0 })
    })
  }

  #wakeSequencer(): void {
    if (this.#isSequencerAwake) return
    this.#isSequencerAwake = true
    this.#at(below(this.#random, 3) / 10, () => {
      const waiting = this.#end - this.#published
      if (waiting >= sequencerGroupBytes || (waiting > 0 && this.#isWriterIdle)) this.#publish()
      this.#isSequencerAwake = false
    })
  }

  #publish(): void {
    this.#published = this.#end
    Atomics.store(this.#arena.words, this.#header + laneHeader.published, narrow(this.#end))
    this.#wakePersistence()
  }

  #wakePersistence(): void {
    if (this.#isPersistenceAwake) return
    this.#isPersistenceAwake = true
    this.#at(below(this.#random, 3) / 10, () => {
      this.#persistence.turn()
      this.#isPersistenceAwake = false
      if (!this.#persistence.idle) this.#wakePersistence()
    })
  }

  #startTimer(ms: number, wake: () => void): void {
    this.figures.timers++
    this.#require(ms > 0 && this.#timerAt === undefined, 'there is one timer at a time')
    // A timer may also be early by a fraction of a millisecond.
    const delayMs = Math.max(0, ms - 0.5 + below(this.#random, 3) / 2)
    this.#timerAt = this.#ms + delayMs
    this.#at(delayMs, () => {
      this.#timerAt = undefined
      wake()
    })
  }

  #put(position: number, bytes: number, end: number): Promise<void> {
    const lap = this.#arena.plan.lanes[0]!.log.bytes
    this.#require(position === this.#sent && end === position + bytes, 'objects have no gap')
    this.#require(bytes <= batchBytesMax && (bytes === 0 || Math.floor(position / lap) === Math.floor((end - 1) / lap)), 'an object fits')
    this.#sent = end
    const isLapEnd = bytes > 0 && end % lap === 0
    if (bytes === 0) this.figures.trims++
    else if (bytes === batchBytesMax) this.figures.wholes++
    else if (isLapEnd) this.figures.laps++
    else this.#countPut(this.#published - position)
    this.figures.puts++
    return new Promise((done) => {
      const upload = { isStored: false, done }
      this.#uploads.push(upload)
      this.#at(5 + below(this.#random, chance(this.#random, 50) ? 2000 : 80), () => {
        upload.isStored = true
        while (this.#uploads[0]?.isStored) this.#uploads.shift()!.done()
      })
    })
  }

  /** A put that has to wait for the budget and for the number of uploads. */
  #countPut(waiting: number): void {
    if (waiting < batchBytesMax) this.#require(this.#uploads.length < uploadsEager, 'a group leaves while few uploads are in progress')
    if (this.#intervalMs === 0) return
    const lead = this.figures.puts - this.figures.trims - this.figures.wholes - this.figures.laps - this.#ms / this.#intervalMs
    this.#leastLead = Math.min(this.#leastLead, lead)
    // A token may arrive between the check of the budget and the put.
    const allowed = windowMs / this.#intervalMs + 2 / this.#intervalMs
    this.#require(lead + 1 - this.#leastLead <= allowed, 'the rate of puts is within the budget')
  }

  get #isWriterIdle(): boolean {
    return Atomics.load(this.#arena.words, this.#header + laneHeader.writerIdle) === 1
  }

  #check(): void {
    const durable = widen(Atomics.load(this.#arena.words, this.#header + laneHeader.durable), this.#durable)
    this.#require(durable >= this.#durable && durable <= this.#sent, 'objects become durable in order')
    this.#durable = durable
    if (this.#isSequencerAwake || this.#isPersistenceAwake) return
    const now = this.#ms
    const waitMs = this.#budget.waitMs
    const isWaiting = this.#end > this.#sent
    const hasSlot = this.#uploads.length < uploadsEager
    if (waitMs > 0) {
      this.figures.waits++
      this.#require(this.#timerAt !== undefined && this.#timerAt <= now + waitMs + timerLateMs, 'a wait for a token has a timer')
      this.#require(!this.#isWriterIdle, 'the writer is not idle without a token')
    } else if (hasSlot && this.#timerAt === undefined) {
      this.#require(!isWaiting, 'no record waits while a group can leave')
      this.#require(this.#isWriterIdle, 'the writer is idle while a group can leave')
    }
    if (!hasSlot) this.#require(!this.#isWriterIdle, 'the writer is not idle with all uploads in progress')
    const isWhole = this.#published - this.#sent >= batchBytesMax
    this.#require(!isWhole || this.#uploads.length >= uploadsMax, 'a whole object does not wait')
    this.#require(!isWaiting || this.#events.length > 0, 'each wait ends with an event')
  }

  #require(holds: boolean, rule: string): void {
    if (!holds) throw new Error(`${rule}: not at ${this.#ms.toFixed(1)} ms, interval ${this.#intervalMs} ms`)
  }
}
