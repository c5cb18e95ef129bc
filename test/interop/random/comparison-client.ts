import { setTimeout as pause } from 'node:timers/promises'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../src/wire/api/02-list-offsets.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/wire/api/03-metadata.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../../src/wire/api/18-api-versions.ts'
import type { Fields, Message, Wire } from '../../../src/wire/schema.ts'
import { ConnectionEnded, WireClient } from '../../support/wire-client.ts'
import { BrokerView } from './broker-view.ts'
import { resolved } from './draft.ts'
import { likeness } from './likeness.ts'
import type { Step } from './random-request.ts'

type Answer = Record<string, unknown>

/** A request that a group has not answered yet, since it waits for its other members. */
interface Pending {
  readonly step: Step
  readonly client: WireClient
  answer: unknown
}

export const waits = 'WAITS'
const silenceMs = 10_000

/** Sends the steps of one seed to one broker. */
export class ComparisonClient {
  readonly view: BrokerView
  #client: WireClient | undefined
  #pending: Pending[] = []

  constructor(port: number, suffix: string) {
    this.view = new BrokerView(port, suffix)
  }

  close(): void {
    this.#client?.close()
    for (const { client } of this.#pending) client.close()
  }

  /** Whether the member of the step is still waiting for its last answer. */
  isWaiting({ fields, slot }: Step): boolean {
    return slot !== undefined && this.#pending.some(({ step }) => step.slot === slot && step.fields['groupId'] === fields['groupId'])
  }

  get isAnyWaiting(): boolean {
    return this.#pending.length > 0
  }

  async send(step: Step): Promise<unknown> {
    const fields = resolved(step.fields, this.view) as Partial<Wire<Message>>
    if (mayWait.has(step.api.name)) return this.#sendFirst(step, fields)
    const client = await this.#open()
    if (step.api.name === 'Produce' && step.fields['acks'] === 0) {
      client.send(step.api.request, step.version, fields)
      return this.#call(client, ApiVersionsRequest, ApiVersionsResponse, 0, {}).then((answer) =>
        typeof answer === 'string' ? answer : 'open',
      )
    }
    const answer = await this.#call(client, step.api.request, step.api.response, step.version, fields)
    return this.#received(step, answer)
  }

  /** Requests that had to wait and whose responses have arrived, by API, group and member. */
  get arrived(): string[] {
    return this.#pending.filter(({ answer }) => answer !== undefined).map(({ step }) => memberOf(step))
  }

  /** The responses that have arrived by now for requests that had to wait, or those of some members. */
  take(members?: readonly string[]): string[] {
    const isTaken = ({ step, answer }: Pending): boolean =>
      answer !== undefined && (members === undefined || members.includes(memberOf(step)))
    const taken = this.#pending.filter(isTaken)
    this.#pending = this.#pending.filter((pending) => !isTaken(pending))
    for (const { client } of taken) client.close()
    return taken.map(({ step, answer }) => `${memberOf(step)}: ${JSON.stringify(this.#received(step, answer))}`).sort()
  }

  async #open(): Promise<WireClient> {
    if (this.#client === undefined || this.#client.isClosed) this.#client = await WireClient.open(this.view.port)
    return this.#client
  }

  async #sendFirst(step: Step, fields: Partial<Wire<Message>>): Promise<unknown> {
    const client = await WireClient.open(this.view.port)
    const pending: Pending = { step, client, answer: undefined }
    this.#pending.push(pending)
    void this.#call(client, step.api.request, step.api.response, step.version, fields, 3_600_000).then((answer) => {
      pending.answer = answer
    })
    return waits
  }

  async #call<Q extends Fields, R extends Fields>(
    client: WireClient,
    request: Message<Q>,
    response: Message<R>,
    version: number,
    fields: Partial<Wire<Message<Q>>>,
    limitMs = silenceMs,
  ): Promise<Answer | string> {
    const silence = new AbortController()
    const late = pause(limitMs, 'SILENT', { signal: silence.signal, ref: false }).catch(() => 'SILENT')
    const answer = client.call(request, response, version, fields).catch((error: Error) => {
      if (!(error instanceof ConnectionEnded)) throw error
      return 'CLOSED'
    })
    const first = await Promise.race([answer, late])
    silence.abort()
    if (first === 'SILENT') client.close()
    return first as Answer | string
  }

  #received(step: Step, answer: unknown): unknown {
    if (typeof answer === 'string') return answer
    this.#learn(step, answer as Answer)
    return likeness(this.view, step.api.name, answer)
  }

  #learn({ api, fields, slot }: Step, answer: Answer): void {
    if (api.name === 'InitProducerId' && answer['errorCode'] === 0) this.view.sawProducer(answer['producerId'] as bigint)
    if (api.name === 'Fetch' && (answer['sessionId'] as number) > 0) this.view.session = answer['sessionId'] as number
    if (api.name === 'CreateTopics')
      for (const { name, topicId } of answer['topics'] as { name: string; topicId: string }[]) this.view.sawTopic(name, topicId)
    if (api.name !== 'JoinGroup') return
    const group = fields['groupId'] as string
    if (answer['memberId'] !== '' && slot !== undefined) this.view.sawMember(group, slot, answer['memberId'] as string)
    if (answer['errorCode'] === 0) this.view.sawGeneration(group, answer['generationId'] as number)
  }

  /** The topics there are and their partitions, once all of them answer; their ids are remembered. */
  async topics(): Promise<unknown> {
    const client = await this.#open()
    const { topics } = await client.call(MetadataRequest, MetadataResponse, 12, { topics: null })
    for (const { name, topicId } of topics) this.view.sawTopic(name!, topicId)
    const asked = topics.map(({ name, partitions }) => ({
      name: name!,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp: -1n })),
    }))
    const { topics: led } = await client.call(ListOffsetsRequest, ListOffsetsResponse, 5, { replicaId: -1, topics: asked })
    const errors = led.flatMap((topic) => topic.partitions.map(({ errorCode }) => errorCode)).filter((code) => code !== 0)
    return [likeness(this.view, 'Metadata', topics), errors]
  }
}

const memberOf = ({ api, fields, slot }: Step): string => `${api.name} ${fields['groupId']} ${slot}`

const mayWait = new Set(['JoinGroup', 'SyncGroup'])
