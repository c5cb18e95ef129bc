import type { ConfigTexts } from '../config/config-entry.ts'
import type { Settings } from '../config/settings.ts'
import { type CoordinatorParts, NotReady } from '../coordinator/partition.ts'
import { partitionOf } from '../coordinator/partition-of.ts'
import { CoordinatorRuntime } from '../coordinator/runtime.ts'
import type { CompileExpression } from '../ports/expressions.ts'
import type { Leadership } from '../ports/partitions.ts'
import { errors } from '../wire/errors.ts'
import { groupLimits } from './limits.ts'
import { groupCoordinator, listGroups } from './machine.ts'
import type { GroupNotification, GroupRequest, ListedGroup, ResponseTo } from './messages.ts'
import type { GroupRecord } from './records.ts'
import { type GroupShared, type GroupState, groupShared } from './state.ts'
import type { GroupCounts } from './step.ts'

export interface GroupCoordinatorParts
  extends Pick<
    CoordinatorParts<GroupState, GroupRequest, GroupNotification, GroupRecord>,
    'log' | 'codecs' | 'clock' | 'after' | 'failed'
  > {
  readonly settings: Settings
  /** Resolves when the offsets topic exists, or cannot be created. */
  createOffsetsTopic(): Promise<void>
  /** The id of any topic that groups may have read, if it exists. */
  topicIdOf(topic: string): string | undefined
  readonly compileExpression: CompileExpression
  /** Configs of a group. */
  groupConfigs(groupId: string): ConfigTexts
}

const timerMsMax = 2 ** 31 - 1

/**
 * The groups of this node: of the partitions of the offsets topic that it leads. A partition is loaded at the first request for one of its
 * groups, so that a start does not wait for groups.
 */
export class GroupCoordinator {
  readonly #parts: GroupCoordinatorParts
  readonly #shared: GroupShared
  readonly #runtime: CoordinatorRuntime<GroupState, GroupRequest, GroupNotification, GroupRecord>
  /** Partition count when the offsets topic was first seen: the partition of a group does not change when the topic grows. */
  #partitionCount: number | undefined

  constructor(parts: GroupCoordinatorParts) {
    const { settings } = parts
    this.#parts = parts
    const limits = groupLimits(settings, (groupId) => parts.groupConfigs(groupId))
    this.#shared = groupShared(limits, parts.compileExpression, (topic) => parts.topicIdOf(topic))
    this.#runtime = new CoordinatorRuntime({
      machine: groupCoordinator(this.#shared),
      log: parts.log,
      codecs: parts.codecs,
      clock: parts.clock,
      after: (ms, wake) => parts.after(ms, wake),
      limits: {
        batchBytesMax: limits.batchBytesMax,
        writeTimeoutMs: settings['offsets.commit.timeout.ms'],
        loadBytesMax: settings['offsets.load.buffer.size'],
      },
      failed: (error) => parts.failed(error),
    })
  }

  /** Removes expired offsets and groups periodically. */
  start(): void {
    const interval = Math.min(timerMsMax, Number(this.#parts.settings['offsets.retention.check.interval.ms']))
    this.#parts.after(interval, () => {
      void this.#sweep().finally(() => this.start())
    })
  }

  /** The offsets topic exists, with this number of partitions. */
  offsetsTopicOpened(partitionCount: number): void {
    this.#partitionCount ??= partitionCount
  }

  /** To be followed by the resignation of each partition. */
  offsetsTopicDeleted(): void {
    this.#partitionCount = undefined
  }

  /** This node leads a partition of the offsets topic from now on. */
  elect(partition: number, leadership: Leadership): void {
    this.#runtime.elect(partition, leadership)
  }

  /** This node does not lead a partition of the offsets topic, or no longer. */
  resign(partition: number, leadership: Leadership): void {
    this.#runtime.resign(partition, leadership)
  }

  /** Finds the coordinator of a group, as FindCoordinator requires, and begins to load it. Undefined: it is this node. */
  async find(groupId: string): Promise<NotReady | undefined> {
    if (this.#partitionCount === undefined) await this.#parts.createOffsetsTopic()
    const partition = this.#partitionOf(groupId)
    if (partition === undefined || !this.#runtime.isElected(partition)) return new NotReady(errors.COORDINATOR_NOT_AVAILABLE)
    void this.#runtime.load(partition)
    return undefined
  }

  async request<Q extends GroupRequest>(request: Q): Promise<ResponseTo<Q> | NotReady> {
    const partition = this.#partitionOf(request.groupId)
    if (partition === undefined) return new NotReady(errors.NOT_COORDINATOR)
    return (await this.#runtime.request(partition, request)) as ResponseTo<Q> | NotReady
  }

  async list(): Promise<readonly ListedGroup[] | NotReady> {
    const isLoaded = await this.#runtime.isLoadedSoon()
    return isLoaded ? this.#runtime.states.flatMap(listGroups) : new NotReady(errors.COORDINATOR_LOAD_IN_PROGRESS)
  }

  /** A topic was created, or has more partitions. */
  topicChanged(topic: string, topicId: string, partitions: number): void {
    this.#shared.topics.set({ name: topic, topicId, partitions })
    this.#runtime.notify({ type: 'topicChanged', topic }, 'loaded')
  }

  topicDeleted(topic: string): void {
    this.#shared.topics.delete(topic)
    this.#runtime.notify({ type: 'topicDeleted', now: this.#parts.clock.now(), topic }, 'elected')
  }

  /** State of the loaded partitions. */
  get states(): readonly GroupState[] {
    return this.#runtime.states
  }

  /** Event counts since the node started. */
  get counts(): GroupCounts {
    return this.#shared.counts
  }

  #partitionOf(groupId: string): number | undefined {
    return this.#partitionCount === undefined ? undefined : partitionOf(groupId, this.#partitionCount)
  }

  async #sweep(): Promise<void> {
    await this.#runtime.loadAll()
    this.#runtime.notify({ type: 'swept', now: this.#parts.clock.now() }, 'loaded')
  }
}
