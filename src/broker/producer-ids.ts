import type { ControllerClient } from '../controller/commands.ts'

/** Ids that are allocated at a time, as in Kafka: a restart leaves the rest of a block unused. */
const blockIds = 1000

/** Allocates producer ids; no id is ever reused. */
export class ProducerIds {
  readonly #controller: ControllerClient
  #next = 0n
  #end = 0n
  #fetching: Promise<void> | undefined

  constructor(controller: ControllerClient) {
    this.#controller = controller
  }

  async take(): Promise<bigint> {
    while (this.#next === this.#end) await (this.#fetching ??= this.#fetch())
    return this.#next++
  }

  async #fetch(): Promise<void> {
    try {
      const { first } = await this.#controller.request({ type: 'allocateProducerIds', count: blockIds })
      this.#next = first
      this.#end = first + BigInt(blockIds)
    } finally {
      this.#fetching = undefined
    }
  }
}
