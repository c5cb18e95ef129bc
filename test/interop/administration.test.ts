import { AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse } from '../../src/wire/api/34-alter-replica-log-dirs.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from '../../src/wire/api/35-describe-log-dirs.ts'
import { ElectLeadersRequest, ElectLeadersResponse } from '../../src/wire/api/43-elect-leaders.ts'
import {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
} from '../../src/wire/api/45-alter-partition-reassignments.ts'
import {
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
} from '../../src/wire/api/46-list-partition-reassignments.ts'
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from '../../src/wire/api/48-describe-client-quotas.ts'
import { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../../src/wire/api/49-alter-client-quotas.ts'
import {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from '../../src/wire/api/50-describe-user-scram-credentials.ts'
import { DescribeQuorumRequest, DescribeQuorumResponse } from '../../src/wire/api/55-describe-quorum.ts'
import { UpdateFeaturesRequest, UpdateFeaturesResponse } from '../../src/wire/api/57-update-features.ts'
import { DescribeProducersRequest, DescribeProducersResponse } from '../../src/wire/api/61-describe-producers.ts'
import { ListTransactionsRequest, ListTransactionsResponse } from '../../src/wire/api/66-list-transactions.ts'
import { ListConfigResourcesRequest, ListConfigResourcesResponse } from '../../src/wire/api/74-list-config-resources.ts'
import type { Fields, Message, Wire } from '../../src/wire/schema.ts'
import { createTopic } from '../support/admin.ts'
import { startBroker } from '../support/broker.ts'
import { connected } from '../support/connection.ts'
import { WireClient } from '../support/wire-client.ts'
import { goldenConversation } from './golden.ts'

/** Words are each broker's own; so are epochs, offsets, times, folders and addresses. */
const ownWords =
  /^(errorMessage|logDir|totalBytes|usableBytes|leaderEpoch|highWatermark|logEndOffset|last\w+Timestamp|replicaDirectoryId|topicId)$/

/** Lists that have no order are put into one. */
function shown(value: unknown): string {
  return JSON.stringify(value, (key, part) => {
    if (ownWords.test(key) || key === 'listeners') return undefined
    if (Array.isArray(part))
      return part
        .map((item) => [item, JSON.stringify(item, plain)] as const)
        .sort(byText)
        .map(([item]) => item)
    return plain(key, part)
  })
}
const plain = (key: string, part: unknown): unknown => (ownWords.test(key) ? undefined : typeof part === 'bigint' ? `${part}n` : part)
const byText = ([, a]: readonly [unknown, string | undefined], [, b]: readonly [unknown, string | undefined]): number =>
  (a ?? '') < (b ?? '') ? -1 : 1

type SdkCall = <Q extends Fields, R extends Fields>(
  request: Message<Q>,
  response: Message<R>,
  version: number,
  fields: Partial<Wire<Message<Q>>>,
) => Promise<void>

const partitionsOf = (name: string, ...partitions: number[]) => ({ topic: name, partitions })

async function folders(call: SdkCall, client: WireClient): Promise<void> {
  await untilLogged(client)
  for (const version of [1, 3, 5])
    await call(DescribeLogDirsRequest, DescribeLogDirsResponse, version, { topics: [partitionsOf('t', 0, 1)] })
  await call(DescribeLogDirsRequest, DescribeLogDirsResponse, 4, { topics: [partitionsOf('t', 0, 9), partitionsOf('nope', 0)] })
  await call(DescribeLogDirsRequest, DescribeLogDirsResponse, 4, { topics: [] })
  const topics = [{ name: 't', partitions: [0, 9] }]
  for (const path of ['/nowhere', 'relative'])
    await call(AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, 2, { dirs: [{ path, topics }] })
}

/** Kafka answers for a partition before its log has a folder. */
async function untilLogged(client: WireClient): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const { results } = await client.call(DescribeLogDirsRequest, DescribeLogDirsResponse, 1, { topics: [partitionsOf('t', 0, 1)] })
    if (results[0]?.topics[0]?.partitions.length === 2) return
  }
  throw new Error('a partition has no log')
}

