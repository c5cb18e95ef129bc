import { CreateTopicsRequest, CreateTopicsResponse } from '../../src/wire/api/19-create-topics.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../src/wire/api/32-describe-configs.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../src/wire/api/44-incremental-alter-configs.ts'
import { startBroker } from '../support/broker.ts'
import { WireClient } from '../support/wire-client.ts'
import { goldenConversation } from './golden.ts'

const [topic, broker, metrics, group] = [2, 4, 16, 32]
const settings = { 'log.retention.hours': '30', 'log.roll.hours': '7', 'message.max.bytes': '900000', 'num.partitions': '2' }

/**
 * Set by the tests' own support, or where the defaults differ on purpose; and the hours of retention and roll, which Kafka describes by
 * their default once the milliseconds are set.
 */
const different =
  /^(s3\.|(metrics\.listener|cluster\.id|log\.(level|format)|compressed\.record\.validation\.enable|num\.(network|validation)\.threads|lanes|sequencer\.thread|queued\.max\.requests\.size\.bytes|node\.id|broker\.id|log\.dirs|listeners|advertised\.listeners|process\.roles|controller\..*|offsets\.topic\..*|transaction\.state\.log\..*|share\.coordinator\.state\..*|group\.initial\.rebalance\.delay\.ms|min\.insync\.replicas|log\.(retention|roll)\.hours)$)/

/** What Kafka could change while it runs, and Millrace refuses to: described as read-only. */
const lockedHere =
  /^(config\.providers|max\.connection\.creation\.rate|metric\.reporters|transaction\.partition\.verification\.enable|cordoned\.log\.dirs|listener\.security\.protocol\.map|principal\.builder\.class|sasl\.(enabled\.mechanisms|jaas\.config|mechanism\.inter\.broker\.protocol)|ssl\..*)$/

const alterations: readonly (readonly [type: number, name: string, key: string, operation: number, value: string | null])[] = [
  [topic, 't', 'cleanup.policy', 2, 'compact'],
  [topic, 't', 'cleanup.policy', 3, 'delete'],
  [topic, 't', 'retention.ms', 0, '77'],
  [topic, 't', 'compression.type', 0, 'zstd'],
  [topic, 't', 'compression.type', 0, 'none'],
  [topic, 't', 'compression.zstd.level', 0, '23'],
  [broker, '', 'compression.type', 0, 'lz4'],
  [broker, '1', 'compression.gzip.level', 0, '0'],
  [broker, '1', 'max.connections.per.ip.overrides', 0, '127.0.0.1:77'],
  [broker, '1', 'max.connections.per.ip.overrides', 0, '127.0.0.1'],
  [broker, '', 'max.connections', 0, '1000'],
  [topic, 't', 'max.message.bytes', 0, ' 5000 '],
  [topic, 't', 'retention.ms', 0, '-2'],
  [topic, 't', 'retention.ms', 0, null],
  [topic, 't', 'retention.ms', 2, '5'],
  [topic, 't', 'nope', 0, '5'],
  [topic, 't', 'nope', 1, null],
  [topic, 'absent', 'retention.ms', 0, '5'],
  [topic, '', 'retention.ms', 0, '5'],
  [topic, 'a b', 'retention.ms', 0, '5'],
  [topic, 't', 'preallocate', 0, 'TRUE'],
  [topic, 't', 'min.cleanable.dirty.ratio', 0, '1.5'],
  [topic, 't', 'leader.replication.throttled.replicas', 0, '0:1,1:1'],
  [topic, 't', 'leader.replication.throttled.replicas', 0, 'x'],
  [broker, '', 'log.retention.ms', 0, '86400000'],
  [broker, '1', 'log.roll.ms', 0, '3600000'],
  [broker, '', 'message.max.bytes', 0, '1000000'],
  [broker, '1', 'message.max.bytes', 0, 'x'],
  [broker, '1', 'num.partitions', 0, '5'],
  [broker, '', 'auto.create.topics.enable', 0, 'false'],
  [broker, '', 'sasl.kerberos.kinit.cmd', 0, 'x'],
  [broker, '9', 'message.max.bytes', 0, '5'],
  [broker, 'x', 'message.max.bytes', 0, '5'],
  [broker, '1', 'log.cleanup.policy', 2, 'compact'],
  [group, 'g', 'consumer.session.timeout.ms', 0, '50000'],
  [group, 'g', 'consumer.session.timeout.ms', 0, '5'],
  [group, 'g', 'consumer.session.timeout.ms', 0, '500000'],
  [group, 'g', 'share.auto.offset.reset', 0, 'by_duration:PT1H'],
  [group, 'g', 'share.auto.offset.reset', 0, 'sometimes'],
  [group, 'g', 'streams.num.standby.replicas', 0, '2'],
  [group, 'g', 'streams.num.standby.replicas', 0, '3'],
  [group, '', 'consumer.session.timeout.ms', 0, '50000'],
  [metrics, 'm', 'interval.ms', 0, '1000'],
  [metrics, 'm', 'interval.ms', 0, '7'],
  [metrics, 'm', 'match', 0, 'client_id=a.*,client_source_port=1'],
  [metrics, 'm', 'match', 0, 'color=red'],
  [metrics, 'm', 'metrics', 0, 'org.apache.kafka.'],
  [99, 'x', 'a', 0, 'b'],
]
const described: readonly (readonly [type: number, name: string])[] = [
  [topic, 't'],
  [topic, 'plain'],
  [topic, 'absent'],
  [broker, '1'],
  [broker, ''],
  [broker, '9'],
  [broker, 'x'],
  [group, 'g'],
  [group, 'other'],
  [group, ''],
  [metrics, 'm'],
  [metrics, 'other'],
]

