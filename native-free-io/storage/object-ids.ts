import type { Controller } from '../../src/controller/controller.ts'

/** Numbers that are made known together, so that an object costs the metadata log one write and not two. */
const preparedAtOnce = 32

/** Numbers for objects. Each is in the metadata log before anything is stored under it, so that what a crash leaves is known. */
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

  /** Nothing has been stored under it. */
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
