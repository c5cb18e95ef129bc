import { below, chance, type Prng } from '../../../src/base/prng.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../../src/wire/api/42-delete-groups.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../../src/wire/api/47-offset-delete.ts'
import type { WireClient } from '../../support/wire-client.ts'
import { CommittedOffsets } from './committed-offsets.ts'
import { checkError, findCoordinator, type KeptState } from './kept-state.ts'

const inFlightMax = 4
const offsetDeletePermille = 100
const groupDeletePermille = 40

/** A group without members, whose offsets are committed, deleted, and deleted with the group. */
export class KeptGroup implements KeptState {
  readonly #offsets: CommittedOffsets
  readonly #partitions: number
  readonly #random: Prng

  constructor(groupId: string, topic: string, partitions: number, random: Prng) {
    this.#offsets = new CommittedOffsets(groupId, topic)
    this.#partitions = partitions
    this.#random = random
  }

  get acknowledged(): number {
    return this.#offsets.acknowledged
  }

  async change(client: WireClient): Promise<void> {
    const hasSome = this.#offsets.last.size > 0
    if (hasSome && chance(this.#random, groupDeletePermille)) await this.#deleteGroup(client)
    else if (hasSome && chance(this.#random, offsetDeletePermille)) await this.#deleteOffsets(client)
    else {
      const commits = Array.from({ length: 1 + below(this.#random, inFlightMax) }, () => this.#offsets.commit(client, this.#some()))
      const [failed] = (await Promise.allSettled(commits)).filter((each) => each.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    }
  }

  async verify(client: WireClient): Promise<void> {
    await findCoordinator(client, this.#offsets.groupId)
    await this.#offsets.verify(client)
  }

  async #deleteOffsets(client: WireClient): Promise<void> {
    const { groupId, topic } = this.#offsets
    const some = this.#some()
    const acknowledge = this.#offsets.forget(some)
    const topics = [{ name: topic, partitions: some.map((partitionIndex) => ({ partitionIndex })) }]
    const answer = await client.call(OffsetDeleteRequest, OffsetDeleteResponse, 0, { groupId, topics })
    checkError(answer.errorCode, `OffsetDelete of ${groupId}`)
    for (const { errorCode } of answer.topics[0]!.partitions) checkError(errorCode, `OffsetDelete of ${groupId}`)
    acknowledge()
  }

  async #deleteGroup(client: WireClient): Promise<void> {
    const { groupId, last } = this.#offsets
    const acknowledge = this.#offsets.forget(last.keys())
    const { results } = await client.call(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: [groupId] })
    checkError(results[0]!.errorCode, `DeleteGroups of ${groupId}`)
    acknowledge()
  }

  #some(): number[] {
    const all = Array.from({ length: this.#partitions }, (_, partition) => partition)
    const some = all.filter(() => chance(this.#random, 500))
    return some.length === 0 ? [below(this.#random, this.#partitions)] : some
  }
}
