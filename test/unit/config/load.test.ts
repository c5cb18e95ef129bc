import { expect, test } from 'vitest'
import { kafkaBrokerKeys } from '../../../src/config/kafka-broker-keys.ts'
import { kindOf } from '../../../src/config/kafka-keys.ts'
import { kafkaTopicKeys } from '../../../src/config/kafka-topic-keys.ts'
import { InvalidValue } from '../../../src/config/kind.ts'
import { load } from '../../../src/config/load.ts'
import type { Settings } from '../../../src/config/settings.ts'

const loaded = (content: string, overrides: string[] = [], name = 'server.properties') => load({ name, content }, overrides)
const errorsOf = (content: string): readonly string[] => loaded(content).validationErrors
function settingsOf(content: string, overrides: string[] = [], name?: string): Settings {
  const { settings, validationErrors } = loaded(content, overrides, name)
  expect(validationErrors).toEqual([])
  return settings!
}

test('config load: the defaults cause no errors and no warnings', () => {
  const { settings, validationErrors, warnings } = load(undefined, [])
  expect([validationErrors, warnings]).toEqual([[], []])
  expect(settings).toMatchObject({
    'node.id': 1,
    listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092 }],
    'log.dirs': ['./.millrace'],
    'log.message.timestamp.after.max.ms': 3_600_000n,
    'producer.id.expiration.ms': 86_400_000,
    's3.wal.path': { scheme: 'file', path: null, capacityBytes: 2 ** 31, isCapacityGiven: true },
    's3.wal.cache.size': 2 ** 27,
  })
})

test('config load: every default of Kafka is valid by its own row', () => {
  for (const row of [...kafkaBrokerKeys, ...kafkaTopicKeys]) {
    const [name, , text] = row
    if (text === null || (row[3] === 'nonempty' && text === '')) continue
    expect(kindOf(row).read(text), name).not.toBeInstanceOf(InvalidValue)
  }
})

test('config load: a wrong value is rejected with its key, value, line and what is allowed, and all of them at once', () => {
  const content = '# sizes\nnum.partitions = 0\nlisteners=PLAINTEXT:9092\nqueued.max.requests: many\n'
  expect(errorsOf(content)).toEqual([
    'queued.max.requests = many (server.properties line 4): must be a whole number',
    'listeners = PLAINTEXT:9092 (server.properties line 3): must be a list of NAME://HOST:PORT, not PLAINTEXT:9092',
    'num.partitions = 0 (server.properties line 2): must be at least 1',
  ])
})

test('config load: an unknown key and one without effect are only warnings', () => {
  const { validationErrors, warnings } = loaded('num.partitoins=4\nnum.io.threads=8\n')
  expect(validationErrors).toEqual([])
  expect(warnings).toEqual([
    'num.partitoins (server.properties line 1) is a key of neither Kafka nor Millrace',
    'num.io.threads (server.properties line 2) has no effect yet',
  ])
})

test('config load: an override has priority over the file, and the last of two lines over the first', () => {
  expect(settingsOf('num.partitions=2\nnum.partitions=3\n')['num.partitions']).toBe(3)
  expect(settingsOf('num.partitions=2\n', ['num.partitions=5'])['num.partitions']).toBe(5)
  expect(load(undefined, ['num.partitions']).validationErrors).toEqual(['--override num.partitions: must be KEY=VALUE'])
})

test('config load: the older names of Kafka apply where the newer are not set', () => {
  expect(settingsOf('broker.id=7\nlog.dir=/data\n')).toMatchObject({ 'node.id': 7, 'log.dirs': ['/data'] })
  expect(settingsOf('broker.id=7\nnode.id=8\n')['node.id']).toBe(8)
})

test('config load: protocols other than PLAINTEXT are rejected, under any listener name', () => {
  const content = 'listeners=INSIDE://127.0.0.1:1,OUTSIDE://127.0.0.1:2\nlistener.security.protocol.map=INSIDE:PLAINTEXT,OUTSIDE:SASL_SSL\n'
  expect(errorsOf(content)).toEqual(['listeners: OUTSIDE uses SASL_SSL, which is not supported: only PLAINTEXT is'])
  expect(errorsOf('listeners=SSL://127.0.0.1:1\n')).toEqual(['listeners: SSL uses SSL, which is not supported: only PLAINTEXT is'])
})

test('config load: listeners must fit each other', () => {
  expect(errorsOf('listeners=A://h:1\n')).toEqual(['listeners: A must have a protocol in listener.security.protocol.map'])
  expect(errorsOf('advertised.listeners=B://h:1\n')).toEqual(['advertised.listeners must name listeners: B is none'])
  expect(errorsOf('advertised.listeners=PLAINTEXT://0.0.0.0:1\n')).toEqual([
    'advertised.listeners: PLAINTEXT must have a host that clients can dial',
  ])
  expect(errorsOf('inter.broker.listener.name=X\n')).toEqual(['inter.broker.listener.name must name a listener: X is none'])
  expect(errorsOf('listeners=PLAINTEXT://a:1,plaintext://b:2\n')).toHaveLength(1)
})

test('config load: a combined node of Kafka starts, with a warning that its controller has no listener', () => {
  const content = `process.roles=broker,controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093`
  const { validationErrors, warnings } = loaded(content)
  expect([validationErrors, warnings]).toEqual([
    [],
    ['listeners: CONTROLLER is not opened: the controller is embedded and has no listener yet'],
  ])
})

