import { type AlterableConfigs, altered } from '../config/alterations.ts'
import { brokerConfigError, brokerDefault, isBrokerList } from '../config/broker-configs.ts'
import { clientMetricsError } from '../config/client-metrics-configs.ts'
import { type ConfigError, type ConfigTexts, isConfigError, resourceType } from '../config/config-entry.ts'
import { groupConfigError } from '../config/group-configs.ts'
import { isTopicList, topicConfigError, topicDefault } from '../config/topic-configs.ts'
import { type ClusterImage, configsOf } from '../metadata/cluster-image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import { topicNameError } from '../metadata/topic-names.ts'
import { errors } from '../wire/errors.ts'
import type { CommandResult, Commands, ResourceAlteration } from './commands.ts'
import type { ValidationError } from './create-topics.ts'
import { type ControllerNode, type Outcome, onceEach } from './outcome.ts'

/** Resources are changed independently of each other. A resource that is named twice is not changed. */
export function alterConfigs(
  image: ClusterImage,
  node: ControllerNode,
  { resources, validateOnly }: Commands['alterConfigs']['request'],
): Outcome<readonly CommandResult[]> {
  const repeated = new Set(
    onceEach(resources, keyOf)
      .filter(({ isRepeated }) => isRepeated)
      .map(({ item }) => keyOf(item)),
  )
  const records: MetadataRecord[] = []
  const response = resources.map((resource): CommandResult => {
    const outcome: MetadataRecord | ValidationError = repeated.has(keyOf(resource))
      ? [errors.INVALID_REQUEST, 'Each resource must appear at most once.']
      : change(image, node, resource)
    if (isError(outcome)) return { name: resource.name, error: outcome[0], message: outcome[1] }
    records.push(outcome)
    return { name: resource.name, error: errors.NONE, message: null }
  })
  return { records: validateOnly ? [] : records, response }
}

const keyOf = ({ resourceType: type, name }: ResourceAlteration): string => `${type} ${name}`
const isError = (outcome: MetadataRecord | ValidationError): outcome is ValidationError => Array.isArray(outcome)
const invalidConfig = ({ about, message }: ConfigError): ValidationError => [
  about === 'config' ? errors.INVALID_CONFIG : errors.INVALID_REQUEST,
  message,
]

function change(image: ClusterImage, node: ControllerNode, resource: ResourceAlteration): MetadataRecord | ValidationError {
  switch (resource.resourceType) {
    case resourceType.topic:
      return changeTopic(image, node, resource)
    case resourceType.broker:
      return changeBroker(image, node, resource)
    case resourceType.group:
      if (resource.name === '') return [errors.INVALID_REQUEST, 'Default group resources are not allowed.']
      return changeOther(image, resource, (after) => groupConfigError(after, node.configs))
    case resourceType.clientMetrics:
      if (resource.name === '') return [errors.INVALID_REQUEST, "Subscription name can't be empty"]
      return changeOther(image, resource, clientMetricsError)
    case resourceType.brokerLogger:
      return [errors.INVALID_REQUEST, 'The log level cannot be changed dynamically: set log.level in the configuration file.']
    default:
      return [errors.INVALID_REQUEST, `Unknown resource type ${resource.resourceType}`]
  }
}

/** Validation in the order of Kafka: operation, topic name, config values, existence of the topic. */
function changeTopic(
  image: ClusterImage,
  node: ControllerNode,
  { name, changes, replaces }: ResourceAlteration,
): MetadataRecord | ValidationError {
  const topic = image.topics.get(name)
  const after = altered(topic?.configs ?? new Map(), changes, replaces, { isList: isTopicList, listDefault: topicDefault })
  if (isConfigError(after)) return invalidConfig(after)
  if (name === '') return [errors.INVALID_REQUEST, 'Default topic resources are not allowed.']
  const illegal = topicNameError(name)
  if (illegal !== undefined) return [errors.INVALID_TOPIC_EXCEPTION, illegal]
  const wrong = topicConfigError(after, node.configs.settings)
  if (wrong !== undefined) return [errors.INVALID_CONFIG, wrong]
  if (topic === undefined) return [errors.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${name}' does not exist.`]
  return { type: 'topicConfigChanged', topicId: topic.topicId, configs: after }
}

/** The empty name refers to the whole cluster. */
function changeBroker(image: ClusterImage, node: ControllerNode, resource: ResourceAlteration): MetadataRecord | ValidationError {
  const { name, changes, replaces } = resource
  if (name !== '' && !/^-?\d+$/.test(name)) return [errors.INVALID_REQUEST, `Node id must be an integer, but it is: ${name}`]
  if (name !== '' && Number(name) !== node.nodeId) {
    return [errors.INVALID_REQUEST, `Unexpected broker id, expected ${node.nodeId}, but received ${name}`]
  }
  const rows: AlterableConfigs = { isList: isBrokerList, listDefault: brokerDefault }
  const canonical = name === '' ? '' : String(node.nodeId)
  const after = altered(configsOf(image, resourceType.broker, canonical), changes, replaces, rows)
  if (isConfigError(after)) return invalidConfig(after)
  const wrong = brokerConfigError(after, name === '', node.configs)
  if (wrong !== undefined) return invalidConfig(wrong)
  return { type: 'configsChanged', resourceType: resourceType.broker, resource: canonical, configs: after }
}

const noLists: AlterableConfigs = { isList: () => false, listDefault: () => null }

function changeOther(
  image: ClusterImage,
  { resourceType: type, name, changes, replaces }: ResourceAlteration,
  errorOf: (after: ConfigTexts) => ConfigError | undefined,
): MetadataRecord | ValidationError {
  const after = altered(configsOf(image, type, name), changes, replaces, noLists)
  if (isConfigError(after)) return invalidConfig(after)
  const wrong = errorOf(after)
  return wrong === undefined ? { type: 'configsChanged', resourceType: type, resource: name, configs: after } : invalidConfig(wrong)
}
