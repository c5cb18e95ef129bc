import { type AlterableConfigs, altered } from '../config/alterations.ts'
import { brokerConfigComplaint, brokerDefault, isBrokerList } from '../config/broker-configs.ts'
import { clientMetricsComplaint } from '../config/client-metrics-configs.ts'
import { type ConfigComplaint, type ConfigTexts, isComplaint, resourceType } from '../config/config-entry.ts'
import { groupConfigComplaint } from '../config/group-configs.ts'
import { isTopicList, topicConfigComplaint, topicDefault } from '../config/topic-configs.ts'
import { configsOf, type Image } from '../metadata/image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import { topicNameComplaint } from '../metadata/topic-names.ts'
import { errors } from '../wire/errors.ts'
import type { Refusal } from './create-topics.ts'
import type { Questions, ResourceAlteration, Verdict } from './messages.ts'
import { type ControllerNode, type Outcome, onceEach } from './outcome.ts'

/** Resources are changed independently of each other. A resource that is named twice is not changed. */
export function alterConfigs(
  image: Image,
  node: ControllerNode,
  { resources, validateOnly }: Questions['alterConfigs']['ask'],
): Outcome<readonly Verdict[]> {
  const repeated = new Set(
    onceEach(resources, keyOf)
      .filter(({ isRepeated }) => isRepeated)
      .map(({ item }) => keyOf(item)),
  )
  const records: MetadataRecord[] = []
  const answer = resources.map((resource): Verdict => {
    const outcome: MetadataRecord | Refusal = repeated.has(keyOf(resource))
      ? [errors.INVALID_REQUEST, 'Each resource must appear at most once.']
      : change(image, node, resource)
    if (isRefusal(outcome)) return { name: resource.name, error: outcome[0], message: outcome[1] }
    records.push(outcome)
    return { name: resource.name, error: errors.NONE, message: null }
  })
  return { records: validateOnly ? [] : records, answer }
}

const keyOf = ({ resourceType: type, name }: ResourceAlteration): string => `${type} ${name}`
const isRefusal = (outcome: MetadataRecord | Refusal): outcome is Refusal => Array.isArray(outcome)
const refused = ({ about, message }: ConfigComplaint): Refusal => [
  about === 'config' ? errors.INVALID_CONFIG : errors.INVALID_REQUEST,
  message,
]

function change(image: Image, node: ControllerNode, resource: ResourceAlteration): MetadataRecord | Refusal {
  switch (resource.resourceType) {
    case resourceType.topic:
      return changeTopic(image, node, resource)
    case resourceType.broker:
      return changeBroker(image, node, resource)
    case resourceType.group:
      if (resource.name === '') return [errors.INVALID_REQUEST, 'Default group resources are not allowed.']
      return changeOther(image, resource, (after) => groupConfigComplaint(after, node.configs))
    case resourceType.clientMetrics:
      if (resource.name === '') return [errors.INVALID_REQUEST, "Subscription name can't be empty"]
      return changeOther(image, resource, clientMetricsComplaint)
    case resourceType.brokerLogger:
      return [errors.INVALID_REQUEST, 'The log level cannot be changed dynamically: set log.level in the configuration file.']
    default:
      return [errors.INVALID_REQUEST, `Unknown resource type ${resource.resourceType}`]
  }
}

/** Validation in the order of Kafka: operation, topic name, config values, existence of the topic. */
function changeTopic(image: Image, node: ControllerNode, { name, changes, replaces }: ResourceAlteration): MetadataRecord | Refusal {
  const topic = image.topics.get(name)
  const after = altered(topic?.configs ?? new Map(), changes, replaces, { isList: isTopicList, listDefault: topicDefault })
  if (isComplaint(after)) return refused(after)
  if (name === '') return [errors.INVALID_REQUEST, 'Default topic resources are not allowed.']
  const illegal = topicNameComplaint(name)
  if (illegal !== undefined) return [errors.INVALID_TOPIC_EXCEPTION, illegal]
  const wrong = topicConfigComplaint(after, node.configs.settings)
  if (wrong !== undefined) return [errors.INVALID_CONFIG, wrong]
  if (topic === undefined) return [errors.UNKNOWN_TOPIC_OR_PARTITION, `The topic '${name}' does not exist.`]
  return { type: 'topicConfigChanged', topicId: topic.topicId, configs: after }
}

/** The empty name refers to the whole cluster. */
function changeBroker(image: Image, node: ControllerNode, resource: ResourceAlteration): MetadataRecord | Refusal {
  const { name, changes, replaces } = resource
  if (name !== '' && !/^-?\d+$/.test(name)) return [errors.INVALID_REQUEST, `Node id must be an integer, but it is: ${name}`]
  if (name !== '' && Number(name) !== node.nodeId) {
    return [errors.INVALID_REQUEST, `Unexpected broker id, expected ${node.nodeId}, but received ${name}`]
  }
  const rows: AlterableConfigs = { isList: isBrokerList, listDefault: brokerDefault }
  const canonical = name === '' ? '' : String(node.nodeId)
  const after = altered(configsOf(image, resourceType.broker, canonical), changes, replaces, rows)
  if (isComplaint(after)) return refused(after)
  const wrong = brokerConfigComplaint(after, name === '', node.configs)
  if (wrong !== undefined) return refused(wrong)
  return { type: 'configsChanged', resourceType: resourceType.broker, resource: canonical, configs: after }
}

const noLists: AlterableConfigs = { isList: () => false, listDefault: () => null }

function changeOther(
  image: Image,
  { resourceType: type, name, changes, replaces }: ResourceAlteration,
  complaintOf: (after: ConfigTexts) => ConfigComplaint | undefined,
): MetadataRecord | Refusal {
  const after = altered(configsOf(image, type, name), changes, replaces, noLists)
  if (isComplaint(after)) return refused(after)
  const wrong = complaintOf(after)
  return wrong === undefined ? { type: 'configsChanged', resourceType: type, resource: name, configs: after } : refused(wrong)
}