test.each([
  ['process.roles=broker', 'nodes with one role are not supported'],
  ['authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'authorization is not supported'],
  ['compression.type=brotli', 'uncompressed'],
  ['log.dirs=/a,/b', 'must be one directory'],
  ['cluster.id=short', '22 base64url characters'],
  ['s3.wal.path=mem://log', 'a write-ahead log on mem:// is not supported'],
  ['s3.wal.path=s3://bucket?batchInterval=60001', 'valid batchInterval'],
  ['s3.wal.path=s3://bucket?conditionalPut=false', 'conditional puts'],
  ['s3.wal.path=s3://bucket?capacity=1GiB', 'has capacity'],
  ['s3.wal.path=file:///wal?capacity=1KiB', 'from 8MiB'],
  ['s3.wal.path=file:///wal?depth=8', 'no parameter but capacity'],
  ['s3.wal.path=file:///wal?capacity=64MiB', 'capacity of at least s3.wal.cache.size'],
  ['queued.max.requests.size.bytes=200MiB', 'queued.max.requests.size.bytes = 209715200 must be a power of two'],
  ['queued.max.requests.size.bytes=64MiB', 'socket.request.max.bytes = 104857600 must be from 1 to 67108860'],
  ['socket.request.max.bytes=134217725', 'socket.request.max.bytes = 134217725 must be from 1 to 134217724'],
  ['metrics.listener=https://localhost:1', 'must be http://HOST:PORT'],
  ['auto.create.topics.enable=yes', 'must be true or false'],
  ['log.level=loud', 'must be one of fatal, error'],
  ['group.version=0', 'must be 1'],
  ['s3.wal.cache.size=64MB', 'must divide the capacity of s3.wal.path'],
  ['metrics.listener=http://127.0.0.1:9092', 'metrics.listener: port 9092 is also used by listener PLAINTEXT'],
  ['message.max.bytes=33554369', 'must be at most 33554368'],
])('config load: %s is rejected', (line, why) => {
  expect(errorsOf(line)).toEqual([expect.stringContaining(why)])
})

test('config load: sizes have units and URIs have paths', () => {
  const settings = settingsOf('s3.wal.path=0@file:///var/wal?capacity=1GiB\ns3.wal.cache.size=64MiB\nmetrics.listener=\n')
  expect(settings['s3.wal.path']).toEqual({ scheme: 'file', path: '/var/wal', capacityBytes: 2 ** 30, isCapacityGiven: true })
  expect([settings['s3.wal.cache.size'], settings['metrics.listener']]).toEqual([2 ** 26, null])
})

const cluster = 'AAAAAAAAAAAAAAAAAAAAAA'
test('config load: a log on a bucket has the parameters of AutoMQ, and needs a cluster and a store for data', () => {
  const uri = 's3.wal.path=0@s3://bucket?region=r&batchInterval=100&maxBytesInBatch=4MiB'
  const { validationErrors } = loaded(uri)
  expect(validationErrors).toEqual([
    expect.stringMatching(/^cluster.id must be given/),
    expect.stringMatching(/^s3.data.buckets must be given/),
  ])
  const wal = settingsOf(`${uri}\ncluster.id=${cluster}\ns3.data.buckets=s3://bucket\n`)['s3.wal.path']
  expect(wal).toMatchObject({ scheme: 's3', batchIntervalMs: 100, batchBytesMax: 2 ** 22, unflushedBytesMax: 2 ** 30, uploadsMax: 50 })
  expect(errorsOf(`${uri}&maxBytesInBatch=64MiB`)).toEqual([expect.stringContaining('must have one maxBytesInBatch')])
  const large = `s3.wal.path=s3://bucket?maxBytesInBatch=64MiB\ns3.wal.cache.size=64MiB\ncluster.id=${cluster}\ns3.data.buckets=s3://bucket\n`
  expect(errorsOf(large)).toEqual([expect.stringContaining('at most half of s3.wal.cache.size')])
})

test('config load: an open listener causes a warning', () => {
  expect(loaded('listeners=PLAINTEXT://:9092').warnings).toEqual([
    'listeners: PLAINTEXT uses PLAINTEXT on an address that is not loopback: every client that can connect has full access',
  ])
})

test('config load: TOML has the same keys, as tables or with dots, and its lines are found', () => {
  const content = `listeners = ["A://127.0.0.1:1", "B://127.0.0.1:2"]
node.id = 3
[listener.security.protocol]
map = "A:PLAINTEXT,B:PLAINTEXT"
[num]
partitions = 4
`
  const settings = settingsOf(content, [], 'server.toml')
  expect([settings['node.id'], settings['num.partitions'], settings.listeners.length]).toEqual([3, 4, 2])
  expect(loaded('[num]\n\npartitions = 0\n', [], 'a.toml').validationErrors).toEqual([
    'num.partitions = 0 (a.toml line 3): must be at least 1',
  ])
  expect(loaded('[num\n', [], 'a.toml').validationErrors).toEqual([expect.stringMatching(/^a\.toml: /)])
})

test('config load: a key for one listener is a key of Kafka', () => {
  const { validationErrors, warnings } = loaded(
    'listener.name.inside.scram-sha-256.sasl.jaas.config=x\nlistener.name.inside.max.connections=-1\n',
  )
  expect(warnings).toEqual(['listener.name.inside.scram-sha-256.sasl.jaas.config (server.properties line 1) has no effect yet'])
  expect(validationErrors).toEqual(['listener.name.inside.max.connections = -1 (server.properties line 2): must be at least 0'])
})

test('config load: an error does not contain secrets', () => {
  const [validationError] = errorsOf('s3.wal.path=s3://bucket?accessKey=AKIA&secretKey=hunter2&region=x&odd=1')
  expect(validationError).toContain('s3://bucket?accessKey=***&secretKey=***&region=x')
})
