import type { Image } from '../metadata/image.ts'
import { committed } from '../metadata/object-records.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type {
  Cleaned,
  NewObject,
  ObjectState,
  PartitionMetadata,
  StorageImage,
  StorageMetadata,
  TopicMetadata,
  WalMark,
} from '../ports/storage-metadata.ts'
import type { ObjectPart, StoredObject } from '../ports/stored-objects.ts'
import type { Controller } from './controller.ts'

/** The image, as the storage engine reads it. */
class ImageReader implements StorageImage {
  protected readonly image: Image

  constructor(image: Image) {
    this.image = image
  }

  partition(partitionId: PartitionId): PartitionMetadata | undefined {
    const { partitions, cleaned, lost } = this.image
    const found = partitions.get(partitionId)
    if (found === undefined) return undefined
    return {
      topicId: found.topicId,
      logStart: Number(found.logStartOffset),
      cleaned: Number(cleaned.get(partitionId) ?? 0n),
      lost: lost.get(partitionId) ?? [],
    }
  }

  partitionIds(): Iterable<PartitionId> {
    return this.image.partitions.keys()
  }

  topic(topicId: string): TopicMetadata | undefined {
    return this.image.topicsById.get(topicId)
  }

  topics(): Iterable<TopicMetadata> {
    return this.image.topics.values()
  }

  *objects(): Generator<StoredObject, void, void> {
    for (const { objectId, bytes, parts } of this.image.objects.values()) {
      yield {
        objectId,
        bytes,
        parts: parts.map((part) => ({
          ...part,
          start: Number(part.start),
          end: Number(part.end),
          maxTimestamp: Number(part.maxTimestamp),
        })),
      }
    }
  }

  objectState(objectId: number): ObjectState {
    const { objects, preparedObjects, markedObjects } = this.image
    if (objects.has(objectId)) return 'committed'
    if (markedObjects.has(objectId)) return 'marked'
    return preparedObjects.has(objectId) ? 'prepared' : 'unknown'
  }

  preparedIds(): Iterable<number> {
    return this.image.preparedObjects
  }

  markedIds(): Iterable<number> {
    return this.image.markedObjects
  }

  get nextObjectId(): number {
    return this.image.nextObjectId
  }
}

/** The commands of the storage engine, as records of the controller. */
class ControllerMetadata extends ImageReader implements StorageMetadata {
  readonly #controller: Controller

  constructor(controller: Controller) {
    super(controller.image)
    this.#controller = controller
  }

  async allocateObjectIds(count: number): Promise<number> {
    const first = this.image.nextObjectId
    await this.#record([{ type: 'objectsPrepared', first, count }])
    return first
  }

  async commitObjects(objects: readonly NewObject[], mark: WalMark): Promise<readonly StoredObject[]> {
    await this.#record([...objects.map((object) => committed(object.objectId, object)), { type: 'walMarked', ...mark }])
    return this.#readable(objects)
  }

  async replaceObjects(replaced: readonly number[], added: readonly NewObject[]): Promise<readonly StoredObject[]> {
    // Retention or a deletion may have removed some in the meantime, which does not matter: their records are not read.
    const objectIds = replaced.filter((objectId) => this.image.objects.has(objectId))
    await this.#record([...added.map((object) => committed(object.objectId, object)), { type: 'objectsMarked', objectIds }])
    return this.#readable(added)
  }

  async replaceCleaned({ partitionId, end, replaced, added }: Cleaned): Promise<readonly StoredObject[] | 'refused'> {
    const { objects, partitions } = this.image
    if (!partitions.has(partitionId)) return 'refused'
    // Retention may have removed some of them in the meantime, which does not matter.
    const objectIds = replaced.filter((objectId) => objects.has(objectId))
    const isAlone = (objectId: number): boolean => objects.get(objectId)!.parts.every((part) => part.partitionId === partitionId)
    await this.#record([
      ...added.map((object) => committed(object.objectId, object)),
      { type: 'objectsMarked', objectIds: objectIds.filter(isAlone) },
      { type: 'partitionCleaned', partitionId, offset: BigInt(end), objectIds },
    ])
    return this.#readable(added)
  }

  async markObjects(objectIds: readonly number[]): Promise<void> {
    await this.#record([{ type: 'objectsMarked', objectIds }])
  }

  async removeObjects(objectIds: readonly number[]): Promise<void> {
    await this.#record([{ type: 'objectsRemoved', objectIds }])
  }

  async moveLogStart(partitionId: PartitionId, offset: number): Promise<void> {
    await this.#record([{ type: 'logStartMoved', partitionId, offset: BigInt(offset) }])
  }

  async markWal(mark: WalMark): Promise<void> {
    await this.#record([{ type: 'walMarked', ...mark }])
  }

  #readable(objects: readonly NewObject[]): readonly StoredObject[] {
    return objects.map((object) => ({ ...object, parts: object.parts.filter((part) => this.#isReadable(part)) }))
  }

  #isReadable({ partitionId, end }: ObjectPart): boolean {
    const found = this.image.partitions.get(partitionId)
    return found !== undefined && found.logStartOffset < end
  }

  async #record(records: readonly MetadataRecord[]): Promise<void> {
    await this.#controller.ask({ type: 'record', records })
  }
}

export const storageImage = (image: Image): StorageImage => new ImageReader(image)
export const storageMetadata = (controller: Controller): StorageMetadata => new ControllerMetadata(controller)
