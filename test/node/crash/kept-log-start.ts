import { below, chance, type Prng } from '../../../src/base/prng.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/wire/api/00-produce.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../src/wire/api/02-list-offsets.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/wire/api/19-create-topics.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../src/wire/api/21-delete-records.ts'
import { errors } from '../../../src/wire/errors.ts'
import { zeroUuid } from '../../../src/wire/schema.ts'
import { encodeBatch } from '../../support/batch.ts'
import type { WireClient } from '../../support/wire-client.ts'
import { checkError, type KeptState } from './kept-state.ts'
import { Register } from './register.ts'

const deletePermille = 400
const recordsMax = 20
const earliest = -2n
const latest = -1n
const highWatermark = -1n

/** A log with appends at its end and deletions at its start. */
export class KeptLogStart implements KeptState {
  readonly #topic: string
  readonly #random: Prng
  readonly #start: Register<bigint>
  readonly #end: Register<bigint>
  readonly #mayGoBack: boolean

  /** `mayGoBack`: Kafka persists log start offsets once a minute, so a killed process may lose them. */
  constructor(topic: string, random: Prng, mayGoBack: boolean) {
    this.#topic = topic
    this.#random = random
    this.#mayGoBack = mayGoBack
    this.#start = new Register(`the start of ${topic}`, 0n)
    this.#end = new Register(`the end of ${topic}`, 0n)
  }

  get acknowledged(): number {
    return this.#start.acknowledged + this.#end.acknowledged
  }

  async change(client: WireClient): Promise<void> {
    const length = this.#end.last - this.#start.last
    if (length > 0n && chance(this.#random, deletePermille)) await this.#delete(client, Number(length))
    else await this.#write(client)
  }

  async verify(client: WireClient): Promise<void> {
    await this.#create(client)
    this.#end.found(await this.#offset(client, latest))
    const start = await this.#offset(client, earliest)
    if (!this.#mayGoBack) this.#start.found(start)
  }

  async #write(client: WireClient): Promise<void> {
    const count = 1 + below(this.#random, recordsMax)
    const before = this.#end.last
    const acknowledge = this.#end.attempt(before + BigInt(count))
    const records = encodeBatch(Array.from({ length: count }, () => ({ value: Buffer.alloc(100) })))
    const topicData = [{ name: this.#topic, topicId: zeroUuid, partitionData: [{ index: 0, records }] }]
    const { responses } = await client.call(ProduceRequest, ProduceResponse, 9, { acks: -1, timeoutMs: 30_000, topicData })
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    checkError(errorCode, `Produce to ${this.#topic}`)
    if (baseOffset !== before) throw new Error(`records of ${this.#topic} were given offset ${baseOffset} where ${before} was due`)
    acknowledge()
  }

  async #delete(client: WireClient, length: number): Promise<void> {
    const isAll = chance(this.#random, 200)
    const offset = isAll ? this.#end.last : this.#start.last + BigInt(1 + below(this.#random, length))
    const acknowledge = this.#start.attempt(offset)
    const partitions = [{ partitionIndex: 0, offset: isAll ? highWatermark : offset }]
    const asked = { topics: [{ name: this.#topic, partitions }], timeoutMs: 30_000 }
    const { topics } = await client.call(DeleteRecordsRequest, DeleteRecordsResponse, 2, asked)
    const { errorCode, lowWatermark } = topics[0]!.partitions[0]!
    checkError(errorCode, `DeleteRecords of ${this.#topic}`)
    if (lowWatermark !== offset) throw new Error(`records of ${this.#topic} were to go up to ${offset}, and went to ${lowWatermark}`)
    acknowledge()
  }

  async #offset(client: WireClient, timestamp: bigint): Promise<bigint> {
    const topics = [{ name: this.#topic, partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }] }]
    const answer = await client.call(ListOffsetsRequest, ListOffsetsResponse, 7, { replicaId: -1, topics })
    const { errorCode, offset } = answer.topics[0]!.partitions[0]!
    checkError(errorCode, `ListOffsets of ${this.#topic}`)
    return offset
  }

  async #create(client: WireClient): Promise<void> {
    const topic = { name: this.#topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    const { topics } = await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [topic] })
    checkError(topics[0]!.errorCode, `CreateTopics of ${this.#topic}`, errors.TOPIC_ALREADY_EXISTS.code)
  }
}
