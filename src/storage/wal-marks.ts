import { PeriodicTask } from '../actor/periodic-task.ts'
import type { Lane } from '../ports/lane.ts'
import type { StorageMetadata, WalMark } from '../ports/storage-metadata.ts'
import type { Time } from '../ports/time.ts'

/** Maximum lag of the metadata log behind a WAL file. */
const markMs = 5000

/** State of the WAL for the metadata log. `stored`: records below are in objects. */
export const walMark = (lane: Pick<Lane, 'wal' | 'stored' | 'durable'>, stored = lane.stored): WalMark => ({
  secret: lane.wal.state.secret,
  incarnation: lane.wal.state.incarnation,
  stored,
  durable: lane.durable,
})

/** Records periodically in the metadata log how far the WAL is durable: a WAL that ends earlier at a start has lost records. */
export class WalMarks {
  readonly #lane: Lane
  readonly #metadata: StorageMetadata
  readonly #rounds: PeriodicTask
  #marked: number

  constructor(lane: Lane, metadata: StorageMetadata, time: Time, onFailure: (error: Error) => void) {
    this.#lane = lane
    this.#metadata = metadata
    this.#marked = lane.durable
    this.#rounds = new PeriodicTask(time, () => this.#mark(), onFailure)
  }

  start(): void {
    this.#rounds.every(markMs)
  }

  stop(): Promise<void> {
    return this.#rounds.stop()
  }

  async #mark(): Promise<void> {
    const { durable } = this.#lane
    if (durable === this.#marked) return
    this.#marked = durable
    await this.#metadata.markWal(walMark(this.#lane))
  }
}
