import { Actor } from '../actor/actor.ts'
import { assert } from '../base/assert.ts'
import { partitionSettings } from '../config/topic-configs.ts'
import { emptyImage, type Image, type MutableImage, recordsOf, replay } from '../metadata/image.ts'
import { decodeRecord, encodeRecord, type MetadataRecord } from '../metadata/records.ts'
import { type MetadataLog, snapshotAfterBytes } from '../metadata/store.ts'
import { isInternal } from '../metadata/topic-names.ts'
import type { PartitionId, PartitionSettings, PartitionSpec, Partitions } from '../ports/partitions.ts'
import { refusedWhileFull } from './full-disk.ts'
import { controllerMachine, controllerState } from './machine.ts'
import type { AnswerTo, Command, ControllerEffect, ControllerEvent, TopicChange } from './messages.ts'
import { type ControllerNode, followConfigs } from './outcome.ts'

/** The queue of the controller is full. */
export class ControllerBusy extends Error {}

interface Topic {
  readonly name: string
  readonly topicId: string
  /** The partition ids of the topic, in order. */
  readonly partitions: readonly PartitionId[]
}

/** A topic was created, has other batch requirements, or was deleted. */
export type TopicsChanged =
  | (Topic & { readonly change: 'opened' | 'configured'; readonly settings: PartitionSettings })
  | (Topic & { readonly change: 'deleted' })

interface Waiting {
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
}

/**
 * Performs the effects of the controller's machine: appends its records, opens and closes the partitions of created and deleted topics, and
 * notifies listeners.
 *
 * Order of a change: durable, replayed, partitions opened, listeners notified, request answered. Of a deletion: durable, replayed,
 * listeners
 * notified, partitions closed, request answered. Changes pass through this sequence one after another.
 */
export class Controller {
  readonly #node: ControllerNode
  readonly #image: MutableImage
  readonly #log: MetadataLog
  readonly #partitions: Partitions
  readonly #failed: (error: Error) => void
  readonly #actor: Actor<unknown, ControllerEvent, ControllerEffect>
  readonly #waiting = new Map<number, Waiting>()
  readonly #listeners: ((change: TopicsChanged) => void)[] = []
  readonly #served = new Set<PartitionId>()
  #tickets = 0
  #turning = false
  #performed: Promise<void> = Promise.resolve()
  #snapshotBytes: number
  #recordCount: number

