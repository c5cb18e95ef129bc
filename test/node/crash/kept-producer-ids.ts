import { below, type Prng } from '../../../src/base/prng.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/wire/api/22-init-producer-id.ts'
import type { WireClient } from '../../support/wire-client.ts'
import { checkError, type KeptState } from './kept-state.ts'

const atOnceMax = 100

/** Producer ids, none of which is assigned twice. */
export class KeptProducerIds implements KeptState {
  readonly #random: Prng
  readonly #given = new Set<bigint>()

  constructor(random: Prng) {
    this.#random = random
  }

  get acknowledged(): number {
    return this.#given.size
  }

  async change(client: WireClient): Promise<void> {
    const asked = Array.from({ length: 1 + below(this.#random, atOnceMax) }, () => this.#take(client))
    const [failed] = (await Promise.allSettled(asked)).filter((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  verify(client: WireClient): Promise<void> {
    return this.#take(client)
  }

  async #take(client: WireClient): Promise<void> {
    const { errorCode, producerId } = await client.call(InitProducerIdRequest, InitProducerIdResponse, 4, {
      transactionalId: null,
      transactionTimeoutMs: 60_000,
    })
    checkError(errorCode, 'InitProducerId')
    if (this.#given.has(producerId)) throw new Error(`producer id ${producerId} was given twice`)
    this.#given.add(producerId)
  }
}
