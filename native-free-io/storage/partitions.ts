import { AtMost } from '../../src/actor/at-most.ts'
import type { ProducerSnapshot } from '../../src/partition/producer-state.ts'
import type { BatchLocation, Command, Reply } from '../../src/pipeline/sequencing/lane-commands.ts'
import type {
  ActiveProducer,
  FoundOffset,
  PartitionId,
  PartitionOffsets,
  PartitionSettings,
  PartitionSpec,
  Partitions,
} from '../../src/ports.ts'
import type { Pipeline } from '../threads/pipeline.ts'
import type { ObjectStorage } from './object-storage.ts'
import { type FoundRecord, TimeSearch } from './time-search.ts'

/** Limit of simultaneous lookups, since each has a batch or a block in memory. */
const lookupsMax = 64

const notFound: FoundOffset = { offset: -1n, timestamp: -1n, leaderEpoch: -1 }

/** A partition that is not served, or no longer. */
export class UnknownStream extends Error {}

/** The partitions of this node: recent records in the lane, older ones in the object store. */
export class LaneStreams implements Partitions {
  readonly #pipeline: Pipeline
  readonly #storage: ObjectStorage
  /** From the snapshot of the previous incarnation, until each partition is opened. */
  readonly #producers: Map<PartitionId, readonly ProducerSnapshot[]>
  readonly #times: TimeSearch
  readonly #lookups = new AtMost(lookupsMax)

  constructor(pipeline: Pipeline, storage: ObjectStorage, producers: Map<PartitionId, readonly ProducerSnapshot[]>) {
    this.#pipeline = pipeline
    this.#times = new TimeSearch(pipeline.largeWindow)
    this.#storage = storage
    this.#producers = producers
  }

  async open(specs: readonly PartitionSpec[]): Promise<void> {
    const streams = specs.map((spec) => {
      const producers = this.#producers.get(spec.stream) ?? []
      this.#producers.delete(spec.stream)
      return { ...spec, storedEnd: this.#storage.objects.end(spec.stream), producers, lost: this.#storage.lostOf(spec.stream) }
    })
    await this.#ask({ type: 'open', streams })
  }

  async close(streams: readonly PartitionId[]): Promise<void> {
    await this.#ask({ type: 'close', streams })
    for (const stream of streams) this.#storage.objects.forget(stream)
  }

  async configure(stream: PartitionId, settings: PartitionSettings): Promise<void> {
    await this.#ask({ type: 'configure', stream, settings })
  }

  async trim(stream: PartitionId, offset: bigint): Promise<void> {
    await this.#ask({ type: 'trim', stream, offset: Number(offset) })
  }

  async offsets(stream: PartitionId): Promise<PartitionOffsets> {
    const { logStart, highWatermark, leaderEpoch } = await this.#offsets(stream)
    return { logStartOffset: BigInt(logStart), highWatermark: BigInt(highWatermark), leaderEpoch }
  }

  findTimestamp(stream: PartitionId, timestamp: bigint): Promise<FoundOffset> {
    return this.#lookups.run(() => this.#findTimestamp(stream, timestamp))
  }

  async #findTimestamp(stream: PartitionId, timestamp: bigint): Promise<FoundOffset> {
    const { logStart, leaderEpoch } = await this.#offsets(stream)
    for await (const { bytes } of this.#storage.cold.since(stream, logStart, Number(timestamp))) {
      const found = await this.#times.first(bytes, BigInt(logStart), timestamp)
      if (found) return { ...found, leaderEpoch }
    }
    // The header of a batch has only its latest timestamp, and a trim may have removed that record.
    for (let from = logStart; ; ) {
      const reply = await this.#ask({ type: 'find', stream, timestamp: Number(timestamp), from })
      if (reply.type !== 'place' || reply.place === undefined) return notFound
      const found = await this.#times.first(await this.#load(reply.place), BigInt(logStart), timestamp)
      if (found) return { ...found, leaderEpoch }
      from = reply.place.baseOffset + reply.place.count
    }
  }

  /**
   * The remaining record with the latest timestamp. The timestamp of a block or batch is an upper bound, since a trim or a compaction may
   * have removed its record. So the blocks are read in descending order, while their bound exceeds all records found so far.
   */
  findMaxTimestamp(stream: PartitionId): Promise<FoundOffset> {
    return this.#lookups.run(() => this.#findMaxTimestamp(stream))
  }

  async #findMaxTimestamp(stream: PartitionId): Promise<FoundOffset> {
    const { logStart, leaderEpoch } = await this.#offsets(stream)
    let best: FoundRecord | undefined
    for await (const block of this.#storage.cold.latest(stream, logStart)) {
      if (best !== undefined && block.maxTimestamp <= best.timestamp) break
      best = await this.#times.latest((await block.records()).bytes, BigInt(logStart), best)
    }
    for (let from = logStart; ; ) {
      const reply = await this.#ask({ type: 'findMax', stream, from })
      const place = reply.type === 'place' ? reply.place : undefined
      if (place === undefined || (best !== undefined && place.maxTimestamp <= best.timestamp)) break
      best = await this.#times.latest(await this.#load(place), BigInt(logStart), best)
      // Only the first batch can be partly below the log start.
      if (place.baseOffset >= logStart) break
      from = place.baseOffset + place.count
    }
    return best === undefined ? notFound : { ...best, leaderEpoch }
  }

  async size(stream: PartitionId): Promise<number> {
    const { logStart } = await this.#offsets(stream)
    const hot = await this.#ask({ type: 'extent', stream })
    const stored = this.#storage.objects.from(stream, logStart).reduce((sum, part) => sum + part.bytes, 0)
    return stored + (hot.type === 'extent' ? hot.bytes : 0)
  }

  async producers(stream: PartitionId): Promise<readonly ActiveProducer[]> {
    const reply = await this.#ask({ type: 'producersOf', stream })
    if (reply.type !== 'producersOf') throw new UnknownStream(`stream ${stream} is not served`)
    return reply.producers.map(({ id, epoch, batches }) => {
      const last = batches.at(-1)
      return { producerId: BigInt(id), epoch, lastSequence: last?.lastSequence ?? -1, lastTimestamp: BigInt(last?.timestamp ?? -1) }
    })
  }

  async #offsets(stream: PartitionId): Promise<Extract<Reply, { type: 'offsets' }>> {
    const reply = await this.#ask({ type: 'offsets', stream })
    if (reply.type !== 'offsets') throw new UnknownStream(`stream ${stream} is not served`)
    return reply
  }

  async #load({ position, bytes }: BatchLocation): Promise<Uint8Array> {
    const loaded = await this.#storage.ranges([{ position, bytes }])
    if (loaded === undefined) throw new UnknownStream('the batch moved to the object store while it was looked for')
    return loaded
  }

  #ask(command: Command): Promise<Reply> {
    return this.#pipeline.ask(command)
  }
}
