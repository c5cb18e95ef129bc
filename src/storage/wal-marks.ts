import { PeriodicTask } from '../actor/periodic-task.ts'
import type { Lane } from '../ports/lane.ts'
import type { Lanes } from '../ports/lanes.ts'
import type { StorageMetadata, WalMark } from '../ports/storage-metadata.ts'
import type { Time } from '../ports/time.ts'

/** Maximum lag of the metadata log behind a WAL file. */
const markMs = 5000

/** State of a lane's WAL for the metadata log. `stored`: records below are in objects. */
export const walMark = (lane: Pick<Lane, 'index' | 'wal' | 'stored' | 'durable'>, stored = lane.stored): WalMark => ({
  lane: lane.index,
  secret: lane.wal.state.secret,
  incarnation: lane.wal.state.incarnation,
  stored,
  durable: lane.durable,
})

/** Records periodically in the metadata log how far each WAL is durable: a WAL that ends earlier at a start has lost records. */
export class WalMarks {
  readonly #metadata: StorageMetadata
  readonly #rounds: PeriodicTask
  /** By lane. */
  readonly #marked: number[]
  readonly #lanes: Lanes

  constructor(lanes: Lanes, metadata: StorageMetadata, time: Time, onFailure: (error: Error) => void) {
    this.#lanes = lanes
    this.#metadata = metadata
    this.#marked = lanes.all.map(({ durable }) => durable)
    this.#rounds = new PeriodicTask(time, () => this.#mark(), onFailure)
  }

  start(): void {
    this.#rounds.every(markMs)
  }

  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  /** The marks of all lanes share an append. */
  async #mark(): Promise<void> {
    const changed = this.#lanes.all.filter(({ index, durable }) => durable !== this.#marked[index])
    for (const { index, durable } of changed) this.#marked[index] = durable
    await Promise.all(changed.map((lane) => this.#metadata.markWal(walMark(lane))))
  }
}
