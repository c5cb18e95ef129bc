import { below, chance, type Prng, prng } from '../../src/base/prng.ts'
import { emptyImage, type MutableImage, replay } from '../../src/metadata/image.ts'
import { decodeRecord, encodeRecord, type MetadataRecord } from '../../src/metadata/records.ts'
import type { ObjectPartImage } from '../../src/metadata/storage-image.ts'
import { ObjectKeys } from '../../src/objects/object-key.ts'
import type { CleanedObjects, CleanRules } from '../../src/ports/object-jobs.ts'
import type { PartitionId } from '../../src/ports/partitions.ts'
import type { StorageStep } from '../../src/ports/storage-steps.ts'
import type { StoredPart } from '../../src/ports/stored-objects.ts'
import { ObjectStorage } from '../../src/storage/object-storage.ts'
import { RetentionTask } from '../../src/storage/retention-task.ts'
import { zeroUuid } from '../../src/wire/schema.ts'
import { settingsOf } from '../unit/controller/world.ts'
import { frequentFaults, mostlyFaults, noFaults, StoredObjects } from './storage/faulty-store.ts'
import { WalDisk, type WalEntry } from './storage/lane-model.ts'
import { batchesIn, batchOf, Ledgers, type ReadBatch } from './storage/ledger.ts'
import { type Engine, type NodeWorld, nodeId, noFigures, SimulatedNode } from './storage/simulated-node.ts'
import { type Incarnation, VirtualTime } from './storage/virtual-time.ts'

const kib = 1024
const walBytes = 256 * kib
const retentionMs = 20_000
const retentionBytes = 6 * kib
const retentionCheckMs = 3_000
const deleteRetentionMs = 10_000
/** Everything that a task waits for happens within this time. */
const quietMs = 45_000
/** A marked object is removed within this time. */
const removalMsMax = 15_000
const startMsMax = 60_000
const readMsMax = 30_000
const changeMsMax = 600_000
const topicsMax = 4
/** A map with room for 5 of the 8 keys. */
const smallMapBytes = 6 * 24

/** Number of lanes of every third seed; of another third it changes. */
const lanesOfSome = 3
const disksOf = (lanes: number): readonly WalDisk[] => Array.from({ length: lanes }, () => new WalDisk(walBytes))

const faultRateSets = [noFaults, noFaults, frequentFaults, frequentFaults, frequentFaults, mostlyFaults]

const settings = settingsOf(
  `log.retention.check.interval.ms=${retentionCheckMs}`,
  'log.cleaner.backoff.ms=3000',
  'log.cleaner.min.cleanable.ratio=0.2',
)

/**
 * The storage engine of a node over simulated time, a store that fails before and after it performs a request, and a WAL: uploads,
 * compaction, compaction by key, retention, removal and reads, with crashes between any two steps. A seed determines everything.
 */
export class StorageWorld implements NodeWorld {
  readonly random: Prng
  readonly time = new VirtualTime()
  readonly storedObjects = new StoredObjects()
  disks: readonly WalDisk[]
  producers: Buffer | undefined
  readonly keys = new ObjectKeys({ clusterId: 'c', foundingId: 'f', firstObjectId: 1 })
  readonly engine: Engine
  readonly settings = settings
  readonly mapBytesMax: number
  readonly ledger: Ledgers
  readonly failures: Error[] = []
  readonly figures = { ...noFigures }
  /** Durable records of the metadata log, and the image that they make. */
  readonly records: Uint8Array[] = []
  readonly #image: MutableImage = emptyImage(nodeId)
  /** Permille of the durable steps after which the node ends. */
  #crashPermille = 0
  #node: SimulatedNode
  #topics = 0
  /** Decides about the number of lanes. Other decisions of a seed do not depend on it. */
  readonly #laneRandom: Prng
  readonly #changesLanes: boolean
  #lastCrash = ''
  /** End of the last compaction by key of a partition, if it ended at a full map of keys. */
  readonly #partialEnds = new Map<PartitionId, number>()
  /** Time at which each object was marked. */
  readonly #markedAt = new Map<number, number>()

