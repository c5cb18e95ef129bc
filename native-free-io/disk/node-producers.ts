import type { LaneProducers, ProducersHome, ProducersStore } from '../../src/ports/producers.ts'
import { encodeProducers, type PackedLane, packProducers } from './producers-codec.ts'

/**
 * The producers of all lanes in one snapshot, so that a changed number of lanes finds all of them. The snapshot of a lane stays until the lane
 * saves another one. Packed: as objects, they would occupy several times the memory.
 */
export class NodeProducers implements ProducersHome {
  readonly #store: ProducersStore
  readonly #foundingId: string
  readonly #lanes: PackedLane[]
  /** The write in progress, and the one that follows it, which contains what is saved until it begins. */
  #writing: Promise<void> | undefined
  #next: Promise<void> | undefined

  /** `lanes`: the producers that this start has found, by lane, each with the position from which its log is retained. */
  constructor(store: ProducersStore, foundingId: string, lanes: readonly LaneProducers[]) {
    this.#store = store
    this.#foundingId = foundingId
    this.#lanes = lanes.map(packed)
  }

  save(lane: number, producers: LaneProducers): Promise<void> {
    this.#lanes[lane] = packed(producers)
    if (this.#next !== undefined) return this.#next
    this.#next = (this.#writing ?? Promise.resolve()).then(() => {
      this.#writing = this.#next
      this.#next = undefined
      return this.#store.write(encodeProducers(this.#foundingId, this.#lanes))
    })
    return this.#next
  }
}

const packed = ({ position, partitions }: LaneProducers): PackedLane => ({ position, partitions: packProducers(partitions) })