async function leaders(call: SdkCall): Promise<void> {
  const topicPartitions = [partitionsOf('t', 0, 9), partitionsOf('nope', 0)]
  for (const [version, electionType] of [
    [0, 0],
    [2, 0],
    [2, 1],
  ] as const) {
    await call(ElectLeadersRequest, ElectLeadersResponse, version, { electionType, topicPartitions: null })
    await call(ElectLeadersRequest, ElectLeadersResponse, version, { electionType, topicPartitions })
  }
  await call(ElectLeadersRequest, ElectLeadersResponse, 2, { electionType: 5, topicPartitions })
}

async function reassignments(call: SdkCall): Promise<void> {
  for (const replicas of [[1], [2], [1, 2], [1, 1], [], [-1], null]) {
    const partitions = [0, 9].map((partitionIndex) => ({ partitionIndex, replicas }))
    const topics = ['t', 'nope'].map((name) => ({ name, partitions }))
    await call(AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, 1, { topics })
  }
  await call(ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, 0, { topics: null })
  const topics = [{ name: 't', partitionIndexes: [0] }]
  await call(ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, 0, { topics })
}

async function quotas(call: SdkCall, client: WireClient): Promise<void> {
  const alter = async (
    entity: readonly (readonly [string, string | null])[],
    key: string,
    value: number,
    remove = false,
  ): Promise<void> => {
    const parts = entity.map(([entityType, entityName]) => ({ entityType, entityName }))
    const entries = [{ entity: parts, ops: [{ key, value, remove }] }]
    await call(AlterClientQuotasRequest, AlterClientQuotasResponse, 1, { entries, validateOnly: false })
  }
  const describeAll = async (marker: number): Promise<void> => {
    await untilHeard(client, marker)
    const filters: readonly (readonly (readonly [string, number, string | null])[])[] = [
      [],
      [['user', 0, 'alice']],
      [['user', 1, null]],
      [['user', 2, null]],
      [
        ['user', 2, null],
        ['client-id', 0, 'c'],
      ],
      [['ip', 2, null]],
      [['host', 2, null]],
      [
        ['user', 2, null],
        ['user', 2, null],
      ],
      [['user', 7, null]],
      [['user', 0, null]],
      [['user', 1, 'x']],
      [['', 0, 'x']],
      [
        ['ip', 2, null],
        ['user', 2, null],
      ],
    ]
    for (const strict of [false, true]) {
      for (const filter of filters) {
        const components = filter.map(([entityType, matchType, match]) => ({ entityType, matchType, match }))
        await call(DescribeClientQuotasRequest, DescribeClientQuotasResponse, 1, { components, strict })
      }
    }
  }
  await alter([['user', 'alice']], 'producer_byte_rate', 1000)
  await alter(
    [
      ['user', 'alice'],
      ['client-id', 'c'],
    ],
    'consumer_byte_rate',
    2000,
  )
  await alter([['user', null]], 'request_percentage', 55.5)
  await alter([['ip', '127.0.0.1']], 'connection_creation_rate', 30)
  for (const [entity, key, value] of [
    [[['ip', '1.2.3.4']], 'producer_byte_rate', 1],
    [[['user', 'a']], 'connection_creation_rate', 1],
    [[['user', 'a']], 'nope', 1],
    [[['host', 'a']], 'producer_byte_rate', 1],
    [[['user', '']], 'producer_byte_rate', 1],
    [[], 'producer_byte_rate', 1],
    [[['user', 'a']], 'producer_byte_rate', -1],
    [[['user', 'a']], 'producer_byte_rate', 1.5],
    [[['user', 'a']], 'producer_byte_rate', 1e300],
  ] as const) {
    await alter(entity, key, value)
  }
  await describeAll(1)
  await alter([['user', 'alice']], 'producer_byte_rate', 0, true)
  await describeAll(2)
}

