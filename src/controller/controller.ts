import { Actor } from '../actor/actor.ts'
import { assert } from '../base/assert.ts'
import { streamSettings } from '../config/topic-configs.ts'
import { emptyImage, type Image, type MutableImage, recordsOf, replay } from '../metadata/image.ts'
import { decodeRecord, encodeRecord, type MetadataRecord } from '../metadata/records.ts'
import { type MetadataLog, snapshotAfterBytes } from '../metadata/store.ts'
import type { StreamId, StreamSettings, StreamSpec, Streams } from '../ports.ts'
import { refusedWhileFull } from './full-disk.ts'
import { controllerMachine, controllerState } from './machine.ts'
import type { AnswerTo, Command, ControllerEffect, ControllerEvent, TopicChange } from './messages.ts'
import { type ControllerNode, followConfigs } from './outcome.ts'
import { isInternal } from './topic-names.ts'

/** The controller has as much to do as it may put off. */
export class ControllerBusy extends Error {}

interface Topic {
  readonly name: string
  readonly topicId: string
  /** The streams of all of the topic's partitions, in their order. */
  readonly partitions: readonly StreamId[]
}

/** A topic can be reached, requires something else of its batches, or is gone. */
export type TopicsChanged =
  | (Topic & { readonly change: 'opened' | 'configured'; readonly settings: StreamSettings })
  | (Topic & { readonly change: 'deleted' })

interface Waiting {
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
}

/**
 * Performs what the controller's machine decides: appends its records, opens and closes the streams of topics that come and go, and tells
 * who listens.
 *
 * Order of a change: durable, replayed, streams opened, listeners told, asker answered. Of a deletion: durable, replayed, listeners told,
 * streams closed, asker answered. Changes go through this one after another.
 */
export class Controller {
  readonly #node: ControllerNode
  readonly #image: MutableImage
  readonly #log: MetadataLog
  readonly #streams: Streams
  readonly #failed: (error: Error) => void
  readonly #actor: Actor<unknown, ControllerEvent, ControllerEffect>
  readonly #waiting = new Map<number, Waiting>()
  readonly #listeners: ((change: TopicsChanged) => void)[] = []
  readonly #served = new Set<StreamId>()
  #tickets = 0
  #turning = false
  #performed: Promise<void> = Promise.resolve()
  #snapshotBytes: number
  #recordCount: number

  /** `failed`: the node cannot keep its promises any more and has to stop. */
  constructor(node: ControllerNode, image: MutableImage, log: MetadataLog, streams: Streams, failed: (error: Error) => void) {
    this.#node = node
    this.#image = image
    this.#log = log
    this.#streams = streams
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
        refuse: ({ ticket }) => this.#take(ticket).reject(new ControllerBusy('the controller has too much to do')),
      },
      mailboxMax,
    ) as Actor<unknown, ControllerEvent, ControllerEffect>
  }

  get image(): Image {
    return this.#image
  }

  /** Of the log as it was when the node started, or its snapshot, and what came since. */
  get recordCount(): number {
    return this.#recordCount
  }

  /** Streams that lanes serve: a partition exists for clients from then on. */
  isServed(stream: StreamId): boolean {
    return this.#served.has(stream)
  }

  /** Opens what the log already names, and tells listeners. To be awaited before the first command. */
  async start(): Promise<void> {
    followConfigs(this.#node, this.#image)
    const streams = [...this.#image.streams.keys()]
    if (streams.length > 0) await this.#streams.open(streams.map((stream) => this.#spec(stream)))
    for (const stream of streams) this.#served.add(stream)
    for (const { name, topicId, streams: partitions } of this.#image.topics.values()) {
      if (partitions.length === 0) continue
      this.#tell({ name, topicId, partitions, settings: this.#spec(partitions[0]!).settings, change: 'opened' })
    }
  }

  /** Hears of every change, in order, and of topics that are there at `start`. */
  onTopicsChanged(listener: (change: TopicsChanged) => void): void {
    this.#listeners.push(listener)
  }

  /** Resolves once what the answer says is durable and served. Rejects with ControllerBusy. */
  ask<C extends Command>(command: C): Promise<AnswerTo<C>> {
    const refused = this.#log.isFull ? refusedWhileFull(command) : undefined
    if (refused !== undefined) return Promise.resolve(refused as AnswerTo<C>)
    return new Promise((resolve, reject) => {
      const ticket = this.#tickets++
      this.#waiting.set(ticket, { resolve, reject })
      if (this.#actor.tell({ type: 'asked', ticket, command })) this.#turn()
      else this.#take(ticket).reject(new ControllerBusy('the controller has too much to do'))
    })
  }

  /** A handler of an effect may ask again; one loop serves all. */
  #turn(): void {
    if (this.#turning) return
    this.#turning = true
    try {
      while (this.#actor.turn() > 0);
      this.#turning = false
    } catch (error) {
      // A broken invariant: nothing is decided any more.
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
    // The image is exactly what the log says at this moment, so the log may begin anew with it.
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

  /** What a change asks for, with what the image says of it now: by the time it is done the image may have moved on. */
  #step({ type, name, topicId, streams, touched }: TopicChange): () => Promise<void> {
    const topic = { name, topicId, partitions: streams }
    if (type === 'deleted') {
      return async () => {
        for (const stream of touched) this.#served.delete(stream)
        this.#tell({ ...topic, change: 'deleted' })
        await this.#streams.close(touched)
      }
    }
    const specs = touched.flatMap((stream) => (this.#image.streams.has(stream) ? [this.#spec(stream)] : []))
    return async () => {
      if (type === 'trimmed') for (const { stream, logStartOffset } of specs) await this.#streams.trim(stream, logStartOffset)
      else if (type === 'configured') {
        for (const { stream, settings } of specs) await this.#streams.configure(stream, settings)
        if (specs.length > 0) this.#tell({ ...topic, change: 'configured', settings: specs[0]!.settings })
      } else {
        await this.#streams.open(specs)
        for (const { stream } of specs) this.#served.add(stream)
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

  #spec(stream: StreamId): StreamSpec {
    const { topicId, leaderEpoch, logStartOffset } = this.#image.streams.get(stream)!
    const { name, configs } = this.#image.topicsById.get(topicId)!
    const settings = streamSettings(configs, this.#node.configs.settings)
    // Only coordinators write to internal topics, and no config may keep them from it.
    const maxMessageBytes = isInternal(name) ? Number.MAX_SAFE_INTEGER : settings.maxMessageBytes
    return { stream, leaderEpoch, logStartOffset, settings: { ...settings, maxMessageBytes } }
  }
}

const mailboxMax = 10_000

/** The image that a log's records say. Throws DamagedRecord. */
export function imageOf(records: readonly Uint8Array[]): MutableImage {
  const image = emptyImage()
  for (const record of records) replay(image, decodeRecord(record))
  return image
}