  constructor(seed: number, engine: Partial<Engine> = {}) {
    this.random = prng(seed)
    this.mapBytesMax = chance(this.random, 500) ? smallMapBytes : Number.POSITIVE_INFINITY
    this.engine = { ObjectStorage, RetentionTask, ...engine }
    this.ledger = new Ledgers(this.#image)
    this.#laneRandom = prng(seed + 1)
    this.#changesLanes = seed % 3 === 2
    const lanes = seed % 3 === 1 ? lanesOfSome : 1
    if (lanes > 1) this.record([encodeRecord({ type: 'lanesChanged', lanes, incarnation: 0 })])
    this.disks = disksOf(lanes)
    this.storedObjects.onPut = (key, bytes) => this.#checkPut(key, bytes)
    this.storedObjects.onRemove = (key) => this.#checkRemove(key)
    this.#node = this.#start()
  }

  /** Random actions, store faults and crashes, then a time without faults, after which nothing may be missing, and nothing left over. */
  async run(actions: number): Promise<this> {
    for (let action = 0; action < actions; action++) {
      this.storedObjects.faultRates = faultRateSets[below(this.random, faultRateSets.length)]!
      this.#crashPermille = chance(this.random, 500) ? 40 : 0
      this.#act()
      await this.#advance(below(this.random, 2500))
      if (chance(this.random, 60)) this.#crash()
      if (!this.#node.incarnation.isAlive) await this.#restart()
    }
    this.storedObjects.faultRates = noFaults
    this.#crashPermille = 0
    if (!this.#node.incarnation.isAlive) await this.#restart()
    await this.#advance(quietMs)
    await this.#checkQuiet('before a restart')
    this.#crash()
    await this.#restart()
    await this.#advance(quietMs)
    await this.#checkQuiet('after a restart')
    return this
  }

  onStep(step: StorageStep, incarnation: Incarnation): void {
    if (!incarnation.isAlive || !chance(this.random, this.#crashPermille)) return
    this.figures.stepCrashes++
    this.#crash(step)
  }

  /** These records of the metadata log are durable. False after a violation, which ends the run. */
  record(records: readonly Uint8Array[]): boolean {
    this.records.push(...records)
    try {
      for (const record of records.map(decodeRecord)) this.#checkRecord(record)
      return true
    } catch (error) {
      this.failures.push(error as Error)
      return false
    }
  }

  /** After a change of the number of lanes, all logs are new. */
  #start(): SimulatedNode {
    this.figures.incarnations++
    const { lanes } = this.#image.storage
    if (lanes !== this.disks.length) this.disks = disksOf(lanes)
    return new SimulatedNode(this)
  }

  #crash(step?: StorageStep): void {
    if (!this.#node.incarnation.isAlive) return
    this.figures.crashes++
    this.#lastCrash = step ?? 'between steps'
    this.#node.incarnation.isAlive = false
  }

  async #restart(): Promise<void> {
    await this.#advance(below(this.random, 100))
    for (const disk of this.disks) disk.crash(this.random)
    await this.#startNode()
    if (this.#changesLanes && chance(this.#laneRandom, 500)) await this.#changeLanes(1 + below(this.#laneRandom, lanesOfSome))
  }

  /** Changes the number of lanes without other actions. The node may end at any step of it. */
  async #changeLanes(lanes: number): Promise<void> {
    if (lanes === this.disks.length) return
    const { incarnation } = this.#node
    let isDone = false
    this.#expect(this.#node.changeLanes(lanes), () => {
      isDone = true
    })
    for (let waitedMs = 0; !isDone && incarnation.isAlive; waitedMs += 10) {
      if (waitedMs > changeMsMax) throw this.#violation('the number of lanes does not change')
      await this.#advance(10)
    }
    if (isDone) this.figures.laneChanges++
    incarnation.isAlive = false
    await this.#advance(below(this.#laneRandom, 100))
    for (const disk of this.disks) disk.crash(this.random)
    await this.#startNode()
  }

  async #startNode(): Promise<void> {
    this.#node = this.#start()
    let isStarted = false
    void this.#node.started.then(() => {
      isStarted = true
    })
    for (let waitedMs = 0; !isStarted; waitedMs += 10) {
      if (waitedMs > startMsMax) throw this.#violation('the node does not start')
      await this.#advance(10)
    }
    for (const partition of this.#node.lanes.all.flatMap(({ partitions }) => [...partitions.values()])) {
      const expected = this.ledger.recovered(partition.id, partition.next)
      for (const [producerId, baseOffset] of expected) {
        const known = partition.producers.snapshot().find(({ id }) => id === producerId)
        if (known?.batches.at(-1)?.baseOffset === baseOffset) continue
        throw new Error(`partition ${partition.id}: the last batch of producer ${producerId} at offset ${baseOffset} is not known any more`)
      }
    }
  }

  async #advance(ms: number): Promise<void> {
    await this.time.advance(ms)
    const [failure] = this.failures
    if (failure !== undefined) throw failure
  }

  #act(): void {
    const partitionIds = [...this.#image.cluster.partitions.keys()]
    const any = (): PartitionId => partitionIds[below(this.random, partitionIds.length)]!
    const roll = below(this.random, 100)
    if (partitionIds.length === 0 || roll < 10) this.#createTopic()
    else if (roll < 17) this.#deleteTopic()
    else if (roll < 21) this.#deleteRecords(any())
    else if (roll < 38) void this.#read(any())
    else for (let count = 1 + below(this.random, 12); count > 0; count--) this.#append(any())
  }

  /** Promises of a node that has ended never settle. */
  #expect<T>(work: Promise<T>, done: (result: T) => void = () => {}): void {
    const { incarnation } = this.#node
    work.then(done).catch((error: Error) => incarnation.isAlive && this.failures.push(error))
  }

  #createTopic(): void {
    if (this.#image.cluster.topics.size >= topicsMax) return
    const name = `topic-${++this.#topics}`
    const isCompacted = chance(this.random, 400)
    const configs = isCompacted
      ? [
          { name: 'cleanup.policy', value: 'compact' },
          { name: 'delete.retention.ms', value: String(deleteRetentionMs) },
          { name: 'segment.ms', value: '4000' },
        ]
      : [
          { name: 'retention.ms', value: chance(this.random, 600) ? String(retentionMs) : '-1' },
          { name: 'retention.bytes', value: chance(this.random, 400) ? String(retentionBytes) : '-1' },
        ]
    const topicId = Buffer.from(name.padEnd(16)).toString('base64url')
    const topic = { name, topicId, partitions: 1 + below(this.random, 3), replicationFactor: 1, assignments: [], configs }
    this.#expect(this.#node.metadata.controller.request({ type: 'createTopics', topics: [topic], validateOnly: false }))
  }

  #deleteTopic(): void {
    const topics = [...this.#image.cluster.topics.values()]
    const topic = topics[below(this.random, topics.length)]
    if (topic === undefined) return
    const command = { type: 'deleteTopics', topics: [{ name: topic.name, topicId: zeroUuid }] } as const
    this.#expect(this.#node.metadata.controller.request(command), () => this.figures.deletions++)
  }

  #deleteRecords(partitionId: PartitionId): void {
    const ledger = this.ledger.of(partitionId)
    if (ledger === undefined || ledger.end === 0) return
    const offset = below(this.random, ledger.durableEnd + 1)
    ledger.requestedStart = Math.max(ledger.requestedStart, offset)
    this.#expect(this.#node.metadata.controller.request({ type: 'moveLogStart', partitionId, offset: BigInt(offset) }))
  }

  #append(partitionId: PartitionId): void {
    const { metadata, log, incarnation } = this.#node
    const partition = this.#image.cluster.partitions.get(partitionId)
    if (partition === undefined || !metadata.host.isServed(partitionId)) return
    this.figures.appends++
    const batch = batchOf(this.random, this.time.now, this.ledger.of(partitionId)!)
    log.append({ partitionId, leaderEpoch: partition.leaderEpoch }, [batch]).then(
      ([offset]) => this.ledger.of(partitionId)?.acknowledge(Number(offset)),
      (error: Error) => {
        if (incarnation.isAlive && this.#image.cluster.partitions.has(partitionId)) this.failures.push(error)
      },
    )
  }

  /** Reads a partition from its log start to its end, while everything else goes on. */
  async #read(partitionId: PartitionId): Promise<void> {
    const node = this.#node
    const { metadata, log, incarnation } = node
    const ledger = this.ledger.of(partitionId)
    if (ledger === undefined || !metadata.host.isServed(partitionId)) return
    try {
      const end = ledger.durableEnd
      let offset = this.#logStart(partitionId)
      const from = offset
      const cleanedEnd = Number(metadata.follower.image.storage.partitions.get(partitionId)?.cleanedOffset ?? 0n)
      const found: ReadBatch[] = []
      while (offset < end) {
        const bytes = Buffer.from(await log.read(partitionId, BigInt(offset), 4 * kib))
        if (bytes.length === 0) break
        found.push(...batchesIn(bytes))
        const next = found.at(-1)!.end
        if (next <= offset) throw new Error(`partition ${partitionId}: a read at offset ${offset} ends at offset ${next}`)
        offset = next
      }
      if (!this.#image.cluster.partitions.has(partitionId) || !incarnation.isAlive) return
      this.figures.reads++
      ledger.check(found, {
        ...{ from: Math.max(from, this.#logStart(partitionId)), end, cleanedEnd, nowMs: this.time.now },
      })
    } catch (error) {
      // A fault of the store is an answer to the client, which repeats its read.
      const isExpected = (error as Error).name === 'StoreFailed' || 'fault' in (error as object)
      if (incarnation.isAlive && this.#image.cluster.partitions.has(partitionId) && !isExpected) this.failures.push(error as Error)
    }
  }

  #logStart(partitionId: PartitionId): number {
    return Number(this.#image.storage.partitions.get(partitionId)?.logStartOffset ?? 0n)
  }

  onAppended(entry: WalEntry): void {
    this.ledger.appended(entry)
  }

  onClean({ partitionId, dirtyFrom, nowMs }: CleanRules): void {
    this.ledger.of(partitionId)?.cleanings.push(nowMs)
    if (dirtyFrom === this.#partialEnds.get(partitionId)) this.figures.continuedCleanings++
  }

  onCleaned(parts: readonly StoredPart[], { end }: CleanedObjects): void {
    const last = parts.at(-1)!
    if (end < last.end) this.#partialEnds.set(last.partitionId, end)
    else this.#partialEnds.delete(last.partitionId)
  }

  /** The trim must not release records that are acknowledged, readable and in no object. */
  onTrim(disk: WalDisk, { trimmed }: { readonly trimmed: number }): void {
    for (const entry of disk.entries) if (entry.position < trimmed) this.#checkStored(entry)
  }

  #checkStored({ partitionId, header }: WalEntry): void {
    const partition = this.#image.storage.partitions.get(partitionId)
    const start = Number(header.baseOffset)
    const end = start + header.lastOffsetDelta + 1
    if (partition === undefined || end <= partition.logStartOffset) return
    const isIn = [...this.#image.storage.objects.values()].some(({ parts }) =>
      parts.some((part) => part.partitionId === partitionId && part.start <= start && part.end >= end),
    )
    if (!isIn) throw this.#violation(`the WAL is trimmed over partition ${partitionId}, offset ${start}, which no object contains`)
  }

  #checkPut(key: string, bytes: Buffer): void {
    const object = this.#image.storage.objects.get(this.keys.idOf(key) ?? -1)
    const known = this.storedObjects.objects.get(key)
    if (object === undefined || known?.bytes.equals(bytes) === true) return
    throw this.#violation(`${key} is committed and is put with other contents`)
  }

  #checkRemove(key: string): void {
    const objectId = this.keys.idOf(key) ?? -1
    if (this.#image.storage.objects.has(objectId)) throw this.#violation(`object ${objectId} is removed from the store and not marked`)
  }

  #checkRecord(record: MetadataRecord): void {
    const image = this.#image
    const { storage } = image
    if (record.type === 'objectCommitted' && !storage.objects.has(record.objectId)) {
      const held = this.storedObjects.objects.get(this.keys.key(record.objectId))
      if (held?.bytes.length !== record.bytes) throw this.#violation(`object ${record.objectId} is committed and not in the store`)
      if (!storage.preparedObjects.has(record.objectId))
        throw this.#violation(`object ${record.objectId} is committed and was not prepared`)
    }
    if (record.type === 'logStartMoved') {
      const { partitionId, offset } = record
      const isBySize = this.ledger.of(partitionId)?.checkLogStart(this.#logStart(partitionId), Number(offset), this.time.now)
      if (isBySize) this.figures.cutsBySize++
    }
    replay(image, record)
    if (record.type === 'objectsMarked') for (const objectId of record.objectIds) this.#markedAt.set(objectId, this.time.now)
    if (record.type === 'partitionCleaned') {
      this.ledger.of(record.partitionId)?.cleaned(Number(record.offset))
      if (this.#partialEnds.get(record.partitionId) === Number(record.offset)) this.figures.partialCleanings++
    }
    if (record.type === 'topicCreated' || record.type === 'topicDeleted') this.ledger.follow(settings)
    if (record.type === 'objectsMarked' || record.type === 'partitionCleaned' || record.type === 'objectsRemoved') this.#checkCovered()
  }

  /** Stored records below the WAL stay in objects until their partition starts after them. */
  #checkCovered(): void {
    for (const [partitionId, { logStartOffset }] of this.#image.storage.partitions) {
      const parts = [...this.#image.storage.objects.values()]
        .flatMap((object) => object.parts)
        .filter((part) => part.partitionId === partitionId && part.end > logStartOffset)
        .sort((a, b) => Number(a.start - b.start))
      const hot = this.disks
        .flatMap(({ entries }) => entries)
        .filter((entry) => entry.partitionId === partitionId)
        .map(({ header }) => header)
      const ranges = [
        ...parts.map(({ start, end }) => [Number(start), Number(end)] as const),
        ...hot.map(({ baseOffset, lastOffsetDelta }) => [Number(baseOffset), Number(baseOffset) + lastOffsetDelta + 1] as const),
      ]
      let at = Number(logStartOffset)
      for (const [start, end] of ranges.sort((a, b) => a[0] - b[0])) if (start <= at) at = Math.max(at, end)
      const { durableEnd } = this.ledger.of(partitionId)!
      if (at < durableEnd) throw this.#violation(`partition ${partitionId} has no records at offset ${at}, in no object and not in the WAL`)
    }
  }

  async #checkQuiet(when: string): Promise<void> {
    const { storage } = this.#image
    for (const partitionId of storage.partitions.keys()) {
      const before = this.figures.reads
      void this.#read(partitionId)
      for (let waitedMs = 0; waitedMs < readMsMax && this.figures.reads === before; waitedMs += 100) await this.#advance(100)
      if (this.figures.reads === before) throw this.#violation(`${when}, partition ${partitionId} cannot be read`)
      this.ledger.of(partitionId)!.checkExpired(this.#logStart(partitionId), this.time.now, retentionCheckMs + 60_000)
    }
    for (const key of this.storedObjects.objects.keys()) {
      const objectId = this.keys.idOf(key) ?? -1
      if (storage.objects.has(objectId) || this.time.now - (this.#markedAt.get(objectId) ?? 0) < removalMsMax) continue
      // A request that was performed late has no trace in the metadata; a list every hour and at each start finds it.
      if (when === 'before a restart' && !storage.preparedObjects.has(objectId) && !storage.markedObjects.has(objectId)) continue
      throw this.#violation(`${when}, ${key} is in the store, and is ${storage.markedObjects.has(objectId) ? 'marked' : 'not committed'}`)
    }
    for (const objectId of storage.objects.keys()) {
      if (!this.storedObjects.objects.has(this.keys.key(objectId))) throw this.#violation(`${when}, object ${objectId} is not in the store`)
    }
    const unread = this.#unreadable()
    const large = this.#tooLarge()
    await this.#advance(removalMsMax)
    const larger = this.#tooLarge().find((partitionId) => large.includes(partitionId))
    if (larger !== undefined) throw this.#violation(`${when}, partition ${larger} is larger than its topic's retention.bytes`)
    if (when === 'after a restart') this.#checkCleaned()
    const left = this.#unreadable().find((objectId) => unread.includes(objectId))
    if (left !== undefined) throw this.#violation(`${when}, object ${left} is committed, and no record in it can be read`)
    if (when === 'after a restart' && this.storedObjects.uploads.size > 0)
      throw this.#violation('an incomplete upload is left in the store')
  }

  /** Readable parts of a partition, in the order of their offsets. */
  #partsOf(partitionId: PartitionId): ObjectPartImage[] {
    const logStart = this.#logStart(partitionId)
    return [...this.#image.storage.objects.values()]
      .flatMap(({ parts }) => parts)
      .filter((part) => part.partitionId === partitionId && part.end > logStart)
      .sort((a, b) => Number(a.start - b.start))
  }

  /** Partitions that contain enough bytes without their first part. */
  #tooLarge(): PartitionId[] {
    return [...this.#image.storage.partitions.keys()].filter((partitionId) => {
      const { deletes, retentionBytes } = this.ledger.of(partitionId)!.limits
      return deletes && retentionBytes !== null && bytesOf(this.#partsOf(partitionId).slice(1)) >= retentionBytes
    })
  }

  /** Compaction by key continues until its share of new bytes is below the limit. */
  #checkCleaned(): void {
    for (const [partitionId, { cleanedOffset }] of this.#image.storage.partitions) {
      const { compacts, minCleanableRatio } = this.ledger.of(partitionId)!.limits
      const parts = this.#partsOf(partitionId)
      const dirty = bytesOf(parts.filter(({ end }) => end > cleanedOffset))
      if (compacts && dirty > minCleanableRatio * bytesOf(parts))
        throw this.#violation(`partition ${partitionId} is compacted up to offset ${cleanedOffset}, and ${dirty} bytes are not compacted`)
    }
  }

  /** Committed objects without a readable record. */
  #unreadable(): number[] {
    const { objects, partitions } = this.#image.storage
    return [...objects.values()]
      .filter(({ parts }) => !parts.some(({ partitionId, end }) => end > (partitions.get(partitionId)?.logStartOffset ?? end)))
      .map(({ objectId }) => objectId)
  }

  #violation(text: string): Error {
    const error = new Error(`${text} (last crash: ${this.#lastCrash})`)
    this.failures.push(error)
    return error
  }
}

const bytesOf = (parts: readonly ObjectPartImage[]): number => parts.reduce((sum, { bytes }) => sum + bytes, 0)
