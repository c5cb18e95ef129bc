import type { Worker } from 'node:worker_threads'
import type { LaneWal } from '../../src/network/thread-messages.ts'
import type { LaneLayout } from '../../src/pipeline/arena-plan.ts'
import { laneHeader, narrow, widen } from '../../src/pipeline/lane-words.ts'
import type { Lane } from '../../src/ports/lane.ts'
import type { Command, LaneReply, LaneRequest, Reply, ReplyTo } from '../../src/ports/lane-commands.ts'
import type { TrimPoint } from '../../src/ports/trim-point.ts'
import { WakeSignal } from '../../src/ring/wake-signal.ts'
import { blockBytes } from '../../src/wal/wal-record.ts'
import type { WalDamage } from '../../src/wal/wal-recovery.ts'
import type { Arena } from './arena.ts'
import type { LogHome } from './log-home.ts'
import type { LogPlace } from './object-tasks.ts'

/** Result of the recovery of the log. */
export interface Recovery {
  readonly records: number
  /** End of the log, where it continues. */
  readonly position: number
  /** See `Recovered`. */
  readonly tornBytes: number
  /** Damage that an operator has accepted. */
  readonly damage: WalDamage | undefined
  /** Number of bytes of the log that were read. */
  readonly bytes: number
  readonly milliseconds: number
  readonly direct: boolean
}

export interface PipelineLaneParts {
  readonly index: number
  readonly arena: Arena
  readonly layout: LaneLayout
  readonly home: LogHome
  readonly recovery: Recovery
  /** The thread that sequences the lane: its own, or the network worker. */
  readonly sequencer: Worker | 'network'
  readonly persistence: Worker
  /** Sends a command to the network worker that sequences the lane. */
  toNetwork(request: LaneRequest): void
}

/** A lane from the side of the main thread. */
export class PipelineLane implements Lane {
  readonly index: number
  readonly recovery: Recovery
  readonly #parts: PipelineLaneParts
  readonly #sequencerSignal: WakeSignal
  readonly #persistenceSignal: WakeSignal
  readonly #mainSignal: WakeSignal
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #requests = 0

  constructor(parts: PipelineLaneParts) {
    const { index, recovery, arena, layout, sequencer } = parts
    this.index = index
    this.recovery = recovery
    this.#parts = parts
    this.#sequencerSignal = new WakeSignal(arena.words, layout.sequencerSignal)
    this.#persistenceSignal = new WakeSignal(arena.words, layout.persistenceSignal)
    this.#mainSignal = new WakeSignal(arena.words, layout.mainSignal)
    if (sequencer !== 'network') sequencer.on('message', (reply: LaneReply) => this.replied(reply))
  }

  /** The threads that only this lane has, in the order of their work. */
  get threads(): { readonly sequencer: Worker | undefined; readonly persistence: Worker } {
    const { sequencer, persistence } = this.#parts
    return { sequencer: sequencer === 'network' ? undefined : sequencer, persistence }
  }

  call<C extends Command>(command: C): Promise<ReplyTo<C>> {
    return new Promise((resolve) => {
      const request = { id: ++this.#requests, command }
      this.#waiting.set(request.id, resolve as (reply: Reply) => void)
      const { sequencer, toNetwork } = this.#parts
      if (sequencer === 'network') return toNetwork(request)
      sequencer.postMessage(request)
      Atomics.add(this.#parts.arena.words, this.#at(laneHeader.commands), 1)
      this.#sequencerSignal.ring()
    })
  }

  replied({ id, reply }: LaneReply): void {
    this.#waiting.get(id)?.(reply)
    this.#waiting.delete(id)
  }

  get published(): number {
    return this.#position(laneHeader.published)
  }

  get durable(): number {
    return this.#position(laneHeader.durable)
  }

  get stored(): number {
    return this.wal.state.trimmed
  }

  get wal(): LaneWal {
    return this.#parts.home.wal
  }

  /** The log cache, if it contains the whole log. */
  get log(): LogPlace | undefined {
    const { arena, layout } = this.#parts
    return this.wal.path === null ? { memory: arena.memory, ...layout.log } : undefined
  }

  async trim(cut: TrimPoint): Promise<void> {
    const { home, arena } = this.#parts
    await home.trim(cut)
    await this.call({ type: 'stored', position: cut.trimmed })
    Atomics.store(arena.words, this.#at(laneHeader.trimmed), narrow(cut.trimmed))
    this.#sequencerSignal.ring()
  }

  /** Records in the WAL how many records the metadata log contains. */
  note(metadataRecords: number): void {
    const { home, arena } = this.#parts
    home.note(metadataRecords, Atomics.load(arena.words, this.#at(laneHeader.prepared)) * blockBytes)
  }

  get staging(): { readonly base: number; readonly memory: Buffer } {
    const { arena, layout } = this.#parts
    const { base, bytes } = layout.staging
    return { base, memory: arena.bytes.subarray(base, base + bytes) }
  }

  /** See `Lane`. The wake signal of the main thread is raised when more of the log is durable. */
  onDurable(idle: () => boolean, wake: () => void): boolean {
    return this.#mainSignal.arm(idle, wake)
  }

  /** Orders a stop: 1 of the sequencer, 2 of persistence too. */
  order(stop: number): void {
    Atomics.store(this.#parts.arena.words, this.#at(laneHeader.stop), stop)
    this.#sequencerSignal.ring()
    this.#persistenceSignal.ring()
  }

  /** To be called after the last `note`. */
  close(): Promise<void> {
    return this.#parts.home.close()
  }

  #at(word: number): number {
    return this.#parts.layout.header + word
  }

  #position(word: number): number {
    return widen(Atomics.load(this.#parts.arena.words, this.#at(word)), this.stored)
  }
}