type Entry = DescribeConfigsResponse['results'][number]['configs'][number]

/** What both brokers must agree on, in words that a difference can be read from. */
function line({ name, value, readOnly, configSource, isSensitive, configType, synonyms }: Entry): string {
  const isLocked = readOnly || lockedHere.test(name)
  const chain = synonyms.filter((synonym) => !different.test(synonym.name)).map((each) => `${each.name}=${each.value}@${each.source}`)
  return `${name}=${value} from ${configSource} type ${configType}${isLocked ? ' read-only' : ''}${isSensitive ? ' secret' : ''}: ${chain}`
}

async function conversation(port: number): Promise<string[]> {
  const client = await WireClient.open(port)
  const lines: string[] = []
  try {
    const topics = ['t', 'plain'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }))
    await client.call(CreateTopicsRequest, CreateTopicsResponse, 5, { topics })
    for (const [type, resourceName, name, configOperation, value] of alterations) {
      const resources = [{ resourceType: type, resourceName, configs: [{ name, configOperation, value }] }]
      const { responses } = await client.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, { resources })
      lines.push(`alter ${type} "${resourceName}" ${name} ${configOperation} ${value}: ${responses[0]!.errorCode}`)
      await untilSettled(client, type, resourceName)
    }
    for (const [resourceType, resourceName] of described) {
      const resources = [{ resourceType, resourceName, configurationKeys: null }]
      const { results } = await client.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, { resources, includeSynonyms: true })
      const entries = results[0]!.configs.filter(({ name }) => !different.test(name))
      lines.push(`describe ${resourceType} "${resourceName}": ${results[0]!.errorCode}`, ...entries.map(line).sort())
    }
  } finally {
    client.close()
  }
  return lines
}

/** Kafka answers before its broker has heard of the change; it hears of changes in order, so that a later one tells. */
async function untilSettled(client: WireClient, type: number, name: string): Promise<void> {
  if (type !== broker && type !== topic) return
  const marker = String(Date.now())
  const mark = {
    resourceType: metrics,
    resourceName: 'marker',
    configs: [{ name: 'metrics', configOperation: 0, value: `${marker}${name}` }],
  }
  await client.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, { resources: [mark] })
  for (let attempt = 0; attempt < 1000; attempt++) {
    const resources = [{ resourceType: metrics, resourceName: 'marker', configurationKeys: ['metrics'] }]
    const { results } = await client.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, { resources })
    if (results[0]!.configs[0]?.value === `${marker}${name}`) return
  }
  throw new Error('a change was not applied')
}

goldenConversation('configs', async (kind) => {
  const started = await startBroker({ kind, settings })
  try {
    return await conversation(started.port)
  } finally {
    await started.remove()
  }
})
