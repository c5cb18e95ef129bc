import { brokerEntries, clusterDefaultEntries } from '../../config/broker-configs.ts'
import { clientMetricsEntries } from '../../config/client-metrics-configs.ts'
import { type ConfigEntry, configSource, resourceType } from '../../config/config-entry.ts'
import { groupEntries } from '../../config/group-configs.ts'
import { topicEntries } from '../../config/topic-configs.ts'
import { configsOf } from '../../metadata/cluster-image.ts'
import { topicNameError } from '../../metadata/topic-names.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../wire/api/32-describe-configs.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { rarelyRepeated } from '../partitions.ts'

type Row = DescribeConfigsResponse['results'][number]
type RequestedPartition = DescribeConfigsRequest['resources'][number]
type ConfigError = readonly [error: KafkaError, message: string]

export const describeConfigs = handler({
  request: DescribeConfigsRequest,
  response: DescribeConfigsResponse,
  versions: [1, 4],
  handle({ resources, includeSynonyms, includeDocumentation }, context) {
    const strange = strangeType(resources)
    const results = rarelyRepeated(resources, ({ resourceType: type, resourceName }) => `${type}-${resourceName}`).map((requested) => {
      const { resourceType: type, resourceName } = requested
      const found = strange ?? entriesOf(context, requested)
      if (isConfigError(found)) {
        return { errorCode: found[0].code, errorMessage: found[1], resourceType: type, resourceName, configs: [] }
      }
      const keys = new Set(requested.configurationKeys ?? [])
      const requestedNames = keys.size === 0 ? found : found.filter(({ name }) => keys.has(name))
      const configs = requestedNames.map((entry) => row(entry, includeSynonyms, includeDocumentation))
      return { errorCode: errors.NONE.code, errorMessage: '', resourceType: type, resourceName, configs }
    })
    return { throttleTimeMs: 0, results }
  },
})

/** One resource of an unknown type makes the whole request invalid. */
function strangeType(resources: readonly RequestedPartition[]): ConfigError | undefined {
  const strange = resources.find(({ resourceType: type }) => !Object.values<number>(resourceType).includes(type))
  return strange && [errors.INVALID_REQUEST, `Resources of type ${strange.resourceType} have no configs.`]
}

const isConfigError = (found: readonly ConfigEntry[] | ConfigError): found is ConfigError => typeof found[1] === 'string'

function row(entry: ConfigEntry, withSynonyms: boolean, withAbout: boolean): Row['configs'][number] {
  return {
    name: entry.name,
    value: entry.value,
    readOnly: entry.isReadOnly,
    configSource: entry.source,
    isSensitive: entry.isSensitive,
    synonyms: withSynonyms ? [...entry.synonyms] : [],
    configType: entry.type,
    documentation: withAbout ? entry.about : null,
  }
}

function entriesOf(
  context: RequestContext,
  { resourceType: type, resourceName: name }: RequestedPartition,
): readonly ConfigEntry[] | ConfigError {
  const { configs, nodeId } = context
  const { image } = context.cluster
  switch (type) {
    case resourceType.topic: {
      const illegal = topicNameError(name)
      if (illegal !== undefined) return [errors.INVALID_TOPIC_EXCEPTION, illegal]
      const topic = image.topics.get(name)
      return topic === undefined ? [errors.UNKNOWN_TOPIC_OR_PARTITION, ''] : topicEntries(topic.configs, configs)
    }
    case resourceType.broker: {
      if (name === '') return clusterDefaultEntries(configsOf(image, type, ''))
      const wrong = brokerError(name, nodeId, `expected ${nodeId} or empty string`)
      if (wrong !== undefined) return [errors.INVALID_REQUEST, wrong]
      return brokerEntries(configs, new Map([...configsOf(image, type, ''), ...configsOf(image, type, name)]))
    }
    case resourceType.brokerLogger: {
      const wrong = name === '' ? 'Broker id must not be empty' : brokerError(name, nodeId, `expected ${nodeId}`)
      return wrong === undefined ? [logLevel(configs.settings['log.level'])] : [errors.INVALID_REQUEST, wrong]
    }
    case resourceType.group:
      if (name === '') return [errors.INVALID_REQUEST, 'Group name must not be empty']
      return groupEntries(configsOf(image, type, name), configs)
    case resourceType.clientMetrics:
      if (name === '') return [errors.INVALID_REQUEST, 'Client metrics subscription name must not be empty']
      return clientMetricsEntries(configsOf(image, type, name))
    default:
      return [errors.INVALID_REQUEST, `Resources of type ${type} have no configs.`]
  }
}

function brokerError(name: string, nodeId: number, expected: string): string | undefined {
  if (!/^-?\d+$/.test(name)) return `Broker id must be an integer, but it is: ${name}`
  return Number(name) === nodeId ? undefined : `Unexpected broker id, ${expected}, but received ${name}`
}

/** There is one logger; its level is a setting. */
const logLevel = (level: string): ConfigEntry => ({
  name: 'root',
  value: level.toUpperCase(),
  source: configSource.brokerLogger,
  type: 0,
  isReadOnly: true,
  isSensitive: false,
  synonyms: [],
  about: 'The value of log.level. It cannot be changed dynamically.',
})
