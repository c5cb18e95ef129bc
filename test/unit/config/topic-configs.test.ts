import { expect, test } from 'vitest'
import { load } from '../../../src/config/load.ts'
import { NodeConfigs } from '../../../src/config/node-configs.ts'
import { effectiveTopicConfigs, partitionSettings, topicConfigError } from '../../../src/config/topic-configs.ts'

const { settings, given } = load(undefined, ['message.max.bytes=2000000', 'log.cleanup.policy=compact'])
const node = new NodeConfigs(settings!, given)
const configs = (rows: Record<string, string>): Map<string, string> => new Map(Object.entries(rows))

test('topic configs: the node supplies configs that a topic leaves out', () => {
  expect(partitionSettings(configs({}), node.settings)).toEqual({
    maxMessageBytes: 2_000_000,
    timestampType: 'CreateTime',
    timestampBeforeMaxMs: 2n ** 63n - 1n,
    timestampAfterMaxMs: 3_600_000n,
    compacted: true,
    packing: undefined,
  })
  const own = configs({ 'cleanup.policy': 'delete', 'message.timestamp.type': 'LogAppendTime', 'max.message.bytes': ' 100 ' })
  expect(partitionSettings(own, node.settings)).toMatchObject({ compacted: false, timestampType: 'LogAppendTime', maxMessageBytes: 100 })
})

test.each([
  [{}, undefined],
  [{ 'compression.type': 'uncompressed' }, { codec: 'none', level: 0 }],
  [{ 'compression.type': 'snappy' }, { codec: 'snappy', level: 0 }],
  [{ 'compression.type': 'gzip' }, { codec: 'gzip', level: 2 }],
  [
    { 'compression.type': 'gzip', 'compression.gzip.level': '9' },
    { codec: 'gzip', level: 9 },
  ],
  [
    { 'compression.type': 'lz4', 'compression.zstd.level': '9' },
    { codec: 'lz4', level: 9 },
  ],
  [
    { 'compression.type': 'zstd', 'compression.zstd.level': '-5' },
    { codec: 'zstd', level: -5 },
  ],
])('topic configs: with %j, batches are packed with %j', (own, packing) => {
  const leveled = load(undefined, ['compression.gzip.level=2']).settings!
  expect(partitionSettings(configs(own), leveled).packing).toEqual(packing)
  const everywhere = load(
    undefined,
    Object.entries(own).map((row) => row.join('=')),
  ).settings!
  if (packing?.level !== 2) expect(partitionSettings(configs({}), everywhere).packing).toEqual(packing)
})

test('topic configs: every config is listed with its source', () => {
  const listed = effectiveTopicConfigs(configs({ 'retention.ms': '-1' }), node)
  expect(listed).toHaveLength(33)
  const of = (name: string): unknown => listed.find((config) => config.name === name)
  expect(of('retention.ms')).toEqual({ name: 'retention.ms', value: '-1', source: 1 })
  expect(of('max.message.bytes')).toEqual({ name: 'max.message.bytes', value: '2000000', source: 4 })
  expect(of('cleanup.policy')).toEqual({ name: 'cleanup.policy', value: 'compact', source: 4 })
  expect(of('segment.bytes')).toEqual({ name: 'segment.bytes', value: '1073741824', source: 5 })
})

test.each([
  [{ 'retention.msec': '1' }, 'Unknown topic config name: retention.msec'],
  [{ 'retention.ms': '-2' }, 'Invalid value -2 for configuration retention.ms: must be at least -1'],
  [{ 'cleanup.policy': 'shred' }, 'Invalid value shred for configuration cleanup.policy: must be a list of compact, delete'],
  [{ 'compression.gzip.level': '0' }, 'Invalid value 0 for configuration compression.gzip.level: must be at least 1, or -1'],
  [{ 'remote.storage.enable': 'true' }, 'Invalid value true for configuration remote.storage.enable: There is no second tier'],
  [
    { 'max.message.bytes': '41943040' },
    'Invalid value 41943040 for configuration max.message.bytes: must be at most 33554368, a quarter of s3.wal.cache.size = 134217728 less 64',
  ],
  [{ 'min.compaction.lag.ms': '9', 'max.compaction.lag.ms': '8' }, 'min.compaction.lag.ms (9) must not be above max.compaction.lag.ms (8)'],
])('topic configs: %j is rejected', (rows, why) => {
  expect(topicConfigError(configs(rows), load(undefined, []).settings!)).toMatch(new RegExp(`^${why.replaceAll(/[()]/g, '\\$&')}`))
})

test('topic configs: configs of Kafka that are only recorded are taken as they are', () => {
  const rows = {
    'cleanup.policy': 'compact,delete',
    'segment.bytes': '2000000',
    'min.insync.replicas': '2',
    'compression.gzip.level': '-1',
  }
  expect(topicConfigError(configs(rows), load(undefined, []).settings!)).toBeUndefined()
})
