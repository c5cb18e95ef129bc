import { Actor, type Tagged } from '../actor/actor.ts'
import { assert } from '../base/assert.ts'
import { type CoordinatorLog, type Leadership, type PartitionId, PartitionNotServed } from '../ports/partitions.ts'
import type { Clock } from '../ports/world.ts'
import type { Codecs } from '../wire/compression/codecs.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { storedRecords } from './load.ts'
import type { CoordinatorEffect, CoordinatorEvent, CoordinatorMachine } from './machine.ts'
import { RecordWriter, type RecordWriterLimits } from './record-writer.ts'

/** The coordinator cannot respond, or cannot respond yet. */
export class NotReady {
  readonly error: KafkaError

  constructor(error: KafkaError) {
    this.error = error
  }
}

export interface CoordinatorLimits extends RecordWriterLimits {
  /** Size of one read while a partition is loaded. */
  readonly loadBytesMax: number
}

export interface CoordinatorParts<State, Request, Notification extends Tagged, Stored> {
  readonly machine: CoordinatorMachine<State, Request, Notification, Stored>
  readonly log: CoordinatorLog
  readonly codecs: Codecs
  readonly clock: Clock
  /** Calls `wake` after a delay; returns a function that cancels it. */
  after(ms: number, wake: () => void): () => void
  readonly limits: CoordinatorLimits
  /** The node can no longer guarantee durability and must stop. */
  failed(error: Error): void
}

type Phase = 'elected' | 'loading' | 'loaded' | 'resigned'

const mailboxMax = 100_000
/** Clients receive a retriable error only when a load takes longer than this. */
const loadWaitMs = 1000
const timerMsMax = 2 ** 31 - 1

/**
 * One partition of the internal topic in one leader epoch: its state, its writer and its waiting requests. Effects of the machine are
 * performed here.
 *
 * Invariants: no response is sent before the records that it depends on are durable. Nothing is written before the partition is loaded.
 * After `resign` nothing changes, and no timer or request is left.
 */
export class CoordinatorPartition<State, Request, Notification extends Tagged, Stored> {
  readonly partitionId: PartitionId
  readonly state: State
  readonly #parts: CoordinatorParts<State, Request, Notification, Stored>
  readonly #writer: RecordWriter
  readonly #actor: Actor<State, CoordinatorEvent<Request> | Notification, CoordinatorEffect<Stored>>
  readonly #requests = new Map<number, (response: unknown) => void>()
  readonly #earlier: Promise<unknown>
  readonly #onNotServed: () => void
  #phase: Phase = 'elected'
  #loading: Promise<void> | undefined
  #endLoading: () => void = () => {}
  #tickets = 0
  #turning = false
  #cancelWake: () => void = () => {}

