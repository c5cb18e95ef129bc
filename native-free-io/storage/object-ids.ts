import type { Controller } from '../../src/controller/controller.ts'

/** Number of ids that are recorded together, so that an object costs one write to the metadata log instead of two. */
const preparedAtOnce = 32

/** Ids of objects. Each is in the metadata log before an object is stored under it, so that objects left by a crash can be found. */
export class ObjectIds {
  readonly #controller: Controller
  #free: number[] = []
  #preparing: Promise<void> | undefined

  constructor(controller: Controller) {
    this.#controller = controller
  }

  async take(): Promise<number> {
    while (this.#free.length === 0) await (this.#preparing ??= this.#prepare())
    return this.#free.shift()!
  }

  /** Returns an id under which no object has been stored. */
  giveBack(objectId: number): void {
    this.#free.unshift(objectId)
  }

  async #prepare(): Promise<void> {
    const first = this.#controller.image.nextObjectId
    await this.#controller.ask({ type: 'record', records: [{ type: 'objectsPrepared', first, count: preparedAtOnce }] })
    this.#free.push(...Array.from({ length: preparedAtOnce }, (_, index) => first + index))
    this.#preparing = undefined
  }
}
