import type { Image } from '../metadata/image.ts'
import type { ObjectImage } from '../metadata/storage-image.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type {
  Cleaned,
  NewObject,
  ObjectState,
  PartitionMetadata,
  StorageMetadata,
  StorageView,
  TopicMetadata,
  WalMark,
} from '../ports/storage-metadata.ts'
import type { StoredObject } from '../ports/stored-objects.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import type { BrokerId, ControllerClient } from './commands.ts'

/** The controller has rejected a command of this broker: another start of it is registered, or the command is a bug. */
export class CommandRejected extends Error {
  constructor(command: string, { name }: KafkaError) {
    super(`the controller rejected ${command}: ${name}`)
  }
}

/** The committed image, as the storage engine reads it. */
class ImageView implements StorageView {
  protected readonly image: Image

  constructor(image: Image) {
    this.image = image
  }

  partition(partitionId: PartitionId): PartitionMetadata | undefined {
    const { cluster, storage } = this.image
    const [placed, stored] = [cluster.partitions.get(partitionId), storage.partitions.get(partitionId)]
    if (placed === undefined || stored === undefined) return undefined
    const { logStartOffset, cleanedOffset, lost } = stored
    return { topicId: placed.topicId, logStart: Number(logStartOffset), cleaned: Number(cleanedOffset), lost }
  }

  partitionIds(): Iterable<PartitionId> {
    return this.image.cluster.partitions.keys()
  }

  topic(topicId: string): TopicMetadata | undefined {
    return this.image.cluster.topicsById.get(topicId)
  }

  topics(): Iterable<TopicMetadata> {
    return this.image.cluster.topics.values()
  }

  *objects(): Generator<StoredObject, void, void> {
    for (const object of this.image.storage.objects.values()) yield storedObject(object)
  }

  objectState(objectId: number): ObjectState {
    const { objects, preparedObjects, markedObjects } = this.image.storage
    if (objects.has(objectId)) return 'committed'
    if (markedObjects.has(objectId)) return 'marked'
    return preparedObjects.has(objectId) ? 'prepared' : 'unknown'
  }

  preparedIds(): Iterable<number> {
    return this.image.storage.preparedObjects
  }

  markedIds(): Iterable<number> {
    return this.image.storage.markedObjects
  }

  get nextObjectId(): number {
    return this.image.storage.nextObjectId
  }
}

/** Sends the commands of the storage engine to the controller. A rejected command throws `CommandRejected`. */
class ControllerMetadata extends ImageView implements StorageMetadata {
  readonly #controller: ControllerClient
  readonly #broker: BrokerId

  constructor(controller: ControllerClient, image: Image, broker: BrokerId) {
    super(image)
    this.#controller = controller
    this.#broker = broker
  }

  async allocateObjectIds(count: number): Promise<number> {
    const { error, first } = await this.#controller.request({ type: 'allocateObjectIds', broker: this.#broker, count })
    check('allocateObjectIds', error)
    return first
  }

  async commitObjects(objects: readonly NewObject[], mark: WalMark): Promise<readonly StoredObject[]> {
    const committed = objects.map(objectImage)
    const { error } = await this.#controller.request({
      type: 'commitObjects',
      broker: this.#broker,
      objects: committed,
      replaced: [],
      wal: mark,
    })
    check('commitObjects', error)
    return this.#live(objects)
  }

  async replaceObjects(replaced: readonly number[], added: readonly NewObject[]): Promise<readonly StoredObject[]> {
    const objects = added.map(objectImage)
    const { error } = await this.#controller.request({ type: 'commitObjects', broker: this.#broker, objects, replaced, wal: null })
    check('commitObjects', error)
    return this.#live(added)
  }

  async replaceCleaned({ partitionId, end, replaced, added }: Cleaned): Promise<readonly StoredObject[] | 'rejected'> {
    const { error } = await this.#controller.request({
      type: 'commitCleaning',
      broker: this.#broker,
      partitionId,
      offset: BigInt(end),
      objects: added.map(objectImage),
      replaced,
    })
    if (error === errors.UNKNOWN_TOPIC_OR_PARTITION) return 'rejected'
    check('commitCleaning', error)
    return this.#live(added)
  }

  async markUnreferenced(): Promise<readonly number[]> {
    if (this.image.storage.unreferenced.size === 0) return []
    const { error, objects } = await this.#controller.request({ type: 'markUnreferenced', broker: this.#broker })
    check('markUnreferenced', error)
    return objects.map(({ objectId }) => objectId)
  }

  async removeObjects(objectIds: readonly number[]): Promise<void> {
    const { error } = await this.#controller.request({ type: 'removeObjects', broker: this.#broker, objectIds })
    check('removeObjects', error)
  }

  async moveLogStart(partitionId: PartitionId, offset: number): Promise<void> {
    await this.#controller.request({ type: 'moveLogStart', partitionId, offset: BigInt(offset) })
  }

  async markWal(mark: WalMark): Promise<void> {
    const { error } = await this.#controller.request({ type: 'markWal', broker: this.#broker, wal: mark })
    check('markWal', error)
  }

  async changeLanes(lanes: number, incarnation: number): Promise<void> {
    const { error } = await this.#controller.request({ type: 'changeLanes', broker: this.#broker, lanes, incarnation })
    check('changeLanes', error)
  }

  /** The objects as committed: without parts that were deleted meanwhile. */
  #live(added: readonly NewObject[]): readonly StoredObject[] {
    return added.flatMap(({ objectId }) => {
      const object = this.image.storage.objects.get(objectId)
      return object === undefined ? [] : [storedObject(object)]
    })
  }
}

function check(command: string, error: KafkaError): void {
  if (error !== errors.NONE) throw new CommandRejected(command, error)
}

const storedObject = ({ objectId, bytes, parts }: ObjectImage): StoredObject => ({
  objectId,
  bytes,
  parts: parts.map((part) => ({
    ...part,
    start: Number(part.start),
    end: Number(part.end),
    maxTimestamp: Number(part.maxTimestamp),
  })),
})

const objectImage = ({ objectId, bytes, parts }: NewObject): ObjectImage => ({
  objectId,
  bytes,
  parts: parts.map(({ partitionId, start, end, bytes: partBytes, maxTimestamp }) => ({
    partitionId,
    start: BigInt(start),
    end: BigInt(end),
    bytes: partBytes,
    maxTimestamp: BigInt(maxTimestamp),
  })),
})

export const storageView = (image: Image): StorageView => new ImageView(image)

/** `image`: the committed one, which the responses of the controller follow. */
export const storageMetadata = (controller: ControllerClient, image: Image, broker: BrokerId): StorageMetadata =>
  new ControllerMetadata(controller, image, broker)