  /**
   * `earlier` resolves when no append of an earlier epoch is in progress: one that lands behind the load would be missing in the state.
   * `lost` is called when the log no longer serves the partition.
   */
  constructor(
    parts: CoordinatorParts<State, Request, Notification, Stored>,
    leadership: Leadership,
    earlier: Promise<unknown>,
    onNotServed: () => void,
  ) {
    this.#parts = parts
    this.partitionId = leadership.partitionId
    this.#earlier = earlier
    this.#onNotServed = onNotServed
    this.state = parts.machine.create()
    this.#writer = new RecordWriter(leadership, parts, parts.limits)
    this.#actor = new Actor(
      parts.machine,
      this.state,
      {
        write: ({ records }) => this.#write(records),
        respond: ({ ticket, response }) => {
          const timedOut = new NotReady(errors.COORDINATOR_NOT_AVAILABLE)
          this.#writer.whenDurable(
            () => this.#respond(ticket, response),
            () => this.#respond(ticket, timedOut),
          )
        },
        wake: ({ at }) => this.#wake(at),
      },
      mailboxMax,
    )
  }

  get isLoaded(): boolean {
    return this.#phase === 'loaded'
  }

  /** Resolves when the partition is loaded, or when this node no longer leads it. The first call starts the load. */
  load(): Promise<void> {
    if (this.#phase !== 'elected') return this.#loading ?? Promise.resolve()
    this.#phase = 'loading'
    this.#loading = new Promise((resolve) => (this.#endLoading = resolve))
    this.#load().then(this.#endLoading, (error: Error) => this.#fail(error))
    return this.#loading
  }

  /** Whether the partition is loaded, after `loadWaitMs` at most. */
  async isLoadedSoon(): Promise<boolean> {
    const loading = this.load()
    if (this.isLoaded) return true
    let cancel = (): void => {}
    const late = new Promise<void>((resolve) => (cancel = this.#parts.after(loadWaitMs, resolve)))
    await Promise.race([loading, late])
    cancel()
    return this.isLoaded
  }

  async request(request: Request): Promise<unknown> {
    if (!this.isLoaded) await this.isLoadedSoon()
    // It may have resigned since.
    if (!this.isLoaded) return new NotReady(this.#phase === 'resigned' ? errors.NOT_COORDINATOR : errors.COORDINATOR_LOAD_IN_PROGRESS)
    return new Promise((resolve) => {
      const ticket = this.#tickets++
      this.#requests.set(ticket, resolve)
      this.#step({ type: 'requested', now: this.#parts.clock.now(), ticket, request })
    })
  }

  /** Before the load is complete, the machine may only note it. */
  notify(notification: Notification): void {
    this.#step(notification)
  }

  /** Ends the coordination. Resolves when none of its appends is in progress. */
  resign(): Promise<void> {
    this.#phase = 'resigned'
    this.#cancelWake()
    this.#writer.close()
    const requests = [...this.#requests.values()]
    this.#requests.clear()
    for (const respond of requests) respond(new NotReady(errors.NOT_COORDINATOR))
    this.#endLoading()
    return this.#writer.idle
  }

  async #load(): Promise<void> {
    const { machine, log, codecs, limits, clock } = this.#parts
    await this.#earlier
    const chunks = storedRecords(log, this.partitionId, codecs, limits.loadBytesMax, (key, value) => machine.decode(key, value))
    for await (const records of chunks) {
      if (this.#phase === 'resigned') return
      for (const record of records) machine.replay(this.state, record)
    }
    if (this.#phase === 'resigned') return
    this.#phase = 'loaded'
    this.#step({ type: 'loaded', now: clock.now() })
  }

  #write(records: readonly Stored[]): void {
    assert(this.isLoaded, 'a partition is loaded before its first record is written')
    this.#writer.write(records.map((record) => this.#parts.machine.encode(record)))
  }

  #respond(ticket: number, response: unknown): void {
    this.#requests.get(ticket)?.(response)
    this.#requests.delete(ticket)
  }

  #wake(at: number): void {
    const { clock, after } = this.#parts
    this.#cancelWake()
    this.#cancelWake = after(Math.min(timerMsMax, Math.max(0, at - clock.now())), () => this.#step({ type: 'ticked', now: clock.now() }))
  }

  #step(event: CoordinatorEvent<Request> | Notification): void {
    if (this.#phase === 'resigned') return
    assert(this.#actor.send(event), 'the mailbox has room: it is emptied at once')
    if (this.#turning) return
    this.#turning = true
    try {
      while (this.#actor.turn() > 0);
      this.#turning = false
    } catch (error) {
      // A broken invariant: no further decisions are made.
      this.#parts.failed(error as Error)
      return
    }
    this.#writer.flush().catch((error: Error) => this.#fail(error))
  }

  /** A log that does not serve the partition any more rejects appends before this node receives its resignation. */
  #fail(error: Error): void {
    if (this.#phase === 'resigned') return
    if (error instanceof PartitionNotServed) this.#onNotServed()
    else this.#parts.failed(error)
  }
}
