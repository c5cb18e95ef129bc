import { expect, test } from 'vitest'
import { alterOperation } from '../../../../src/config/alterations.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../../src/wire/api/08-offset-commit.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/wire/api/19-create-topics.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../../../src/wire/api/32-describe-configs.ts'
import { AlterConfigsRequest, AlterConfigsResponse } from '../../../../src/wire/api/33-alter-configs.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../../src/wire/api/44-incremental-alter-configs.ts'
import { zeroUuid } from '../../../../src/wire/schema.ts'
import { type BrokerWorld, brokerWorld } from '../broker-world.ts'

const [topic, broker, metrics, group] = [2, 4, 16, 32]
type Change = readonly [name: string, operation: keyof typeof alterOperation, value?: string]

async function worldWith(name: string, configs: Record<string, string> = {}): Promise<BrokerWorld> {
  const world = await brokerWorld()
  await create(world, name, configs)
  return world
}

async function create(world: BrokerWorld, name: string, configs: Record<string, string> = {}): Promise<void> {
  const rows = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  const topics = [{ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: rows }]
  const { topics: answered } = await world.call(CreateTopicsRequest, CreateTopicsResponse, 5, { topics })
  expect(answered[0]!.errorCode).toBe(0)
}

async function alter(world: BrokerWorld, type: number, name: string, changes: readonly Change[], validateOnly = false) {
  const configs = changes.map(([key, operation, value = null]) => ({ name: key, configOperation: alterOperation[operation], value }))
  const resources = [{ resourceType: type, resourceName: name, configs }]
  const answer = await world.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, { resources, validateOnly })
  const { errorCode, errorMessage } = answer.responses[0]!
  return errorCode === 0 ? 'done' : `${errorCode} ${errorMessage}`
}

async function described(world: BrokerWorld, type: number, name: string, key: string): Promise<string | null | undefined> {
  const resources = [{ resourceType: type, resourceName: name, configurationKeys: [key] }]
  const { results } = await world.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, { resources })
  return results[0]!.configs[0]?.value
}

