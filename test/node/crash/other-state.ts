import { setTimeout as pause } from 'node:timers/promises'
import { below, type Prng } from '../../../src/base/prng.ts'
import type { BrokerKind } from '../../support/broker.ts'
import { ConnectionEnded, WireClient } from '../../support/wire-client.ts'
import { KeptClassicMember } from './kept-classic-member.ts'
import { KeptConsumerMember } from './kept-consumer-member.ts'
import { KeptGroup } from './kept-groups.ts'
import { KeptLogStart } from './kept-log-start.ts'
import { KeptProducerIds } from './kept-producer-ids.ts'
import { KeptQuota } from './kept-quota.ts'
import { type KeptState, UnknownResult } from './kept-state.ts'
import { KeptTopic } from './kept-topic.ts'

/** Maximum pause between two changes: short enough for many changes, with time left for records. */
const pauseMsMax = 10
const againMs = 20
const triesMax = 500

/** State that a broker must keep besides records: offsets and groups, topics and their configs, log start offsets, producer ids, quotas. */
export class OtherState {
  readonly #random: Prng
  readonly #states: readonly KeptState[]

  /** `topic` exists permanently, with this number of partitions. */
  constructor(kind: BrokerKind, topic: string, partitions: number, random: Prng) {
    this.#random = random
    const shortened = 'shortened'
    const passing = ['comes-and-goes-1', 'comes-and-goes-2']
    const read = [topic, shortened, ...passing]
    this.#states = [
      ...['simple-1', 'simple-2', 'simple-3'].map((groupId) => new KeptGroup(groupId, topic, partitions, random)),
      new KeptClassicMember('classic-1', topic, null, random),
      new KeptClassicMember('classic-2', topic, 'instance', random),
      new KeptConsumerMember('consumers-1', 'alone', read, random),
      new KeptConsumerMember('consumers-2', 'first', read, random),
      new KeptConsumerMember('consumers-2', 'second', read, random, { commits: false }),
      new KeptConsumerMember('consumers-2', 'static', read, random, { instanceId: 'instance', commits: false }),
      new KeptLogStart(shortened, random, kind === 'kafka'),
      ...passing.map((name) => new KeptTopic(name, random)),
      new KeptProducerIds(random),
      new KeptQuota('client', random),
    ]
  }

  /** Number of acknowledged changes. */
  get acknowledged(): number {
    return this.#states.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
  }

  /** Makes changes, with one connection for each keeper, until the connection ends or `mayGoOn` returns false. */
  async load(port: number, mayGoOn: () => boolean): Promise<void> {
    await Promise.all(
      this.#states.map(async (state) => {
        const client = await WireClient.open(port).catch(() => null)
        if (client === null) return
        try {
          await this.#change(state, client, mayGoOn)
        } catch (error) {
          if (!(error instanceof ConnectionEnded)) throw error
        } finally {
          client.close()
        }
      }),
    )
  }

  /** Verifies all acknowledged changes. */
  async verify(port: number): Promise<void> {
    const client = await WireClient.open(port)
    try {
      for (const state of this.#states) await this.#poll(state, client)
    } finally {
      client.close()
    }
  }

  async #change(state: KeptState, client: WireClient, mayGoOn: () => boolean): Promise<void> {
    await this.#poll(state, client)
    while (mayGoOn()) {
      try {
        await state.change(client)
      } catch (error) {
        if (!(error instanceof UnknownResult)) throw error
        await this.#poll(state, client)
      }
      await pause(below(this.#random, pauseMsMax))
    }
  }

  async #poll(state: KeptState, client: WireClient): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await state.verify(client)
      } catch (error) {
        if (!(error instanceof UnknownResult) || tries === triesMax) throw error
        await pause(againMs)
      }
    }
  }
}
