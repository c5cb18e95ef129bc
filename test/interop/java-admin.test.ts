import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../support/broker.ts'
import { javaArguments, kafkaMissing } from '../support/kafka.ts'
import { long } from '../support/long.ts'
import { run } from './client.ts'
import { javaTool } from './java-client.ts'

const limitMs = 180_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: administration with Kafka's Java tools, ${missing}`)

describe.runIf(missing === null)('Java tools: administration', () => {
  let broker: Broker
  const args = (line: string): string[] => line.split(' ')
  const tool = async (name: string, line: string): Promise<string> =>
    (await javaTool(name, ['--bootstrap-server', broker.address, ...args(line)])).toString()
  const configs = async (line: string): Promise<string> => {
    const command = [...javaArguments('kafka.admin.ConfigCommand'), '--bootstrap-server', broker.address, ...args(line)]
    return (await run('java', command)).toString()
  }
  const file = (name: string, content: object): string => {
    const path = join(broker.folder, name)
    writeFileSync(path, JSON.stringify(content))
    return path
  }

  beforeAll(async () => {
    broker = await startBroker()
    await tool('TopicCommand', '--create --topic t --partitions 3 --replication-factor 1 --config retention.ms=100000')
  }, limitMs)

  afterAll(() => broker?.remove())

  test('TopicCommand describes a topic with its configs', long(limitMs), async () => {
    const described = await tool('TopicCommand', '--describe --topic t')
    expect(described).toMatch(/^Topic: t\tTopicId: \S{22}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: .*retention\.ms=100000/m)
    expect(described).toMatch(/Topic: t\tPartition: 2\tLeader: 1\tReplicas: 1\tIsr: 1/)
    expect(await tool('TopicCommand', '--describe --topics-with-overrides')).toMatch(/^Topic: t\t/m)
    expect((await tool('TopicCommand', '--describe --under-replicated-partitions')).trim()).toBe('')
  })

  test('ConfigCommand alters and describes a topic', long(limitMs), async () => {
    const changed = '--add-config max.message.bytes=2000,cleanup.policy=[compact,delete] --delete-config retention.ms'
    expect(await configs(`--alter --entity-type topics --entity-name t ${changed}`)).toContain('Completed updating config for topic t.')
    const described = await configs('--describe --entity-type topics --entity-name t')
    expect(described).toMatch(
      /cleanup\.policy=compact,delete sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:cleanup\.policy=compact,delete, /,
    )
    expect(described).toMatch(/max\.message\.bytes=2000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:max\.message\.bytes=2000, /)
    expect(described).not.toContain('retention.ms=100000')
    expect(await configs('--describe --all --entity-type topics --entity-name t')).toContain('  segment.bytes=1073741824 sensitive=false')
    await expect(configs('--alter --entity-type topics --entity-name t --add-config retention.ms=x')).rejects.toThrow(/Invalid value x/)
    await configs('--alter --entity-type topics --entity-name t --delete-config cleanup.policy,max.message.bytes')
  })

  test('ConfigCommand alters and describes a broker and the cluster, and no setting that is read-only', long(limitMs), async () => {
    const cluster = '--entity-type brokers --entity-default'
    expect(await configs(`--alter ${cluster} --add-config message.max.bytes=1500000`)).toMatch(
      /Completed updating default config for brokers/,
    )
    await configs('--alter --entity-type brokers --entity-name 1 --add-config log.retention.bytes=123456789')
    expect(await configs(`--describe ${cluster}`)).toContain(
      '  message.max.bytes=1500000 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:',
    )
    const described = await configs('--describe --entity-type brokers --entity-name 1')
    expect(described).toMatch(
      /log\.retention\.bytes=123456789 .*DYNAMIC_BROKER_CONFIG:log\.retention\.bytes=123456789, DEFAULT_CONFIG:.*=-1/,
    )
    await expect(configs('--alter --entity-type brokers --entity-name 1 --add-config num.partitions=9')).rejects.toThrow(
      /Cannot update these configs dynamically: \[num\.partitions\]/,
    )
    await configs(`--alter ${cluster} --delete-config message.max.bytes`)
    expect(await configs(`--describe ${cluster}`)).not.toContain('message.max.bytes')
  })

  test('ConfigCommand keeps quotas of users, clients and addresses', long(limitMs), async () => {
    await configs('--alter --entity-type users --entity-name alice --add-config producer_byte_rate=1024')
    await configs('--alter --entity-type clients --entity-default --add-config consumer_byte_rate=2048')
    await configs('--alter --entity-type ips --entity-name 127.0.0.1 --add-config connection_creation_rate=20')
    expect(await configs('--describe --entity-type users')).toContain(
      "Quota configs for user-principal 'alice' are producer_byte_rate=1024.0",
    )
    expect(await configs('--describe --entity-type clients')).toContain(
      'Quota configs for the default client-id are consumer_byte_rate=2048.0',
    )
    expect(await configs('--describe --entity-type ips')).toContain("Quota configs for ip '127.0.0.1' are connection_creation_rate=20.0")
  })

  test('ConfigCommand and ClientMetricsCommand keep configs of groups and of client metrics', long(limitMs), async () => {
    await configs('--alter --entity-type groups --entity-name g --add-config consumer.session.timeout.ms=50000')
    expect(await configs('--describe --entity-type groups --entity-name g')).toContain(
      '  consumer.session.timeout.ms=50000 sensitive=false',
    )
    await tool('ClientMetricsCommand', '--alter --name m --metrics org.apache.kafka.consumer. --interval 60000')
    expect((await tool('ClientMetricsCommand', '--list')).trim()).toBe('m')
    expect(await tool('ClientMetricsCommand', '--describe --name m')).toContain('interval.ms=60000')
  })

  test('ProducerPerformance, LogDirsCommand, DeleteRecordsCommand and GetOffsetShell agree on what is there', long(limitMs), async () => {
    await tool('ProducerPerformance', '--topic t --num-records 3000 --record-size 1000 --throughput -1')
    const dirs = await tool('LogDirsCommand', '--describe --topic-list t')
    const { brokers } = JSON.parse(dirs.split('\n').find((line) => line.startsWith('{'))!) as {
      brokers: { broker: number; logDirs: { partitions: { partition: string; size: number }[] }[] }[]
    }
    const { partitions } = brokers[0]!.logDirs[0]!
    expect(partitions.map(({ partition }) => partition).sort()).toEqual(['t-0', 't-1', 't-2'])
    const bytes = partitions.reduce((sum, { size }) => sum + size, 0)
    expect(bytes).toBeGreaterThan(3_000_000)
    expect(bytes).toBeLessThan(3_500_000)
    const ends = (await tool('GetOffsetShell', '--topic t')).trim().split('\n')
    const end = Number(ends[0]!.split(':')[2])
    const offsets = file('delete.json', { version: 1, partitions: [{ topic: 't', partition: 0, offset: end - 1 }] })
    expect(await tool('DeleteRecordsCommand', `--offset-json-file ${offsets}`)).toContain(`partition: t-0\tlow_watermark: ${end - 1}`)
    expect((await tool('GetOffsetShell', '--topic t --time -2')).trim().split('\n')[0]).toBe(`t:0:${end - 1}`)
    const active = await tool('TransactionsCommand', 'describe-producers --topic t --partition 0')
    expect(active).toMatch(/^ProducerId\tProducerEpoch\t/)
    expect(active).toMatch(/^\d+\s+0\s+-1\s+\d+\s+\d+\s+None/m)
  })

  test('LeaderElectionCommand finds nothing to elect', long(limitMs), async () => {
    await tool('LeaderElectionCommand', '--election-type PREFERRED --all-topic-partitions')
    const one = await tool('LeaderElectionCommand', '--election-type PREFERRED --topic t --partition 0')
    expect(one).toContain('Valid replica already elected for partitions t-0')
  })

  test(
    'ReassignPartitionsCommand moves partitions to where they are, with a throttle and without, and reports the end',
    long(limitMs),
    async () => {
      const topics = file('topics.json', { version: 1, topics: [{ topic: 't' }] })
      const plan = await tool('reassign.ReassignPartitionsCommand', `--topics-to-move-json-file ${topics} --broker-list 1 --generate`)
      expect(plan).toContain('Proposed partition reassignment configuration')
      const moves = file('moves.json', { version: 1, partitions: [{ topic: 't', partition: 0, replicas: [1] }] })
      const json = `--reassignment-json-file ${moves}`
      expect(await tool('reassign.ReassignPartitionsCommand', `${json} --execute`)).toContain(
        'Successfully started partition reassignment for t-0',
      )
      const throttled = await tool('reassign.ReassignPartitionsCommand', `${json} --execute --throttle 1000000`)
      expect(throttled).toContain('The inter-broker throttle limit was set to 1000000 B/s')
      const verified = await tool('reassign.ReassignPartitionsCommand', `${json} --verify`)
      expect(verified).toContain('Reassignment of partition t-0 is completed.')
      expect(verified).toContain('Clearing topic-level throttles on topic t')
      expect(await tool('reassign.ReassignPartitionsCommand', '--list')).toContain('No partition reassignments found.')
    },
  )

  test('ClusterTool, MetadataQuorumCommand, FeatureCommand and TransactionsCommand describe the cluster', long(limitMs), async () => {
    const id = await javaTool('ClusterTool', ['cluster-id', '--bootstrap-server', broker.address])
    const clusterId = /^Cluster ID: (\S{22})$/m.exec(id.toString())?.[1]
    expect(clusterId).toBeDefined()
    const status = await tool('MetadataQuorumCommand', 'describe --status')
    expect(status).toMatch(new RegExp(`^ClusterId: +${clusterId}\nLeaderId: +1$`, 'm'))
    expect(status).toMatch(/^CurrentVoters: +\[\{"id": 1/m)
    const replicas = await tool('MetadataQuorumCommand', 'describe --replication')
    expect(replicas).toMatch(/^1\s+\S{22}\s+\d+\s+0\s+\d+\s+\d+\s+Leader/m)
    const features = await tool('FeatureCommand', 'describe')
    expect(features).toMatch(/^Feature: metadata\.version .*FinalizedVersionLevel: 4\.3-IV0/m)
    const upgrade = await tool('FeatureCommand', 'upgrade --feature metadata.version=30')
    expect(upgrade).toContain('metadata.version was upgraded to 30.')
    const transactions = await tool('TransactionsCommand', 'list')
    expect(transactions.trim().split('\n')).toHaveLength(1)
  })
})
