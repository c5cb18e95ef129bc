import type { Tagged } from '../actor/actor.ts'
import type { Leadership } from '../ports/partitions.ts'
import { errors } from '../wire/errors.ts'
import { CoordinatorPartition, type CoordinatorParts, NotReady } from './partition.ts'

type Partition<State, Request, Notification extends Tagged, Stored> = CoordinatorPartition<State, Request, Notification, Stored>

/** By index of a partition. */
interface Slot<P> {
  /** Of the latest election or resignation. */
  readonly leadership: Leadership
  /** Undefined while this node does not lead the partition. */
  partition: P | undefined
  /** Resolves when no append of an earlier election of this node is in progress. */
  idle: Promise<unknown>
}

/**
 * Runs the machine of one kind of coordinator, once for each partition of its internal topic that this node leads. Partitions come and go
 * one by one, by elections and resignations. Either is ignored when a later one has been received.
 */
export class CoordinatorRuntime<State, Request, Notification extends Tagged, Stored> {
  readonly #parts: CoordinatorParts<State, Request, Notification, Stored>
  readonly #slots = new Map<number, Slot<Partition<State, Request, Notification, Stored>>>()

  constructor(parts: CoordinatorParts<State, Request, Notification, Stored>) {
    this.#parts = parts
  }

  /** This node leads the partition from now on. Its first request loads it, or `load`. */
  elect(index: number, leadership: Leadership): void {
    const known = this.#slots.get(index)
    const order = known === undefined ? 1 : compare(leadership, known.leadership)
    if (order < 0 || (order === 0 && known?.partition !== undefined)) return
    const idle = known === undefined ? Promise.resolve() : this.#end(known)
    const slot: Slot<Partition<State, Request, Notification, Stored>> = { leadership, partition: undefined, idle }
    slot.partition = new CoordinatorPartition(this.#parts, leadership, idle, () => void this.#end(slot))
    this.#slots.set(index, slot)
  }

  /**
   * This node does not lead the partition in this leader epoch, or no longer. The state of the partition is dropped, and all its waiting
   * requests fail.
   */
  resign(index: number, leadership: Leadership): void {
    const known = this.#slots.get(index)
    if (known !== undefined && compare(leadership, known.leadership) < 0) return
    const idle = known === undefined ? Promise.resolve() : this.#end(known)
    this.#slots.set(index, { leadership, partition: undefined, idle })
  }

  isElected(index: number): boolean {
    return this.#slots.get(index)?.partition !== undefined
  }

  /** Loads a partition without a request. Resolves when it is loaded, or no longer led. */
  async load(index: number): Promise<void> {
    await this.#slots.get(index)?.partition?.load()
  }

  /** Loads every partition that this node leads. Resolves when it is done. */
  async loadAll(): Promise<void> {
    await Promise.all(this.#partitions().map((partition) => partition.load()))
  }

  /** Loads every partition that this node leads. False when that takes longer than a client should wait. */
  async isLoadedSoon(): Promise<boolean> {
    const loaded = await Promise.all(this.#partitions().map((partition) => partition.isLoadedSoon()))
    return loaded.every(Boolean)
  }

  /** The response of the machine, or NotReady. */
  async request(index: number, request: Request): Promise<unknown> {
    const partition = this.#slots.get(index)?.partition
    return partition === undefined ? new NotReady(errors.NOT_COORDINATOR) : partition.request(request)
  }

  /** Passes an event that no request caused to every partition that is loaded, or to those, too, that are not loaded yet. */
  notify(notification: Notification, to: 'loaded' | 'elected'): void {
    for (const partition of this.#partitions()) if (to === 'elected' || partition.isLoaded) partition.notify(notification)
  }

  /** Of the loaded partitions. */
  get states(): readonly State[] {
    return this.#partitions().flatMap((partition) => (partition.isLoaded ? [partition.state] : []))
  }

  #partitions(): Partition<State, Request, Notification, Stored>[] {
    return Array.from(this.#slots.values(), ({ partition }) => partition).filter((partition) => partition !== undefined)
  }

  #end(slot: Slot<Partition<State, Request, Notification, Stored>>): Promise<unknown> {
    if (slot.partition !== undefined) slot.idle = Promise.all([slot.idle, slot.partition.resign()])
    slot.partition = undefined
    return slot.idle
  }
}

const compare = (a: Leadership, b: Leadership): number => a.partitionId - b.partitionId || a.leaderEpoch - b.leaderEpoch
