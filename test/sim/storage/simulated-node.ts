import { NodeProducers } from '../../../native-free-io/disk/node-producers.ts'
import { decodeProducers } from '../../../native-free-io/disk/producers-codec.ts'
import { decodingModule } from '../../../native-free-io/threads/validation-module.ts'
import { below, type Prng } from '../../../src/base/prng.ts'
import { NodeConfigs } from '../../../src/config/node-configs.ts'
import type { Settings } from '../../../src/config/settings.ts'
import { cleanupSettings } from '../../../src/config/topic-configs.ts'
import { storageMetadata, storageView } from '../../../src/controller/storage-metadata.ts'
import { imageOf } from '../../../src/metadata/image.ts'
import type { MetadataLog } from '../../../src/metadata/metadata-log.ts'
import { lastIncarnation } from '../../../src/metadata/storage-image.ts'
import { type Metadata, openMetadata } from '../../../src/node/metadata.ts'
import type { ObjectKeys } from '../../../src/objects/object-key.ts'
import type { Command } from '../../../src/ports/lane-commands.ts'
import { Lanes } from '../../../src/ports/lanes.ts'
import type { CleanedObjects, CleanRules } from '../../../src/ports/object-jobs.ts'
import type { ProducersStore, SavedProducers } from '../../../src/ports/producers.ts'
import type { StorageMetadata } from '../../../src/ports/storage-metadata.ts'
import type { StorageStep } from '../../../src/ports/storage-steps.ts'
import type { StoredPart } from '../../../src/ports/stored-objects.ts'
import type { Time } from '../../../src/ports/time.ts'
import type { TrimPoint } from '../../../src/ports/trim-point.ts'
import { LanePartitionLog } from '../../../src/storage/coordinator-log.ts'
import type { ObjectStorage, StorageRules } from '../../../src/storage/object-storage.ts'
import { LanePartitions } from '../../../src/storage/partitions.ts'
import type { RetentionTask } from '../../../src/storage/retention-task.ts'
import { TimeSearch } from '../../../src/storage/time-search.ts'
import { WalMarks, walMark } from '../../../src/storage/wal-marks.ts'
import { FaultyStore, type StoredObjects } from './faulty-store.ts'
import { LaneModel, type WalDisk, type WalEntry } from './lane-model.ts'
import { SimulatedJobs } from './simulated-jobs.ts'
import type { Incarnation, VirtualTime } from './virtual-time.ts'

/** The classes of the engine, of which a test may replace some by others with a planted bug. */
export interface Engine {
  readonly ObjectStorage: typeof ObjectStorage
  readonly RetentionTask: typeof RetentionTask
}

/** What happened to a world, by number. */
export const noFigures = {
  ...{ incarnations: 0, crashes: 0, stepCrashes: 0, appends: 0, uploads: 0, compactions: 0, cleanings: 0 },
  ...{ expired: 0, removed: 0, faults: 0, reads: 0, deletions: 0, laneChanges: 0 },
  /** Compactions by key that ended at a full map of keys, and those that continued one; deletions of records by `retention.bytes`. */
  ...{ partialCleanings: 0, continuedCleanings: 0, cutsBySize: 0 },
}

/** What a node runs on, and what outlives it. The calls report its actions. */
export interface NodeWorld {
  readonly random: Prng
  readonly time: VirtualTime
  readonly storedObjects: StoredObjects
  /** The disk of each lane. */
  readonly disks: readonly WalDisk[]
  /** The last snapshot of the producers. */
  producers: Buffer | undefined
  readonly keys: ObjectKeys
  readonly engine: Engine
  readonly settings: Settings
  /** Maximum size of the map of keys. */
  readonly mapBytesMax: number
  /** Durable records of the metadata log. */
  readonly records: readonly Uint8Array[]
  readonly failures: Error[]
  readonly figures: typeof noFigures
  /** Makes records of the metadata log durable. False if the log never responds. */
  record(records: readonly Uint8Array[]): boolean | Promise<boolean>
  onAppended(entry: WalEntry): void
  /** Called before the disk releases the records below the trim point. */
  onTrim(disk: WalDisk, point: TrimPoint): void
  onStep(step: StorageStep, incarnation: Incarnation): void
  /** A compaction by key begins. */
  onClean(rules: CleanRules): void
  /** A compaction by key of these parts is written, and not committed. */
  onCleaned(parts: readonly StoredPart[], cleaned: CleanedObjects): void
  /** The lane has executed the command. Its reply is sent when the result resolves. */
  onReply?(command: Command): Promise<void> | undefined
}