/** Kafka answers before its broker has heard of a change. It hears of changes in order, so that a later one tells. */
async function untilHeard(client: WireClient, value: number): Promise<void> {
  const entity = [{ entityType: 'client-id', entityName: 'marker' }]
  const entries = [{ entity, ops: [{ key: 'producer_byte_rate', value, remove: false }] }]
  await client.call(AlterClientQuotasRequest, AlterClientQuotasResponse, 1, { entries, validateOnly: false })
  const components = [{ entityType: 'client-id', matchType: 0, match: 'marker' }]
  for (let attempt = 0; attempt < 1000; attempt++) {
    const received = await client.call(DescribeClientQuotasRequest, DescribeClientQuotasResponse, 1, { components, strict: true })
    if (received.entries?.[0]?.values[0]?.value === value) return
  }
  throw new Error('a change was not applied')
}
async function theRest(call: SdkCall): Promise<void> {
  for (const version of [0, 1, 2]) {
    for (const [topicName, partitionIndex] of [
      ['__cluster_metadata', 0],
      ['__cluster_metadata', 1],
      ['t', 0],
    ] as const) {
      await call(DescribeQuorumRequest, DescribeQuorumResponse, version, { topics: [{ topicName, partitions: [{ partitionIndex }] }] })
    }
  }
  for (const users of [null, [{ name: 'a' }, { name: 'a' }, { name: 'b' }], [{ name: '' }]]) {
    await call(DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, 0, { users })
  }
  for (const transactionalIdPattern of [null, 'a.*', '[']) {
    await call(ListTransactionsRequest, ListTransactionsResponse, 2, { stateFilters: ['Ongoing', 'Lost'], transactionalIdPattern })
  }
  const topics = [
    { name: 't', partitionIndexes: [0, 9] },
    { name: 'nope', partitionIndexes: [0] },
    { name: 'a b', partitionIndexes: [0] },
  ]
  await call(DescribeProducersRequest, DescribeProducersResponse, 0, { topics })
  for (const [feature, maxVersionLevel, upgradeType] of [
    ['metadata.version', 30, 1],
    ['metadata.version', 30, 9],
    ['metadata.version', 31, 1],
    ['metadata.version', 29, 1],
    ['metadata.version', 29, 2],
    ['metadata.version', 0, 3],
    ['nope', 1, 1],
    ['nope', 0, 1],
  ] as const) {
    for (const version of [1, 2]) {
      const featureUpdates = [{ feature, maxVersionLevel, allowDowngrade: false, upgradeType }]
      await call(UpdateFeaturesRequest, UpdateFeaturesResponse, version, { featureUpdates, validateOnly: true })
    }
  }
  for (const resourceTypes of [[2], [4], [8], [16], [32], [4, 8], [99], [2, 1]]) {
    await call(ListConfigResourcesRequest, ListConfigResourcesResponse, 1, { resourceTypes })
  }
}

async function conversation(port: number, about: (call: SdkCall, client: WireClient) => Promise<void>): Promise<string[]> {
  const client = await WireClient.open(port)
  const lines: string[] = []
  try {
    await about(async (request, response, version, fields) => {
      const answer = await client.call(request, response, version, fields)
      lines.push(`${request.name} v${version} ${JSON.stringify(fields)}: ${shown(answer)}`)
    }, client)
  } finally {
    client.close()
  }
  return lines
}

const subjects = {
  'log-directories': folders,
  'leader-elections': leaders,
  reassignments,
  'client-quotas': quotas,
  'other-administration': theRest,
} as const

for (const [name, about] of Object.entries(subjects)) {
  goldenConversation(name, async (kind) => {
    const broker = await startBroker({ kind })
    try {
      await connected(broker.port, (connection) => createTopic(connection, 't', 2))
      return await conversation(broker.port, about)
    } finally {
      await broker.remove()
    }
  })
}
