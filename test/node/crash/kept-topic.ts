import { below, chance, type Prng } from '../../../src/base/prng.ts'
import { resourceType } from '../../../src/config/config-entry.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/wire/api/03-metadata.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/wire/api/19-create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../../src/wire/api/20-delete-topics.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../../src/wire/api/32-describe-configs.ts'
import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../../src/wire/api/37-create-partitions.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../src/wire/api/44-incremental-alter-configs.ts'
import { errors } from '../../../src/wire/errors.ts'
import { zeroUuid } from '../../../src/wire/schema.ts'
import type { WireClient } from '../../support/wire-client.ts'
import { CommittedOffsets } from './committed-offsets.ts'
import { checkError, findCoordinator, type KeptState } from './kept-state.ts'
import { Register } from './register.ts'

const partitionsMax = 6
const deletePermille = 150
const growPermille = 250
const commitPermille = 400
const retentionMs = 3_600_000
const setOperation = 0
const configName = 'retention.ms'

interface Topic {
  readonly partitions: number
  readonly retentionMs: number
}

/** A topic that is created, extended, configured, and deleted together with the committed offsets of a group. */
export class KeptTopic implements KeptState {
  readonly #name: string
  readonly #random: Prng
  readonly #register: Register<Topic | null>
  readonly #offsets: CommittedOffsets
  /** Id of the existing topic; null if its creation was not answered. */
  #topicId: string | null = null
  readonly #formerIds = new Set<string>()
  #altered = 0

  constructor(name: string, random: Prng) {
    this.#name = name
    this.#random = random
    this.#register = new Register<Topic | null>(`topic ${name}`, null, (topic) => JSON.stringify(topic))
    this.#offsets = new CommittedOffsets(`readers of ${name}`, name)
  }

  get acknowledged(): number {
    return this.#register.acknowledged + this.#offsets.acknowledged
  }

  async change(client: WireClient): Promise<void> {
    const topic = this.#register.last
    if (topic === null) await this.#create(client)
    else if (chance(this.#random, deletePermille)) await this.#delete(client)
    else if (topic.partitions < partitionsMax && chance(this.#random, growPermille)) await this.#grow(client, topic)
    else if (chance(this.#random, commitPermille)) await this.#offsets.commit(client, [0])
    else await this.#configure(client, topic)
  }

  async verify(client: WireClient): Promise<void> {
    const asked = { topics: [{ name: this.#name, topicId: zeroUuid }], allowAutoTopicCreation: false }
    const { topics } = await client.call(MetadataRequest, MetadataResponse, 12, asked)
    const { errorCode, topicId, partitions } = topics[0]!
    if (errorCode === errors.UNKNOWN_TOPIC_OR_PARTITION.code) {
      this.#register.found(null)
      if (this.#topicId !== null) this.#formerIds.add(this.#topicId)
      this.#topicId = null
    } else {
      checkError(errorCode, `Metadata of ${this.#name}`)
      this.#register.found({ partitions: partitions.length, retentionMs: await this.#retention(client) })
      this.#is(topicId)
    }
    await findCoordinator(client, this.#offsets.groupId)
    await this.#offsets.verify(client)
  }

  async #create(client: WireClient): Promise<void> {
    const topic = { partitions: 1 + below(this.#random, 3), retentionMs: retentionMs + ++this.#altered }
    const acknowledge = this.#register.attempt(topic)
    const asked = { name: this.#name, numPartitions: topic.partitions, replicationFactor: 1, assignments: [] }
    const configs = [{ name: configName, value: String(topic.retentionMs) }]
    const { topics } = await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [{ ...asked, configs }] })
    checkError(topics[0]!.errorCode, `CreateTopics of ${this.#name}`)
    acknowledge()
    this.#is(topics[0]!.topicId)
  }

  async #delete(client: WireClient): Promise<void> {
    const acknowledge = this.#register.attempt(null)
    const forgotten = this.#offsets.forget(this.#offsets.last.keys())
    const topics = [{ name: this.#name, topicId: zeroUuid }]
    const { responses } = await client.call(DeleteTopicsRequest, DeleteTopicsResponse, 6, { topics })
    checkError(responses[0]!.errorCode, `DeleteTopics of ${this.#name}`)
    acknowledge()
    forgotten()
    this.#formerIds.add(this.#topicId!)
    this.#topicId = null
  }

  async #grow(client: WireClient, topic: Topic): Promise<void> {
    const count = topic.partitions + 1
    const acknowledge = this.#register.attempt({ ...topic, partitions: count })
    const topics = [{ name: this.#name, count, assignments: null }]
    const { results } = await client.call(CreatePartitionsRequest, CreatePartitionsResponse, 3, { topics })
    checkError(results[0]!.errorCode, `CreatePartitions of ${this.#name}`)
    acknowledge()
  }

  async #configure(client: WireClient, topic: Topic): Promise<void> {
    const altered = { ...topic, retentionMs: retentionMs + ++this.#altered }
    const acknowledge = this.#register.attempt(altered)
    const configs = [{ name: configName, configOperation: setOperation, value: String(altered.retentionMs) }]
    const resources = [{ resourceType: resourceType.topic, resourceName: this.#name, configs }]
    const { responses } = await client.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, { resources })
    checkError(responses[0]!.errorCode, `IncrementalAlterConfigs of ${this.#name}`)
    acknowledge()
  }

  async #retention(client: WireClient): Promise<number> {
    const resources = [{ resourceType: resourceType.topic, resourceName: this.#name, configurationKeys: [configName] }]
    const { results } = await client.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, { resources })
    checkError(results[0]!.errorCode, `DescribeConfigs of ${this.#name}`)
    return Number(results[0]!.configs[0]!.value)
  }

  /** A topic id is never used for another topic. */
  #is(topicId: string): void {
    if (this.#formerIds.has(topicId)) throw new Error(`topic ${this.#name} has the id ${topicId} of one that was deleted`)
    if (this.#topicId !== null && this.#topicId !== topicId) throw new Error(`topic ${this.#name} was ${this.#topicId} and is ${topicId}`)
    this.#topicId = topicId
  }
}