const kib = 1024
export const nodeId = 1
/** Time for which a marked object stays in the store. */
const markedMs = 2_000

const rules: StorageRules = {
  uploads: () => ({
    quietBytes: Number.POSITIVE_INFINITY,
    urgentBytes: 16 * kib,
    objectBytes: 8 * kib,
    ageMs: 1500,
    uploads: 3,
    usesSegments: false,
  }),
  compaction: {
    ...{ setCount: 3, setBytes: 64 * kib, setBytesMax: 48 * kib, splitBytes: 4 * kib },
    ...{ mergeCount: 3, mergeBytesMax: 32 * kib, readBytesMax: 128 * kib },
  },
  orphanMs: 5_000,
  drainsAtStop: true,
}

const neverNeeded = { search: () => Promise.reject(new Error('no batch of a simulation needs a large window')) }
const times = new TimeSearch({ decoder: decodingModule(), largeWindow: neverNeeded, monotonic: () => 0, nextTurn: () => Promise.resolve() })

/** A metadata log whose appends become durable later, and survive a crash one by one. */
class SimulatedMetadataLog implements MetadataLog {
  readonly isFull = false
  bytes = 0
  readonly #world: NodeWorld
  readonly #incarnation: Incarnation
  #last: Promise<void> = Promise.resolve()

  constructor(world: NodeWorld, incarnation: Incarnation) {
    this.#world = world
    this.#incarnation = incarnation
  }

