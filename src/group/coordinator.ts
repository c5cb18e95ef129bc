import { Actor } from '../actor/actor.ts'
import { assert } from '../base/assert.ts'
import type { ConfigTexts } from '../config/config-entry.ts'
import type { Settings } from '../config/settings.ts'
import type { CoordinatorLog, PartitionId } from '../ports/partitions.ts'
import type { Clock } from '../ports/world.ts'
import type { Codecs } from '../wire/compression/codecs.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { GroupPartition } from './group-partition.ts'
import { groupLimits } from './limits.ts'
import { groupRecords } from './load.ts'
import { groupMachine, listGroups } from './machine.ts'
import type { AnswerTo, GroupEffect, GroupEvent, ListedGroup, Question } from './messages.ts'
import { partitionOf } from './partition-of.ts'
import { type GroupState, groupState } from './state.ts'

/** The coordinator cannot answer, or cannot answer yet. */
export class NotReady {
  readonly error: KafkaError

  constructor(error: KafkaError) {
    this.error = error
  }
}

/** The offsets topic. */
export interface OffsetsTopic {
  /** The partition id of each partition, if the topic exists and is served. */
  partitionIds(): readonly PartitionId[] | undefined
  /** Resolves when the topic exists, or cannot be created. */
  create(): Promise<void>
  /** The id of any topic that groups may have read, if it exists. */
  idOf(topic: string): string | undefined
}

export interface CoordinatorParts {
  readonly settings: Settings
  readonly topic: OffsetsTopic
  /** Configs of a group. */
  readonly groupConfigs: (groupId: string) => ConfigTexts
  readonly log: CoordinatorLog
  readonly codecs: Codecs
  readonly clock: Clock
  /** Calls `wake` after a delay; returns a function that cancels it. */
  after(ms: number, wake: () => void): () => void
  /** The node can no longer guarantee durability and must stop. */
  failed(error: Error): void
}

interface Partition {
  readonly log: GroupPartition
  readonly loading: Promise<void>
  isLoaded: boolean
  /** Topics that were deleted before the load was complete: their offsets are removed after it. */
  readonly deleted: Set<string>
}

const mailboxMax = 100_000
/** Clients receive a retriable error only when a load takes longer than this. */
const loadPatienceMs = 1000
const timerMsMax = 2 ** 31 - 1

/**
 * Performs the effects of the group machine: writes its records to the offsets topic, and sends no answer before they are durable.
 * A partition is loaded at the first request for one of its groups.
 */
export class GroupCoordinator {
  readonly #parts: CoordinatorParts
  readonly #state: GroupState
  readonly #actor: Actor<GroupState, GroupEvent, GroupEffect>
  readonly #partitions = new Map<number, Partition>()
  readonly #asked = new Map<number, (said: unknown) => void>()
  /** Topics that were deleted before the first request for a partition. */
  readonly #deleted = new Set<string>()
  readonly #dirty = new Set<GroupPartition>()
  /** Partition count when the topic was first seen: the partition of a group does not change when the topic grows. */
  #count: number | undefined
  #tickets = 0
  #turning = false
  #wakeAt = Number.POSITIVE_INFINITY
  #cancelWake: () => void = () => {}

