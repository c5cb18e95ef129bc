import { AtMost } from '../actor/at-most.ts'
import type { Lane } from '../ports/lane.ts'
import type { BatchLocation, Reply } from '../ports/lane-commands.ts'
import type { Lanes } from '../ports/lanes.ts'
import type {
  ActiveProducer,
  FoundOffset,
  PartitionId,
  PartitionOffsets,
  PartitionSettings,
  PartitionSpec,
  Partitions,
} from '../ports/partitions.ts'
import type { ProducerSnapshot } from '../ports/producers.ts'
import { extentOf } from './extent.ts'
import type { ObjectStorage } from './object-storage.ts'
import type { FoundRecord, TimeSearch } from './time-search.ts'

/** Limit of simultaneous lookups, since each has a batch or a block in memory. */
const lookupsMax = 64

const notFound: FoundOffset = { offset: -1n, timestamp: -1n, leaderEpoch: -1 }

/** A partition that is not served, or no longer. */
export class UnknownPartition extends Error {}

/** The partitions of this node: recent records in its lane, older ones in the object store. */
export class LanePartitions implements Partitions {
  readonly #lanes: Lanes
  readonly #storage: ObjectStorage
  /** From the snapshot of the previous incarnation, until each partition is opened. */
  readonly #producers: Map<PartitionId, readonly ProducerSnapshot[]>
  readonly #times: TimeSearch
  readonly #lookups = new AtMost(lookupsMax)

  constructor(lanes: Lanes, storage: ObjectStorage, producers: Map<PartitionId, readonly ProducerSnapshot[]>, times: TimeSearch) {
    this.#lanes = lanes
    this.#storage = storage
    this.#producers = producers
    this.#times = times
  }

  async open(specs: readonly PartitionSpec[]): Promise<void> {
    const partitions = specs.map((spec) => {
      const producers = this.#producers.get(spec.partitionId) ?? []
      this.#producers.delete(spec.partitionId)
      return { ...spec, storedEnd: this.#storage.objects.end(spec.partitionId), producers, lost: this.#storage.lostOf(spec.partitionId) }
    })
    await this.#each(partitions, (lane, own) => lane.call({ type: 'open', partitions: own }))
  }

  async close(partitionIds: readonly PartitionId[]): Promise<void> {
    const closed = partitionIds.map((partitionId) => ({ partitionId }))
    await this.#each(closed, (lane, own) => lane.call({ type: 'close', partitionIds: own.map(({ partitionId }) => partitionId) }))
    for (const partitionId of partitionIds) this.#storage.objects.forget(partitionId)
  }

  async configure(partitionId: PartitionId, settings: PartitionSettings): Promise<void> {
    await this.#lanes.of(partitionId).call({ type: 'configure', partitionId, settings })
  }

  async trim(partitionId: PartitionId, offset: bigint): Promise<void> {
    await this.#lanes.of(partitionId).call({ type: 'trim', partitionId, offset: Number(offset) })
    this.#storage.objects.trim(partitionId, Number(offset))
  }

  async offsets(partitionId: PartitionId): Promise<PartitionOffsets> {
    const { logStart, highWatermark, leaderEpoch } = await this.#offsets(partitionId)
    return { logStartOffset: BigInt(logStart), highWatermark: BigInt(highWatermark), leaderEpoch }
  }

  findTimestamp(partitionId: PartitionId, timestamp: bigint): Promise<FoundOffset> {
    return this.#lookups.run(() => this.#findTimestamp(partitionId, timestamp))
  }

  async #findTimestamp(partitionId: PartitionId, timestamp: bigint): Promise<FoundOffset> {
    const { logStart, leaderEpoch } = await this.#offsets(partitionId)
    for await (const { bytes } of this.#storage.cold.since(partitionId, logStart, Number(timestamp))) {
      const found = await this.#times.first(bytes, BigInt(logStart), timestamp)
      if (found) return { ...found, leaderEpoch }
    }
    // The header of a batch has only its latest timestamp, and a trim may have removed that record.
    for (let from = logStart; ; ) {
      const reply = await this.#lanes.of(partitionId).call({ type: 'find', partitionId, timestamp: Number(timestamp), from })
      if (reply.type !== 'place' || reply.place === undefined) return notFound
      const found = await this.#times.first(await this.#load(partitionId, reply.place), BigInt(logStart), timestamp)
      if (found) return { ...found, leaderEpoch }
      from = reply.place.baseOffset + reply.place.count
    }
  }

