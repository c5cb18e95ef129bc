import { prng } from '../../../src/base/prng.ts'
import { emptyImage, type MutableImage, replay } from '../../../src/metadata/image.ts'
import { decodeRecord, type MetadataRecord } from '../../../src/metadata/records.ts'
import { ObjectKeys } from '../../../src/objects/object-key.ts'
import type { Command } from '../../../src/ports/lane-commands.ts'
import type { PartitionId } from '../../../src/ports/partitions.ts'
import { ObjectStorage } from '../../../src/storage/object-storage.ts'
import { RetentionTask } from '../../../src/storage/retention-task.ts'
import { buildBatch } from '../../../src/wire/batch-builder.ts'
import { zeroUuid } from '../../../src/wire/schema.ts'
import { settingsOf } from '../../unit/controller/world.ts'
import { StoredObjects } from './faulty-store.ts'
import { WalDisk } from './lane-model.ts'
import { type NodeWorld, nodeId, noFigures, SimulatedNode } from './simulated-node.ts'
import { VirtualTime } from './virtual-time.ts'

const waitMsMax = 120_000

/** The production engine in a situation that a test writes step by step: a store without faults, and one node that ends only when the test ends it. */
export class ScriptedWorld implements NodeWorld {
  readonly random = prng(1)
  readonly time = new VirtualTime()
  readonly storedObjects = new StoredObjects()
  readonly disks = [new WalDisk(1 << 20)]
  producers: Buffer | undefined
  readonly keys = new ObjectKeys({ clusterId: 'c', foundingId: 'f', firstObjectId: 1 })
  readonly engine = { ObjectStorage, RetentionTask }
  readonly settings = settingsOf('log.cleaner.min.cleanable.ratio=0.2')
  readonly failures: Error[] = []
  readonly figures = { ...noFigures }
  readonly mapBytesMax = Number.POSITIVE_INFINITY
  readonly records: Uint8Array[] = []
  readonly image: MutableImage = emptyImage(nodeId)
  /** The records of the metadata log in the order in which they became durable. */
  readonly history: MetadataRecord[] = []
  /** A compaction by key begins. */
  onClean: () => void = () => {}
  onReply: (command: Command) => Promise<void> | undefined = () => undefined
  #held: (() => void)[] | undefined
  #node: SimulatedNode | undefined

  /** Starts the node, or ends it and starts it again. */
  async start(): Promise<void> {
    if (this.#node !== undefined) {
      this.#node.incarnation.isAlive = false
      for (const disk of this.disks) disk.crash(this.random)
    }
    this.#node = new SimulatedNode(this)
    await this.complete(this.#node.started)
  }

  get #own(): SimulatedNode {
    if (this.#node === undefined) throw new Error('the node is not started')
    return this.#node
  }

  /** Returns the id of the partition. */
  async createTopic(name: string, configs: Readonly<Record<string, string>> = {}): Promise<PartitionId> {
    const topicId = Buffer.from(name.padEnd(16)).toString('base64url')
    const own = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    const topic = { name, topicId, partitions: 1, replicationFactor: 1, assignments: [], configs: own }
    await this.complete(this.#own.metadata.controller.request({ type: 'createTopics', topics: [topic], validateOnly: false }))
    return this.image.cluster.topicsById.get(topicId)!.partitionIds[0]!
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#own.metadata.controller.request({ type: 'deleteTopics', topics: [{ name, topicId: zeroUuid }] })
  }

  /** Appends one batch with a record for each key. */
  async append(partitionId: PartitionId, keys: readonly string[]): Promise<void> {
    const records = keys.map((key) => ({ key: Buffer.from(key), value: Buffer.alloc(100, 97), timestamp: BigInt(this.time.now) }))
    const { leaderEpoch } = this.image.cluster.partitions.get(partitionId)!
    await this.complete(this.#own.log.append({ partitionId, leaderEpoch }, [buildBatch(records)]))
  }

  /** Records of the metadata log do not become durable until `release`. */
  hold(): void {
    this.#held ??= []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const go of held) go()
  }

  async record(records: readonly Uint8Array[]): Promise<boolean> {
    await new Promise<void>((resolve) => {
      if (this.#held === undefined) resolve()
      else this.#held.push(resolve)
    })
    this.records.push(...records)
    for (const record of records.map(decodeRecord)) {
      this.history.push(record)
      replay(this.image, record)
    }
    return true
  }

  onAppended(): void {}
  onCleaned(): void {}
  onTrim(): void {}
  onStep(): void {}

  /** Advances the time until it is so. */
  async until(isSo: () => boolean): Promise<void> {
    const end = this.time.now + waitMsMax
    while (!isSo()) {
      if (this.time.now > end) throw new Error(`it is not so within ${waitMsMax} ms: ${isSo}`)
      await this.time.advance(1)
    }
  }

  async complete<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const settled = (): void => {
      isDone = true
    }
    work.then(settled, settled)
    await this.until(() => isDone)
    return work
  }

  /** Ids of the objects that were removed from the metadata log, in their order. */
  get removed(): number[] {
    const ids = this.history.flatMap((record) => (record.type === 'objectsRemoved' ? record.objectIds : []))
    return ids.sort((a, b) => a - b)
  }

  /** Ids of the objects in the store, in their order. */
  get stored(): number[] {
    return [...this.storedObjects.objects.keys()].map((key) => this.keys.idOf(key) ?? -1).sort((a, b) => a - b)
  }

  /** Ids of the committed objects, in their order. */
  get committed(): number[] {
    return [...this.image.storage.objects.keys()].sort((a, b) => a - b)
  }
}
