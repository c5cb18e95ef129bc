import { expect, test } from 'vitest'
import { brokerConfigError, brokerEntries } from '../../../src/config/broker-configs.ts'
import { noTexts } from '../../../src/config/config-entry.ts'
import { load } from '../../../src/config/load.ts'
import { NodeConfigs } from '../../../src/config/node-configs.ts'

function node(...overrides: string[]): NodeConfigs {
  const { settings, given, validationErrors } = load(undefined, overrides)
  expect(validationErrors).toEqual([])
  return new NodeConfigs(settings!, given)
}
const texts = (rows: Record<string, string>): ReadonlyMap<string, string> => new Map(Object.entries(rows))

test('node configs: a config of the node has priority over one of the cluster, and that over the file', () => {
  const configs = node('message.max.bytes=1000')
  const { settings } = configs
  configs.follow(texts({ 'message.max.bytes': '2000' }), noTexts)
  expect(settings['message.max.bytes']).toBe(2000)
  configs.follow(texts({ 'message.max.bytes': '2000' }), texts({ 'message.max.bytes': '3000' }))
  expect(settings['message.max.bytes']).toBe(3000)
  expect(configs.synonyms('message.max.bytes')).toEqual([
    { name: 'message.max.bytes', value: '3000', source: 2 },
    { name: 'message.max.bytes', value: '2000', source: 3 },
    { name: 'message.max.bytes', value: '1000', source: 4 },
    { name: 'message.max.bytes', value: '1048588', source: 5 },
  ])
  configs.follow(noTexts, noTexts)
  expect(settings['message.max.bytes']).toBe(1000)
})

test('node configs: alternatives to a name are named behind it, and not before', () => {
  const configs = node('log.retention.hours=5')
  expect(configs.synonyms('log.retention.ms')).toEqual([])
  expect(configs.source('log.retention.ms')).toBe(4)
  configs.follow(texts({ 'log.retention.ms': '9' }), noTexts)
  expect(configs.synonyms('log.retention.ms').map(({ name, source }) => `${name} ${source}`)).toEqual([
    'log.retention.ms 3',
    'log.retention.hours 4',
    'log.retention.hours 5',
  ])
  expect(configs.synonyms('log.retention.hours').map(({ source }) => source)).toEqual([4, 5])
})

test('node configs: a set that no longer fits the file has no effect, and the node starts all the same', () => {
  const configs = node('s3.wal.cache.size=8MiB')
  configs.follow(texts({ 'message.max.bytes': '50000000', 'log.retention.ms': '1' }), noTexts)
  expect(configs.settings['message.max.bytes']).toBe(1_048_588)
  expect(configs.settings['log.retention.ms']).toBeNull()
})

test('node configs: keys to the store are described without their value', () => {
  const configs = node(
    's3.data.buckets=s3://bucket?region=x&endpoint=http://127.0.0.1:1&accessKey=AKIA&secretKey=TOPSECRET',
    'my.key=TOPSECRET',
  )
  const entries = brokerEntries(configs, noTexts)
  expect(JSON.stringify(entries)).not.toMatch(/TOPSECRET|AKIA/)
  expect(entries.find(({ name }) => name === 's3.data.buckets')).toMatchObject({ isSensitive: true, value: null, source: 4 })
  expect(entries.find(({ name }) => name === 's3.wal.path')).toMatchObject({ isSensitive: true, value: null, source: 5 })
})

test('node configs: a number is its own name and its older one', () => {
  const entries = brokerEntries(node('node.id=7'), noTexts)
  for (const name of ['node.id', 'broker.id']) expect(entries.find((entry) => entry.name === name)).toMatchObject({ value: '7', source: 4 })
})

test.each([
  ['num.partitions', '3', false, /^Cannot update these configs dynamically: \[num\.partitions\]$/],
  ['s3.wal.cache.size', '3', false, /^Cannot update these configs dynamically/],
  ['listeners', 'PLAINTEXT://:1', false, /^Cannot update these configs dynamically/],
  ['sasl.kerberos.service.name', 'kafka', true, /at default cluster level/],
  ['message.max.bytes', 'x', false, /^Invalid value x for configuration message\.max\.bytes/],
  [
    'message.max.bytes',
    '33554369',
    true,
    /^message\.max\.bytes = 33554369 must be at most 33554368, a quarter of s3\.wal\.cache\.size = 134217728 less 64$/,
  ],
])('node configs: %s=%s cannot be set at run time', (name, value, isDefault, why) => {
  expect(brokerConfigError(texts({ [name]: value }), isDefault, node())?.message).toMatch(why)
})

test('node configs: alterable configs are not described as read-only, and all others are', () => {
  const configs = node()
  for (const { name, isReadOnly, value, isSensitive } of brokerEntries(configs, noTexts)) {
    if (isSensitive) continue
    const validationError = brokerConfigError(texts({ [name]: value ?? '1' }), false, configs)
    expect([name, validationError?.message.startsWith('Cannot update') ?? false]).toEqual([name, isReadOnly])
  }
})