  append(records: readonly Uint8Array[]): Promise<void> {
    const { time, random } = this.#world
    this.#last = this.#last.then(async () => {
      await time.pause(this.#incarnation, below(random, 12))
      if (!(await this.#world.record(records))) await new Promise(() => {})
      await time.pause(this.#incarnation, below(random, 12))
    })
    return this.#last
  }

  async replace(): Promise<void> {
    throw new Error('the log of a simulation is too small to be replaced')
  }
}

/** A snapshot that becomes durable later. */
class SimulatedProducers implements ProducersStore {
  readonly #world: NodeWorld
  readonly #incarnation: Incarnation

  constructor(world: NodeWorld, incarnation: Incarnation) {
    this.#world = world
    this.#incarnation = incarnation
  }

  async write(content: readonly Uint8Array[]): Promise<void> {
    const { time, random } = this.#world
    await time.pause(this.#incarnation, below(random, 5))
    this.#world.producers = Buffer.concat(content)
    await time.pause(this.#incarnation, below(random, 5))
  }

  async load(): Promise<SavedProducers | undefined> {
    return this.#world.producers && decodeProducers(this.#world.producers)
  }
}

/** One start of a node: the production engine, controller and metadata, over a simulated store, WAL and metadata log. */
export class SimulatedNode {
  readonly incarnation: Incarnation = { isAlive: true }
  readonly lanes: Lanes<LaneModel>
  readonly metadata: Metadata
  readonly log: LanePartitionLog
  readonly #storage: ObjectStorage
  readonly started: Promise<void>
  /** The number of this start. */
  readonly #start: number
  #commands: StorageMetadata | undefined

  constructor(world: NodeWorld) {
    const { incarnation } = this
    const { time, random, storedObjects, disks, keys, engine, settings } = world
    const image = imageOf(world.records, nodeId)
    this.#start = Math.max(lastIncarnation(image.storage), ...disks.map(({ state }) => state.incarnation)) + 1
    const own = time.of(incarnation)
    const failed = (error: Error): void => {
      if (incarnation.isAlive) world.failures.push(error)
    }
    this.lanes = new Lanes(
      disks.map(
        (disk, index) =>
          new LaneModel(disk, time, random, {
            ...{ index, incarnation, start: this.#start },
            onAppended: (entry) => world.onAppended(entry),
            onTrim: (point) => world.onTrim(disk, point),
            onReply: (command) => world.onReply?.(command),
          }),
      ),
    )
    const { lanes } = this
    const known = (world.producers && decodeProducers(world.producers)?.lanes.flatMap(({ partitions }) => partitions)) ?? []
    const saved = lanes.all.map(({ index, stored }) => ({
      position: stored,
      partitions: known.filter(([partitionId]) => lanes.of(partitionId).index === index),
    }))
    const producers = new NodeProducers(new SimulatedProducers(world, incarnation), 'f', saved)
    const view = new DataView(new ArrayBuffer(128 * kib))
    const half = view.byteLength / 2
    const memory = { bytes: Buffer.from(view.buffer), view, base: 0, size: half, copies: { base: half, size: half } }
    const store = new FaultyStore(storedObjects, time, random, incarnation)
    const jobs = new SimulatedJobs({
      ...{ store, keys, lanes, memory, time, incarnation },
      mapBytesMax: world.mapBytesMax,
      onClean: (rules) => world.onClean(rules),
      onCleaned: (parts, cleaned) => world.onCleaned(parts, cleaned),
    })
    const configs = new NodeConfigs(settings)
    this.#storage = new engine.ObjectStorage({
      ...{ keys, lanes, jobs, memory, time: own, rules, producers },
      image: storageView(image),
      deleteRetentionMs: markedMs,
      confirm: async () => {},
      cleaner: { backoffMs: () => 3000, bufferBytes: () => kib, limitsOf: (texts) => cleanupSettings(texts, settings) },
      onEvent: {
        stored: () => world.figures.uploads++,
        removed: (_, count) => {
          world.figures.removed += count
        },
        compacted: () => world.figures.compactions++,
        cleaned: () => world.figures.cleanings++,
        missing: (error) => failed(error),
        pressed: () => {},
        step: (step) => world.onStep(step, incarnation),
        fault: () => world.figures.faults++,
        failed,
      },
    })
    const partitions = new LanePartitions(lanes, this.#storage, new Map(known), times)
    const log = new SimulatedMetadataLog(world, incarnation)
    this.metadata = openMetadata({ nodeId, configs, image, log, partitions, failed })
    this.log = new LanePartitionLog(lanes, this.#storage, own)
    this.started = this.#begin(world, own, failed)
    this.started.catch(failed)
  }

  async #begin(world: NodeWorld, time: Time, failed: (error: Error) => void): Promise<void> {
    const { lanes, metadata } = this
    const broker = await metadata.register(lanes.all.map((lane) => walMark(lane)))
    const commands = storageMetadata(metadata.controller, metadata.follower.image, broker)
    this.#commands = commands
    await metadata.start()
    this.#storage.start(commands)
    new WalMarks(lanes, commands, time, failed).start()
    new world.engine.RetentionTask({
      ...{ settings: world.settings, metadata: commands, lanes, objects: this.#storage.objects, time },
      onCut: () => world.figures.expired++,
      onStep: (step) => world.onStep(step, this.incarnation),
      onFailure: failed,
    }).start()
  }

  /** Stores all records, and records the number of lanes of the next start. */
  async changeLanes(lanes: number): Promise<void> {
    await this.#storage.storeAll()
    await this.#commands!.changeLanes(lanes, this.#start)
  }
}