  /**
   * The remaining record with the latest timestamp. The timestamp of a block or batch is an upper bound, since a trim or a compaction may
   * have removed its record. So the blocks are read in descending order, while their bound exceeds all records found so far.
   */
  findMaxTimestamp(partitionId: PartitionId): Promise<FoundOffset> {
    return this.#lookups.run(() => this.#findMaxTimestamp(partitionId))
  }

  async #findMaxTimestamp(partitionId: PartitionId): Promise<FoundOffset> {
    const { logStart, leaderEpoch } = await this.#offsets(partitionId)
    let best: FoundRecord | undefined
    for await (const block of this.#storage.cold.latest(partitionId, logStart)) {
      if (best !== undefined && block.maxTimestamp <= best.timestamp) break
      best = await this.#times.latest((await block.records()).bytes, BigInt(logStart), best)
    }
    for (let from = logStart; ; ) {
      const reply = await this.#lanes.of(partitionId).call({ type: 'findMax', partitionId, from })
      const place = reply.type === 'place' ? reply.place : undefined
      if (place === undefined || (best !== undefined && place.maxTimestamp <= best.timestamp)) break
      best = await this.#times.latest(await this.#load(partitionId, place), BigInt(logStart), best)
      // Only the first batch can be partly below the log start.
      if (place.baseOffset >= logStart) break
      from = place.baseOffset + place.count
    }
    return best === undefined ? notFound : { ...best, leaderEpoch }
  }

  async size(partitionId: PartitionId): Promise<number> {
    const { logStart } = await this.#offsets(partitionId)
    const { stored, unstored } = await extentOf(this.#storage.objects, this.#lanes, partitionId, logStart)
    return stored + (unstored?.bytes ?? 0)
  }

  async producers(partitionId: PartitionId): Promise<readonly ActiveProducer[]> {
    const reply = await this.#lanes.of(partitionId).call({ type: 'producersOf', partitionId })
    if (reply.type !== 'producersOf') throw new UnknownPartition(`partition ${partitionId} is not served`)
    return reply.producers.map(({ id, epoch, batches }) => {
      const last = batches.at(-1)
      return { producerId: BigInt(id), epoch, lastSequence: last?.lastSequence ?? -1, lastTimestamp: BigInt(last?.timestamp ?? -1) }
    })
  }

  /** Resolves when every lane has done the work for its partitions. */
  async #each<P extends { readonly partitionId: PartitionId }>(
    partitions: readonly P[],
    work: (lane: Lane, own: readonly P[]) => Promise<unknown>,
  ): Promise<void> {
    await Promise.all(
      this.#lanes.all.map((lane) => {
        const own = partitions.filter(({ partitionId }) => this.#lanes.of(partitionId) === lane)
        return own.length === 0 ? undefined : work(lane, own)
      }),
    )
  }

  async #offsets(partitionId: PartitionId): Promise<Extract<Reply, { type: 'offsets' }>> {
    const reply = await this.#lanes.of(partitionId).call({ type: 'offsets', partitionId })
    if (reply.type !== 'offsets') throw new UnknownPartition(`partition ${partitionId} is not served`)
    return reply
  }

  async #load(partitionId: PartitionId, { position, bytes }: BatchLocation): Promise<Uint8Array> {
    const loaded = await this.#storage.ranges(this.#lanes.of(partitionId).index, [{ position, bytes }])
    if (loaded === undefined) throw new UnknownPartition('the batch moved to the object store during the search')
    return loaded
  }
}
