import type { Lane } from '../ports/lane.ts'
import type { StagedBatch } from '../ports/lane-commands.ts'
import type { Lanes } from '../ports/lanes.ts'
import { type CoordinatorLog, type Leadership, type PartitionId, PartitionNotServed } from '../ports/partitions.ts'
import { delay, type Time } from '../ports/time.ts'
import { errorOf, errors, type KafkaError } from '../wire/errors.ts'
import type { ObjectStorage } from './object-storage.ts'

/** Alignment of the batches in the staging area. */
const stagedAlignment = 8
/** Delay before a retry when the log has no room: it waits for the disk or the store, and no signal follows. */
const noRoomMs = 5

interface Waiting extends Leadership {
  readonly batch: Uint8Array
  readonly resolve: (baseOffset: bigint) => void
  readonly reject: (error: Error) => void
}
interface Undurable {
  readonly durableAt: number
  readonly resolve: () => void
}

/** Appends and reads of the main thread in one lane. Appends that arrive while a message to the sequencer is in progress go with the next one. */
class LaneAppends implements CoordinatorLog {
  readonly #lane: Lane
  readonly #storage: ObjectStorage
  readonly #time: Time
  readonly #staging: { readonly base: number; readonly memory: Uint8Array }
  #queue: Waiting[] = []
  #sending = false
  /** In the order of their positions. */
  readonly #undurable: Undurable[] = []
  #armed = false

  constructor(lane: Lane, storage: ObjectStorage, time: Time) {
    this.#lane = lane
    this.#storage = storage
    this.#time = time
    this.#staging = lane.staging
  }

  append({ partitionId, leaderEpoch }: Leadership, batches: readonly Uint8Array[]): Promise<readonly bigint[]> {
    const appended = batches.map(
      (batch) => new Promise<bigint>((resolve, reject) => this.#queue.push({ partitionId, leaderEpoch, batch, resolve, reject })),
    )
    if (!this.#sending) void this.#send()
    return Promise.all(appended)
  }

  async read(partitionId: PartitionId, offset: bigint, bytesMax: number): Promise<Uint8Array> {
    const from = Number(offset)
    for (;;) {
      const reply = await this.#lane.call({ type: 'places', partitionId, from, bytesMax })
      if (reply.type !== 'places') throw new PartitionNotServed(`partition ${partitionId} is not served`)
      if (from < reply.hotStart) this.#storage.noteGap(partitionId, from)
      const stored = from < reply.hotStart ? await this.#storage.cold.read(partitionId, from, bytesMax) : undefined
      if (stored !== undefined) return stored.bytes
      if (reply.places.length === 0) return new Uint8Array(0)
      // A batch that has been overwritten in the meantime is in an object by now.
      const loaded = await this.#storage.ranges(this.#lane.index, reply.places)
      if (loaded !== undefined) return loaded
    }
  }

  async #send(): Promise<void> {
    this.#sending = true
    while (this.#queue.length > 0) {
      const { together, staged } = this.#stage()
      if (together.length === 0) continue
      const { batches } = await this.#lane.call({ type: 'append', now: this.#time.wall(), batches: staged })
      batches.forEach(({ error, baseOffset, durableAt }, index) => {
        const { partitionId, resolve, reject } = together[index]!
        if (error !== 0) reject(appendError(partitionId, errorOf(error)))
        else this.#undurable.push({ durableAt, resolve: () => resolve(BigInt(baseOffset)) })
      })
      this.#settle()
      if (batches.length === together.length) continue
      this.#queue = [...together.slice(batches.length), ...this.#queue]
      await delay(this.#time, noRoomMs)
    }
    this.#sending = false
  }

  /** Copies the batches that fit in the staging area. */
  #stage(): { together: Waiting[]; staged: StagedBatch[] } {
    const { base, memory } = this.#staging
    const together: Waiting[] = []
    const staged: StagedBatch[] = []
    let at = 0
    for (const waiting of this.#queue) {
      const { partitionId, leaderEpoch, batch } = waiting
      if (at + batch.length > memory.length) break
      memory.set(batch, at)
      staged.push({ partitionId, leaderEpoch, address: base + at, bytes: batch.length })
      together.push(waiting)
      at = Math.ceil((at + batch.length) / stagedAlignment) * stagedAlignment
    }
    if (together.length === 0) this.#queue.shift()!.reject(new Error(`a batch has at most ${memory.length} bytes`))
    this.#queue.splice(0, together.length)
    return { together, staged }
  }

  /** Resolves the durable appends, and arms the wake signal for the others. */
  #settle(): void {
    for (;;) {
      const { durable } = this.#lane
      while (this.#undurable.length > 0 && this.#undurable[0]!.durableAt <= durable) this.#undurable.shift()!.resolve()
      if (this.#undurable.length === 0 || this.#armed) return
      this.#armed = this.#lane.onDurable(
        () => this.#lane.durable === durable,
        () => {
          this.#armed = false
          this.#settle()
        },
      )
      if (this.#armed) return
    }
  }
}

/** The logs of coordinators: each is in the lane of its partition. */
export class LanePartitionLog implements CoordinatorLog {
  readonly #lanes: Lanes
  readonly #logs: readonly LaneAppends[]

  constructor(lanes: Lanes, storage: ObjectStorage, time: Time) {
    this.#lanes = lanes
    this.#logs = lanes.all.map((lane) => new LaneAppends(lane, storage, time))
  }

  append(leadership: Leadership, batches: readonly Uint8Array[]): Promise<readonly bigint[]> {
    return this.#of(leadership.partitionId).append(leadership, batches)
  }

  read(partitionId: PartitionId, offset: bigint, bytesMax: number): Promise<Uint8Array> {
    return this.#of(partitionId).read(partitionId, offset, bytesMax)
  }

  #of(partitionId: PartitionId): LaneAppends {
    return this.#logs[this.#lanes.of(partitionId).index]!
  }
}

function appendError(partitionId: PartitionId, error: KafkaError): Error {
  const isNotServed = error === errors.UNKNOWN_TOPIC_OR_PARTITION || error === errors.NOT_LEADER_OR_FOLLOWER
  return new (isNotServed ? PartitionNotServed : Error)(`a batch for partition ${partitionId} was rejected: ${error.name}`)
}
