import type { StorageMetadata } from '../ports/storage-metadata.ts'

/** Number of ids that are recorded together, so that an object costs one write to the metadata log instead of two. */
const preparedAtOnce = 32

/** Ids of objects. Each is in the metadata log before an object is stored under it, so that objects left by a crash can be found. */
export class ObjectIds {
  readonly #metadata: Pick<StorageMetadata, 'allocateObjectIds'>
  #free: number[] = []
  #preparing: Promise<void> | undefined

  constructor(metadata: Pick<StorageMetadata, 'allocateObjectIds'>) {
    this.#metadata = metadata
  }

  async take(): Promise<number> {
    while (this.#free.length === 0) await (this.#preparing ??= this.#prepare())
    return this.#free.shift()!
  }

  /** Returns an id under which no object has been stored. */
  release(objectId: number): void {
    this.#free.unshift(objectId)
  }

  async #prepare(): Promise<void> {
    const first = await this.#metadata.allocateObjectIds(preparedAtOnce)
    this.#free.push(...Array.from({ length: preparedAtOnce }, (_, index) => first + index))
    this.#preparing = undefined
  }
}