test('IncrementalAlterConfigs: lists grow and shrink by their items, from their default on', async () => {
  const world = await worldWith('t')
  expect(await alter(world, topic, 't', [['cleanup.policy', 'append', 'compact']])).toBe('done')
  expect(await described(world, topic, 't', 'cleanup.policy')).toBe('delete,compact')
  await alter(world, topic, 't', [['cleanup.policy', 'append', 'compact']])
  await alter(world, topic, 't', [['cleanup.policy', 'subtract', 'delete']])
  expect(await described(world, topic, 't', 'cleanup.policy')).toBe('compact')
  expect(await alter(world, topic, 't', [['retention.ms', 'append', '1']])).toMatch(/^40 Can't APPEND/)
  expect(await alter(world, topic, 't', [['cleanup.policy', 'append', '']])).toMatch(/^40 /)
})

test('IncrementalAlterConfigs: a change reaches the partitions of the topic before it is answered, and survives a restart', async () => {
  const world = await worldWith('t')
  await alter(world, topic, 't', [['max.message.bytes', 'set', '5000']])
  for (const { settings } of world.partitions.open_.values()) expect(settings.maxMessageBytes).toBe(5000)
  const again = await brokerWorld({ log: world.log })
  for (const { settings } of again.partitions.open_.values()) expect(settings.maxMessageBytes).toBe(5000)
  await alter(again, topic, 't', [['max.message.bytes', 'delete']])
  for (const { settings } of again.partitions.open_.values()) expect(settings.maxMessageBytes).toBe(1_048_588)
})

test('IncrementalAlterConfigs: a cluster-wide change reaches the topics without the config, now and after a restart', async () => {
  const world = await worldWith('t')
  await create(world, 'own', { 'max.message.bytes': '7000' })
  expect(await alter(world, broker, '', [['message.max.bytes', 'set', '6000']])).toBe('done')
  const limits = (of: BrokerWorld): number[] => [...of.partitions.open_.values()].map(({ settings }) => settings.maxMessageBytes)
  expect(limits(world)).toEqual([6000, 6000, 7000, 7000])
  expect(await alter(world, broker, '1', [['message.max.bytes', 'set', '6500']])).toBe('done')
  expect(limits(world)).toEqual([6500, 6500, 7000, 7000])
  const again = await brokerWorld({ log: world.log })
  expect(limits(again)).toEqual([6500, 6500, 7000, 7000])
  expect(again.settings['message.max.bytes']).toBe(6500)
})

test('IncrementalAlterConfigs: no limit of message sizes keeps the coordinator of groups from writing', async () => {
  const world = await worldWith('t')
  await alter(world, broker, '', [['message.max.bytes', 'set', '100']])
  await create(world, '__consumer_offsets')
  await alter(world, topic, '__consumer_offsets', [['max.message.bytes', 'set', '50']])
  const limits = [...world.partitions.open_.values()].map(({ settings }) => settings.maxMessageBytes)
  expect(limits.slice(0, 2)).toEqual([100, 100])
  expect(Math.min(...limits.slice(2))).toBeGreaterThan(1 << 20)
  const topics = [
    {
      name: 't',
      topicId: zeroUuid,
      partitions: [
        { partitionIndex: 0, committedOffset: 5n, committedMetadata: 'x'.repeat(4000), committedLeaderEpoch: -1, commitTimestamp: -1n },
      ],
    },
  ]
  const committed = await world.call(OffsetCommitRequest, OffsetCommitResponse, 8, { groupId: 'g', topics })
  expect(committed.topics[0]!.partitions[0]!.errorCode).toBe(0)
  expect(world.reported).toEqual([])
})

test('alter-configs: deleting a broker config that is not set changes nothing, for any config', async () => {
  const world = await worldWith('t')
  for (const resource of ['', '1']) {
    for (const name of ['message.max.bytes', 'num.partitions', 'listeners', 'no.such.config']) {
      expect(await alter(world, broker, resource, [[name, 'delete']])).toBe('done')
    }
  }
})

test('alter-configs: an unknown broker config is recorded, and described without its value, as it may be a secret', async () => {
  const world = await worldWith('t')
  expect(await alter(world, broker, '1', [['no.such.config', 'set', 'secret']])).toBe('done')
  expect(await alter(world, broker, '', [['another.config', 'set', '1']])).toBe('done')
  const again = await brokerWorld({ log: world.log })
  const { results } = await again.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, {
    resources: [{ resourceType: broker, resourceName: '1', configurationKeys: ['no.such.config', 'another.config'] }],
    includeSynonyms: true,
  })
  expect(
    results[0]!.configs.map(({ name, value, configSource, isSensitive, readOnly }) => [name, value, configSource, isSensitive, readOnly]),
  ).toEqual([
    ['another.config', null, 3, true, true],
    ['no.such.config', null, 2, true, true],
  ])
  expect(await alter(again, broker, '1', [['no.such.config', 'delete']])).toBe('done')
})

test('alter-configs: a batch size that exceeds the log cache is rejected when it is set', async () => {
  const world = await worldWith('t')
  const most = '33554368'
  expect(await alter(world, topic, 't', [['max.message.bytes', 'set', most]])).toBe('done')
  expect(await alter(world, broker, '', [['message.max.bytes', 'set', most]])).toBe('done')
  expect(await alter(world, topic, 't', [['max.message.bytes', 'set', '33554369']])).toMatch(
    /^40 Invalid value 33554369 .* must be at most 33554368/,
  )
  expect(await alter(world, broker, '', [['message.max.bytes', 'set', '33554369']])).toMatch(
    /^42 message.max.bytes = 33554369 must be at most/,
  )
})

test('IncrementalAlterConfigs: a request that only validates changes nothing', async () => {
  const world = await worldWith('t')
  const before = world.log.appends
  expect(await alter(world, topic, 't', [['retention.ms', 'set', '5']], true)).toBe('done')
  expect(await alter(world, topic, 't', [['retention.ms', 'set', 'x']], true)).toMatch(/^40/)
  expect([world.log.appends, await described(world, topic, 't', 'retention.ms')]).toEqual([before, '604800000'])
})

