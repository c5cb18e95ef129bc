import { type ConfigEntry, type ConfigError, type ConfigTexts, configSource, configType, noTexts, valueText } from './config-entry.ts'
import { dynamicKeys, isAlterable, throttleRates } from './dynamic-keys.ts'
import { kafkaBrokerKeys } from './kafka-broker-keys.ts'
import { type KafkaKey, kindOf } from './kafka-keys.ts'
import { InvalidValue } from './kind.ts'
import { readSetting } from './load.ts'
import type { NodeConfigs } from './node-configs.ts'
import { relations } from './relations.ts'
import { type Setting, type SettingName, settingRows } from './settings.ts'

/** Internal configs of Kafka: described only where they are set. */
const hidden = new Set([
  'controller.performance.always.log.threshold.ms',
  'controller.performance.sample.period.ms',
  'group.consumer.regex.refresh.interval.ms',
  'group.share.initialize.retry.interval.ms',
  'group.share.persister.class.name',
  'internal.metadata.delete.delay.millis',
  'internal.metadata.log.segment.bytes',
  'internal.metadata.max.batch.size.in.bytes',
  'log.initial.task.delay.ms',
  'producer.id.expiration.check.interval.ms',
  'remote.log.index.file.cache.ttl.ms',
  'remote.log.manager.task.retry.backoff.max.ms',
  'remote.log.manager.task.retry.backoff.ms',
  'remote.log.manager.task.retry.jitter',
  'server.max.startup.time.ms',
  'share.coordinator.cold.partition.snapshot.interval.ms',
  'share.coordinator.state.topic.prune.interval.ms',
  'unclean.leader.election.interval.ms',
  'unstable.api.versions.enable',
  'unstable.feature.versions.enable',
])

/** URIs that may contain keys. */
const withSecrets = new Set(['s3.data.buckets', 's3.wal.path'])

const rateRows = throttleRates.map((name): KafkaKey => [name, 'long', null, '0..'])
const rows: ReadonlyMap<string, KafkaKey> = new Map([...kafkaBrokerKeys, ...rateRows].map((row) => [row[0], row]))
const ownNames = Object.keys(settingRows).filter((name) => !rows.has(name))
const shownAlways: readonly string[] = [...kafkaBrokerKeys.map(([name]) => name).filter((name) => !hidden.has(name)), ...ownNames]

/** An unknown config may be a secret. */
const isSensitive = (name: string): boolean => withSecrets.has(name) || (!ownNames.includes(name) && isSecretType(rows.get(name)?.[1]))
const isSecretType = (type: KafkaKey[1] | undefined): boolean => type === undefined || type === 'password'

/** Every config of a node with its effective value. */
export function brokerEntries(node: NodeConfigs, dynamic: ConfigTexts): ConfigEntry[] {
  const names = new Set([...shownAlways, ...node.given.keys(), ...dynamic.keys()])
  return [...names].map((name) => brokerEntry(name, node))
}

function brokerEntry(name: string, node: NodeConfigs): ConfigEntry {
  const secret = isSensitive(name)
  const synonyms = node.synonyms(name).map((synonym) => ({ ...synonym, value: secret ? null : shown(name, synonym.value!) }))
  const text = secret ? null : node.text(name)
  return {
    ...constants(name),
    value: text === null ? null : shown(name, text),
    source: synonyms[0]?.source ?? configSource.default,
    synonyms,
  }
}

/** Configs that are set for the whole cluster. */
export function clusterDefaultEntries(texts: ConfigTexts): ConfigEntry[] {
  return [...texts].map(([name, text]) => {
    const value = isSensitive(name) ? null : shown(name, text)
    const source = configSource.clusterDefault
    return { ...constants(name), value, source, synonyms: [{ name, value, source }] }
  })
}

function constants(name: string): Pick<ConfigEntry, 'name' | 'type' | 'isReadOnly' | 'isSensitive' | 'about'> {
  const type = configType(rows.get(name)?.[1] ?? (ownNames.includes(name) ? 'string' : undefined))
  return { name, type, isReadOnly: !isAlterable(name), isSensitive: isSensitive(name), about: aboutOf(name) }
}

function aboutOf(name: string): string {
  if (name in settingRows) return (settingRows[name as SettingName] as Setting<unknown>).about
  return rows.has(name)
    ? 'A config of Apache Kafka without effect in Millrace.'
    : 'A config of neither Apache Kafka nor Millrace. It has no effect.'
}

const shown = (name: string, text: string): string => valueText(rows.get(name)?.[1], text)

/** The current value from which a change of list configs starts, and whether the config is a list. */
export const brokerDefault = (name: string): string | null => rows.get(name)?.[2] ?? null
export const isBrokerList = (name: string): boolean => rows.get(name)?.[1] === 'list'

/** A config of neither Kafka nor Millrace. As in Kafka, it is recorded and described, for plug-ins that may use it. */
export const isUnknownBrokerConfig = (name: string): boolean => !rows.has(name) && !(name in settingRows)

/**
 * Validates the new configs of a node, or of the whole cluster where `isDefault`; undefined when they are valid. As in Kafka, deleted
 * configs are not validated.
 */
export function brokerConfigError(after: ConfigTexts, isDefault: boolean, node: NodeConfigs): ConfigError | undefined {
  const known = [...after.keys()].filter((name) => !isUnknownBrokerConfig(name))
  const readOnly = known.filter((name) => !isAlterable(name))
  if (readOnly.length > 0) return { about: 'request', message: `Cannot update these configs dynamically: [${readOnly.join(', ')}]` }
  const single = isDefault ? known.filter((name) => dynamicKeys.get(name)!.isPerBroker) : []
  if (single.length > 0) {
    const message = `Cannot update these configs at default cluster level, broker id must be specified: [${single.join(', ')}]`
    return { about: 'request', message }
  }
  for (const [name, text] of after) {
    if (isUnknownBrokerConfig(name)) continue
    const read = name in settingRows ? readSetting(name as SettingName, text.trim()) : kindOf(rows.get(name)!).read(text.trim())
    if (read instanceof InvalidValue)
      return { about: 'request', message: `Invalid value ${text} for configuration ${name}: ${read.allowed}` }
  }
  const settings = isDefault ? node.settingsWith(after, noTexts) : node.settingsWith(noTexts, after)
  const wrong = relations.flatMap((relation) => relation(settings) ?? [])[0]
  return wrong === undefined ? undefined : { about: 'request', message: wrong }
}