  constructor(parts: CoordinatorParts) {
    this.#parts = parts
    this.#state = groupState(groupLimits(parts.settings, (groupId) => parts.groupConfigs(groupId)))
    this.#actor = new Actor(
      groupMachine,
      this.#state,
      {
        write: ({ groupId, records }) => {
          const { log } = this.#partitionOf(groupId)
          log.write(records)
          this.#dirty.add(log)
        },
        answer: ({ groupId, ticket, answer }) => {
          const say = (said: unknown): void => {
            this.#asked.get(ticket)?.(said)
            this.#asked.delete(ticket)
          }
          const giveUp = (): void => say(new NotReady(errors.COORDINATOR_NOT_AVAILABLE))
          this.#partitionOf(groupId).log.whenDurable(() => say(answer), giveUp)
        },
        wake: ({ at }) => this.#wake(at),
      },
      mailboxMax,
    )
  }

  /** Removes expired offsets and groups periodically. */
  start(): void {
    const interval = Math.min(timerMsMax, Number(this.#parts.settings['offsets.retention.check.interval.ms']))
    this.#parts.after(interval, () => {
      void this.#sweep().finally(() => this.start())
    })
  }

  /** Loads the coordinator of a group, as FindCoordinator requires. */
  async find(groupId: string): Promise<NotReady | undefined> {
    if (this.#parts.topic.partitionIds() === undefined) await this.#parts.topic.create()
    const partition = this.#open(groupId)
    return partition === undefined ? new NotReady(errors.COORDINATOR_NOT_AVAILABLE) : undefined
  }

  async ask<Q extends Question>(question: Q): Promise<AnswerTo<Q> | NotReady> {
    const partition = this.#open(question.groupId)
    if (partition === undefined) return new NotReady(errors.NOT_COORDINATOR)
    if (!(await this.#isReady([partition]))) return new NotReady(errors.COORDINATOR_LOAD_IN_PROGRESS)
    if (this.#open(question.groupId) !== partition) return new NotReady(errors.NOT_COORDINATOR)
    return new Promise((resolve) => {
      const ticket = this.#tickets++
      this.#asked.set(ticket, resolve as (said: unknown) => void)
      this.#tell({ type: 'asked', now: this.#parts.clock.now(), ticket, question })
    })
  }

  async list(): Promise<readonly ListedGroup[] | NotReady> {
    return (await this.#isReady(this.#openAll())) ? listGroups(this.#state) : new NotReady(errors.COORDINATOR_LOAD_IN_PROGRESS)
  }

  /** A topic was created, or has more partitions. */
  topicChanged(topic: string, topicId: string, partitions: number): void {
    this.#tell({ type: 'topicChanged', topic, topicId, partitions })
  }

  /** The loaded groups, and counts of their events. */
  get known(): Pick<GroupState, 'groups' | 'offsets' | 'counts'> {
    return this.#state
  }

  topicDeleted(topic: string): void {
    const partitionIds = this.#partitionIds()
    if (partitionIds !== undefined && this.#partitions.size < partitionIds.length) this.#deleted.add(topic)
    for (const partition of this.#partitions.values()) if (!partition.isLoaded) partition.deleted.add(topic)
    this.#tell({ type: 'topicDeleted', now: this.#parts.clock.now(), topic })
  }

  /** The offsets topic was deleted, and with it every group. */
  forget(): void {
    this.#partitions.clear()
    this.#deleted.clear()
    this.#count = undefined
    this.#tell({ type: 'forgotten' })
    for (const say of this.#asked.values()) say(new NotReady(errors.NOT_COORDINATOR))
    this.#asked.clear()
  }

  #partitionIds(): readonly PartitionId[] | undefined {
    const partitionIds = this.#parts.topic.partitionIds()
    this.#count ??= partitionIds?.length
    return partitionIds?.slice(0, this.#count)
  }

  #partitionOf(groupId: string): Partition {
    const partition = this.#partitions.get(partitionOf(groupId, this.#count ?? 1))
    assert(partition !== undefined, `the partition of group ${groupId} is open`)
    return partition
  }

  #open(groupId: string): Partition | undefined {
    const partitionIds = this.#partitionIds()
    return partitionIds === undefined ? undefined : this.#openAt(partitionOf(groupId, partitionIds.length), partitionIds)
  }

  #openAll(): Partition[] {
    const partitionIds = this.#partitionIds() ?? []
    return partitionIds.map((_, index) => this.#openAt(index, partitionIds))
  }

  #openAt(index: number, partitionIds: readonly PartitionId[]): Partition {
    const known = this.#partitions.get(index)
    if (known !== undefined) return known
    const { settings } = this.#parts
    const limits = { batchBytesMax: this.#state.limits.batchBytesMax, patienceMs: settings['offsets.commit.timeout.ms'] }
    const partitionId = partitionIds[index]!
    let loaded = (): void => {}
    const partition: Partition = {
      log: new GroupPartition(partitionId, this.#parts, limits),
      loading: new Promise<void>((resolve) => (loaded = resolve)),
      isLoaded: false,
      deleted: new Set(this.#deleted),
    }
    this.#partitions.set(index, partition)
    this.#load(index, partition, partitionIds.length).then(loaded, (error: Error) => {
      if (this.#partitions.get(index) === partition) this.#parts.failed(error)
    })
    return partition
  }

  async #load(index: number, partition: Partition, partitions: number): Promise<void> {
    const { log, codecs, topic, settings, clock } = this.#parts
    const topics = new Set<string>()
    for await (const records of groupRecords(log, partition.log.partitionId, codecs, settings['offsets.load.buffer.size'])) {
      if (this.#partitions.get(index) !== partition) return
      for (const record of records) if (record.type === 'offset') topics.add(record.topic)
      this.#tell({ type: 'replayed', records })
    }
    if (this.#partitions.get(index) !== partition) return
    const topicIds = new Map(Array.from(topics, (name) => [name, partition.deleted.has(name) ? undefined : topic.idOf(name)]))
    this.#tell({ type: 'loaded', now: clock.now(), partition: index, partitions, topicIds })
    partition.isLoaded = true
  }

  async #isReady(partitions: readonly Partition[]): Promise<boolean> {
    const loading = partitions.filter(({ isLoaded }) => !isLoaded).map((partition) => partition.loading)
    if (loading.length === 0) return true
    let cancel = (): void => {}
    const late = new Promise<void>((resolve) => (cancel = this.#parts.after(loadPatienceMs, resolve)))
    await Promise.race([Promise.all(loading), late])
    cancel()
    return partitions.every(({ isLoaded }) => isLoaded)
  }

  async #sweep(): Promise<void> {
    await Promise.all(this.#openAll().map(({ loading }) => loading))
    this.#tell({ type: 'swept', now: this.#parts.clock.now() })
  }

  #wake(at: number): void {
    const { clock, after } = this.#parts
    this.#cancelWake()
    this.#wakeAt = at
    this.#cancelWake = after(Math.min(timerMsMax, Math.max(0, at - clock.now())), () => {
      if (this.#wakeAt === at) this.#tell({ type: 'ticked', now: clock.now() })
    })
  }

  #tell(event: GroupEvent): void {
    assert(this.#actor.tell(event), 'the mailbox has room: it is emptied at once')
    if (this.#turning) return
    this.#turning = true
    try {
      while (this.#actor.turn() > 0);
      this.#turning = false
    } catch (error) {
      // A broken invariant: no further decisions are made.
      this.#parts.failed(error as Error)
      return
    }
    for (const partition of this.#dirty) this.#flush(partition)
    this.#dirty.clear()
  }

  #flush(partition: GroupPartition): void {
    partition.flush().catch((error: Error) => {
      partition.giveUp()
      if ([...this.#partitions.values()].some(({ log }) => log === partition)) this.#parts.failed(error)
    })
  }
}