test('IncrementalAlterConfigs: a resource is changed as a whole or not at all, and others beside it', async () => {
  const world = await worldWith('t')
  const set = (name: string, value: string) => ({ name, configOperation: alterOperation.set, value })
  const resources = [
    { resourceType: topic, resourceName: 't', configs: [set('retention.ms', '5'), set('segment.ms', 'x')] },
    { resourceType: group, resourceName: 'g', configs: [set('consumer.session.timeout.ms', '50000')] },
    { resourceType: group, resourceName: 'twice', configs: [] },
    { resourceType: group, resourceName: 'twice', configs: [] },
  ]
  const { responses } = await world.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, { resources })
  expect(responses.map(({ errorCode }) => errorCode)).toEqual([40, 0, 42, 42])
  expect(await described(world, topic, 't', 'retention.ms')).toBe('604800000')
  expect(await described(world, group, 'g', 'consumer.session.timeout.ms')).toBe('50000')
})

test.each<[number, string, Change, string]>([
  [topic, 'nope', ['retention.ms', 'set', '1'], '3 '],
  [topic, 'a b', ['retention.ms', 'set', '1'], '17 '],
  [topic, '', ['retention.ms', 'set', '1'], '42 Default topic resources'],
  [topic, 't', ['nope', 'set', '1'], '40 Unknown topic config name: nope'],
  [topic, 't', ['compression.type', 'set', 'none'], '40 Invalid value none'],
  [topic, 't', ['retention.ms', 'set'], '42 Null value not supported for : retention.ms'],
  [broker, '2', ['message.max.bytes', 'set', '1'], '42 Unexpected broker id'],
  [broker, 'x', ['message.max.bytes', 'set', '1'], '42 Node id must be an integer'],
  [broker, '1', ['num.partitions', 'set', '1'], '42 Cannot update these configs dynamically'],
  [group, 'g', ['consumer.session.timeout.ms', 'set', '5'], '40 consumer.session.timeout.ms must be greater'],
  [group, 'g', ['share.auto.offset.reset', 'set', 'by_duration:P'], '40 Invalid value'],
  [group, '', ['consumer.session.timeout.ms', 'set', '50000'], '42 Default group resources'],
  [metrics, 'm', ['interval.ms', 'set', '5'], '42 Invalid value 5'],
  [metrics, 'm', ['match', 'set', 'client_id=['], '40 Illegal client matching pattern'],
  [8, '1', ['root', 'set', 'DEBUG'], '42 '],
  [99, 'x', ['a', 'set', 'b'], '42 Unknown resource type 99'],
])('IncrementalAlterConfigs: resource %i "%s" does not take %j', async (type, name, change, why) => {
  const world = await worldWith('t')
  expect(await alter(world, type, name, [change])).toMatch(new RegExp(`^${why.replaceAll(/[()]/g, '\\$&')}`))
  expect(world.reported).toEqual([])
})

test('IncrementalAlterConfigs: the older API replaces all configs', async () => {
  const world = await worldWith('t', { 'retention.ms': '5', 'segment.ms': '6' })
  const resources = [{ resourceType: topic, resourceName: 't', configs: [{ name: 'segment.ms', value: '7' }] }]
  const { responses } = await world.call(AlterConfigsRequest, AlterConfigsResponse, 2, { resources })
  expect(responses[0]!.errorCode).toBe(0)
  expect(world.image.topics.get('t')!.configs).toEqual(new Map([['segment.ms', '7']]))
})

test('IncrementalAlterConfigs: the error of a change precedes that of a missing topic', async () => {
  const world = await brokerWorld()
  expect(await alter(world, topic, 'none', [['retention.ms', 'set', 'x']])).toMatch(/^40 /)
  expect(await alter(world, topic, 'none', [['retention.ms', 'set', '1']])).toMatch(/^3 /)
})

test('IncrementalAlterConfigs: a request with one resource of an unknown type describes none', async () => {
  const world = await worldWith('t')
  const resources = [topic, 99].map((resourceType) => ({ resourceType, resourceName: 't', configurationKeys: null }))
  const { results } = await world.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, { resources })
  expect(results.map(({ errorCode, configs }) => [errorCode, configs.length])).toEqual([
    [42, 0],
    [42, 0],
  ])
})
