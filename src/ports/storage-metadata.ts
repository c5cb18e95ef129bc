import type { LostRange, PartitionId } from './partitions.ts'
import type { ObjectContents, StoredObject } from './stored-objects.ts'

/** A partition, as the storage engine reads it from the metadata. */
export interface PartitionMetadata {
  readonly topicId: string
  /** First readable offset. */
  readonly logStart: number
  /** End offset of compaction by key; 0 if the partition was never compacted. */
  readonly cleaned: number
  /** In the order of their offsets. */
  readonly lost: readonly LostRange[]
}

export interface TopicMetadata {
  readonly topicId: string
  readonly configs: ReadonlyMap<string, string>
  readonly partitionIds: readonly PartitionId[]
}

/** State of an object id. `unknown`: no object with this id is recorded, or it has been removed. */
export type ObjectState = 'unknown' | 'prepared' | 'committed' | 'marked'

/** Reads of the metadata image. They return the state at the time of the call. */
export interface StorageView {
  /** Undefined for a deleted partition. */
  partition(partitionId: PartitionId): PartitionMetadata | undefined
  partitionIds(): Iterable<PartitionId>
  topic(topicId: string): TopicMetadata | undefined
  topics(): Iterable<TopicMetadata>
  /** All committed objects. For the start of a node only: every later change is the result of a command. */
  objects(): Iterable<StoredObject>
  objectState(objectId: number): ObjectState
  /** Ids that may be in the store, completely or in part, and are not committed. */
  preparedIds(): Iterable<number>
  /** Ids of objects that are still in the store, and no longer read. */
  markedIds(): Iterable<number>
  /** All ids from here on are unused. */
  readonly nextObjectId: number
}

/** State of the write-ahead log for the metadata log: it was durable at least up to this position. Positions in bytes. */
export interface WalMark {
  /** Index of the lane of the log. */
  readonly lane: number
  /** Identifies the log. */
  readonly secret: number
  readonly incarnation: number
  /** Records below are in objects. */
  readonly stored: number
  readonly durable: number
}

/** An object that is in the store, and what it contains. */
export interface NewObject extends ObjectContents {
  readonly objectId: number
}

/** The result of a compaction by key of one partition. */
export interface Cleaned {
  readonly partitionId: PartitionId
  /** End offset of the compaction. */
  readonly end: number
  /** Objects whose parts of the partition the new objects replace. */
  readonly replaced: readonly number[]
  readonly added: readonly NewObject[]
}

/**
 * Changes of the metadata by the storage engine, and the state that the engine reads. The controller decides each: it allocates the ids, and
 * checks each part of a new object alone. A command resolves when its records are durable and replayed. It can be repeated.
 *
 * Absent: records. The engine states what it has done; the controller chooses the records.
 */
export interface StorageMetadata extends StorageView {
  /** The first of `count` consecutive ids, which are recorded as prepared. */
  allocateObjectIds(count: number): Promise<number>
  /**
   * Commits uploaded objects and the state of the log in one frame. Returns the objects with the parts that are read from now on: a part of
   * a deleted partition, or of offsets that are committed already, is absent.
   */
  commitObjects(objects: readonly NewObject[], mark: WalMark): Promise<readonly StoredObject[]>
  /** Replaces whole objects by others with the same records, in one frame. `rejected`: the new objects will never be read. */
  replaceObjects(replaced: readonly number[], added: readonly NewObject[]): Promise<readonly StoredObject[] | 'rejected'>
  /** Replaces the parts of one partition, in one frame. `rejected`: the partition is deleted. */
  replaceCleaned(cleaned: Cleaned): Promise<readonly StoredObject[] | 'rejected'>
  /** Marks all objects that nothing reads, to be removed from the store later. Returns their ids. */
  markUnreferenced(): Promise<readonly number[]>
  /** These objects are not in the store any more. */
  removeObjects(objectIds: readonly number[]): Promise<void>
  /** Records below `offset` are deleted. */
  moveLogStart(partitionId: PartitionId, offset: number): Promise<void>
  markWal(mark: WalMark): Promise<void>
  /**
   * All records of the logs of incarnations up to this one are in objects. The next start begins with a new log for each of this number of
   * lanes.
   */
  changeLanes(lanes: number, incarnation: number): Promise<void>
}
