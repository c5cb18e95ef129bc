import { chance, type Prng } from '../../../src/base/prng.ts'
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from '../../../src/wire/api/48-describe-client-quotas.ts'
import { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../../../src/wire/api/49-alter-client-quotas.ts'
import type { WireClient } from '../../support/wire-client.ts'
import { checkError, type KeptState } from './kept-state.ts'
import { Register } from './register.ts'

const removePermille = 200
const key = 'producer_byte_rate'
const entityType = 'client-id'
const exactly = 0

/** The quota of a client, which is set and removed. */
export class KeptQuota implements KeptState {
  readonly #clientId: string
  readonly #random: Prng
  readonly #register: Register<number | null>
  #next = 1_000_000

  constructor(clientId: string, random: Prng) {
    this.#clientId = clientId
    this.#random = random
    this.#register = new Register<number | null>(`the quota of ${clientId}`, null)
  }

  get acknowledged(): number {
    return this.#register.acknowledged
  }

  async change(client: WireClient): Promise<void> {
    const remove = this.#register.last !== null && chance(this.#random, removePermille)
    const value = ++this.#next
    const acknowledge = this.#register.attempt(remove ? null : value)
    const entity = [{ entityType, entityName: this.#clientId }]
    const asked = { entries: [{ entity, ops: [{ key, value: remove ? 0 : value, remove }] }] }
    const { entries } = await client.call(AlterClientQuotasRequest, AlterClientQuotasResponse, 1, asked)
    checkError(entries[0]!.errorCode, `AlterClientQuotas of ${this.#clientId}`)
    acknowledge()
  }

  async verify(client: WireClient): Promise<void> {
    const components = [{ entityType, matchType: exactly, match: this.#clientId }]
    const answer = await client.call(DescribeClientQuotasRequest, DescribeClientQuotasResponse, 1, { components, strict: true })
    checkError(answer.errorCode, 'DescribeClientQuotas')
    this.#register.found(answer.entries?.[0]?.values[0]?.value ?? null)
  }
}
