import { nextWord, type Prng, prng } from '../../../src/base/prng.ts'
import { type Api, apis } from '../../../src/wire/apis.ts'
import { Draft } from './draft.ts'
import { firstTopics, requestPools } from './request-pools.ts'

/** One request of a sequence, as it is sent to both brokers. */
export interface Step {
  readonly api: Api
  readonly version: number
  readonly fields: Record<string, unknown>
  /** Which member of its group sends it, where the request is a member's. */
  readonly slot: string | undefined
}

/** How often each API is called. */
const weights: Readonly<Record<string, number>> = {
  Produce: 16,
  Fetch: 14,
  ListOffsets: 8,
  Metadata: 6,
  OffsetForLeaderEpoch: 4,
  InitProducerId: 4,
  CreateTopics: 6,
  DeleteTopics: 3,
  CreatePartitions: 3,
  DeleteRecords: 3,
  DescribeTopicPartitions: 3,
  DescribeCluster: 1,
  FindCoordinator: 2,
  OffsetCommit: 7,
  OffsetFetch: 6,
  OffsetDelete: 3,
  JoinGroup: 7,
  SyncGroup: 7,
  Heartbeat: 4,
  LeaveGroup: 3,
  ListGroups: 2,
  DescribeGroups: 4,
  DeleteGroups: 2,
  ConsumerGroupDescribe: 2,
  DescribeConfigs: 5,
  IncrementalAlterConfigs: 5,
  AlterConfigs: 4,
  DescribeProducers: 4,
  DescribeLogDirs: 2,
  ElectLeaders: 2,
  ListPartitionReassignments: 2,
  AlterPartitionReassignments: 2,
  DescribeClientQuotas: 3,
  AlterClientQuotas: 3,
  DescribeUserScramCredentials: 1,
  DescribeQuorum: 1,
  UpdateFeatures: 2,
  ApiVersions: 1,
  ListConfigResources: 1,
  ListTransactions: 1,
}

const drawn: readonly Api[] = Object.entries(weights).flatMap(([name, weight]) => {
  const api = apis.find((each) => each.name === name)
  if (api === undefined) throw new Error(`no API is called ${name}`)
  return Array.from({ length: weight }, () => api)
})

export const suffixOf = (seed: number): string => `-s${seed}`

/** The sequence of a seed: the topics that the rest is about, and then anything. */
export function* randomSteps(seed: number, only?: RegExp): Generator<Step, never, void> {
  const random = prng(seed)
  yield topicsOf(seed)
  const choice = only ? drawn.filter(({ name }) => only.test(name)) : drawn
  for (;;) yield randomStep(random, choice, suffixOf(seed))
}

function randomStep(random: Prng, choice: readonly Api[], suffix: string): Step {
  const api = choice[nextWord(random) % choice.length]!
  const version = api.oldest + (nextWord(random) % (api.latestStable - api.oldest + 1))
  const draft = new Draft(random, api.name, version, suffix, requestPools)
  const fields = withoutRepeats(draft.request(api.request), namedOnce[api.name] ?? [])
  return { api, version, fields, slot: draft.drawn['slot'] as string | undefined }
}

/** Requests that name something twice, to which Millrace responds otherwise: see src/docs/compatibility.md. */
const namedOnce: Readonly<Record<string, readonly string[]>> = {
  Produce: ['topicData', 'partitionData'],
  Fetch: ['topics', 'partitions'],
  OffsetDelete: ['topics', 'partitions'],
  AlterConfigs: ['resources'],
}

type Part = Record<string, unknown>
const naming = ['partitionIndex', 'name', 'topic', 'topicId', 'partition', 'index', 'resourceType', 'resourceName']

function withoutRepeats(fields: Part, [list, ...inner]: readonly string[]): Part {
  if (list === undefined) return fields
  const keyOf = (part: Part): string => JSON.stringify(naming.map((name) => part[name]))
  const once = new Map((fields[list] as Part[]).map((part) => [keyOf(part), withoutRepeats(part, inner)]))
  return { ...fields, [list]: [...once.values()] }
}

const configsOfFirst: Readonly<Record<string, readonly { readonly name: string; readonly value: string }[]>> = {
  stamped: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
  tight: [{ name: 'max.message.bytes', value: '200' }],
}

function topicsOf(seed: number): Step {
  const topics = firstTopics.map((name) => ({
    name: `${name}${suffixOf(seed)}`,
    numPartitions: name === 'beta' ? 3 : 1,
    replicationFactor: 1,
    assignments: [],
    configs: configsOfFirst[name] ?? [],
  }))
  const api = apis.find(({ name }) => name === 'CreateTopics')!
  return { api, version: api.latest, fields: { topics, timeoutMs: 30_000, validateOnly: false }, slot: undefined }
}