  /** `failed`: the node can no longer guarantee durability and must stop. */
  constructor(node: ControllerNode, image: MutableImage, log: MetadataLog, partitions: Partitions, failed: (error: Error) => void) {
    this.#node = node
    this.#image = image
    this.#log = log
    this.#partitions = partitions
    this.#failed = failed
    this.#snapshotBytes = 0
    this.#recordCount = recordsOf(image).length
    this.#actor = new Actor(
      controllerMachine,
      controllerState(node, image),
      {
        append: ({ records }) => this.#append(records),
        replayed: ({ records, changes }) => this.#replayed(records.length, changes),
        answer: ({ ticket, answer }) => this.#answer(ticket, answer),
        refuse: ({ ticket }) => this.#take(ticket).reject(new ControllerBusy('The controller queue is full.')),
      },
      mailboxMax,
    ) as Actor<unknown, ControllerEvent, ControllerEffect>
  }

  get image(): Image {
    return this.#image
  }

  /** Size of the log at the start of the node, or of its snapshot, and number of records since. */
  get recordCount(): number {
    return this.#recordCount
  }

  /** Partitions that lanes serve: a partition exists for clients from then on. */
  isServed(partitionId: PartitionId): boolean {
    return this.#served.has(partitionId)
  }

  /** Opens the partitions that the log contains, and notifies listeners. To be awaited before the first command. */
  async start(): Promise<void> {
    followConfigs(this.#node, this.#image)
    const partitionIds = [...this.#image.partitions.keys()]
    if (partitionIds.length > 0) await this.#partitions.open(partitionIds.map((partitionId) => this.#spec(partitionId)))
    for (const partitionId of partitionIds) this.#served.add(partitionId)
    for (const { name, topicId, partitionIds: partitions } of this.#image.topics.values()) {
      if (partitions.length === 0) continue
      this.#tell({ name, topicId, partitions, settings: this.#spec(partitions[0]!).settings, change: 'opened' })
    }
  }

  /** The listener receives every change, in order, and the topics that exist at `start`. */
  onTopicsChanged(listener: (change: TopicsChanged) => void): void {
    this.#listeners.push(listener)
  }

  /** Resolves once the change in the answer is durable and served. Rejects with ControllerBusy. */
  ask<C extends Command>(command: C): Promise<AnswerTo<C>> {
    const refused = this.#log.isFull ? refusedWhileFull(command) : undefined
    if (refused !== undefined) return Promise.resolve(refused as AnswerTo<C>)
    return new Promise((resolve, reject) => {
      const ticket = this.#tickets++
      this.#waiting.set(ticket, { resolve, reject })
      if (this.#actor.tell({ type: 'asked', ticket, command })) this.#turn()
      else this.#take(ticket).reject(new ControllerBusy('The controller queue is full.'))
    })
  }

  /** A handler of an effect may send another event; one loop handles all. */
  #turn(): void {
    if (this.#turning) return
    this.#turning = true
    try {
      while (this.#actor.turn() > 0);
      this.#turning = false
    } catch (error) {
      // A broken invariant: no further decisions are made.
      this.#failed(error as Error)
    }
  }

  #append(records: readonly MetadataRecord[]): void {
    void this.#log.append(records.map(encodeRecord)).then(() => {
      assert(this.#actor.tell({ type: 'appended' }), 'the mailbox has room for the end of the one append')
      this.#turn()
    })
  }

  #replayed(count: number, changes: readonly TopicChange[]): void {
    this.#recordCount += count
    // The image equals the contents of the log at this point, so it can replace the log.
    if (this.#log.bytes > this.#snapshotBytes + snapshotAfterBytes) {
      const records = recordsOf(this.#image).map(encodeRecord)
      this.#snapshotBytes = records.reduce((sum, record) => sum + record.length, 0)
      void this.#log.replace(records)
    }
    if (changes.length === 0) return
    const steps = changes.map((change) => this.#step(change))
    this.#performed = this.#performed
      .then(async () => {
        for (const step of steps) await step()
      })
      .catch((error: Error) => {
        this.#failed(error)
        return new Promise<void>(() => {})
      })
  }

  /** Effects of a change, with the current contents of the image: the image may be newer by the time that they are performed. */
  #step({ type, name, topicId, partitionIds, touched }: TopicChange): () => Promise<void> {
    const topic = { name, topicId, partitions: partitionIds }
    if (type === 'deleted') {
      return async () => {
        for (const partitionId of touched) this.#served.delete(partitionId)
        this.#tell({ ...topic, change: 'deleted' })
        await this.#partitions.close(touched)
      }
    }
    const specs = touched.flatMap((partitionId) => (this.#image.partitions.has(partitionId) ? [this.#spec(partitionId)] : []))
    return async () => {
      if (type === 'trimmed') for (const { partitionId, logStartOffset } of specs) await this.#partitions.trim(partitionId, logStartOffset)
      else if (type === 'configured') {
        for (const { partitionId, settings } of specs) await this.#partitions.configure(partitionId, settings)
        if (specs.length > 0) this.#tell({ ...topic, change: 'configured', settings: specs[0]!.settings })
      } else {
        await this.#partitions.open(specs)
        for (const { partitionId } of specs) this.#served.add(partitionId)
        if (specs.length > 0) this.#tell({ ...topic, change: 'opened', settings: specs[0]!.settings })
      }
    }
  }

  #answer(ticket: number, answer: unknown): void {
    const waiting = this.#take(ticket)
    void this.#performed.then(() => waiting.resolve(answer as never))
  }

  #take(ticket: number): Waiting {
    const waiting = this.#waiting.get(ticket)
    assert(waiting !== undefined, `ticket ${ticket} waits for an answer`)
    this.#waiting.delete(ticket)
    return waiting
  }

  #tell(change: TopicsChanged): void {
    for (const listener of this.#listeners) listener(change)
  }

  #spec(partitionId: PartitionId): PartitionSpec {
    const { topicId, leaderEpoch, logStartOffset } = this.#image.partitions.get(partitionId)!
    const { name, configs } = this.#image.topicsById.get(topicId)!
    const settings = partitionSettings(configs, this.#node.configs.settings)
    // Only coordinators write to internal topics, and no config may prevent it.
    const maxMessageBytes = isInternal(name) ? Number.MAX_SAFE_INTEGER : settings.maxMessageBytes
    return { partitionId, leaderEpoch, logStartOffset, settings: { ...settings, maxMessageBytes } }
  }
}

const mailboxMax = 10_000

/** The image of a log's records. Throws DamagedRecord. */
export function imageOf(records: readonly Uint8Array[]): MutableImage {
  const image = emptyImage()
  for (const record of records) replay(image, decodeRecord(record))
  return image
}
