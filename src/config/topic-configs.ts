import type { Packing, PartitionSettings } from '../ports/partitions.ts'
import { batchBytesAllowed, batchBytesMax } from './batch-limit.ts'
import { type ConfigEntry, type ConfigTexts, configSource, configType, valueText } from './config-entry.ts'
import { type KafkaKey, kindOf } from './kafka-keys.ts'
import { kafkaTopicKeys } from './kafka-topic-keys.ts'
import { InvalidValue, type Kind } from './kind.ts'
import type { NodeConfigs } from './node-configs.ts'
import { type SettingName, type Settings, settingRows } from './settings.ts'
import { type TopicKeyRow, topicMeanings } from './topic-meanings.ts'

/** A topic's own configs, as its creator set them. Other configs come from the settings of the node. */
export type TopicConfigs = ConfigTexts

interface TopicKey extends TopicKeyRow {
  readonly row: KafkaKey
  readonly kind: Kind<unknown>
  readonly cannot: ((value: string) => string | undefined) | undefined
}

/** Settings of the node that have another unit, or have alternatives. */
const textOf: Readonly<Record<string, (settings: Settings) => string>> = {
  'retention.ms': (settings) => String(retentionMsOf(settings)),
  'segment.ms': (settings) => String(settings['log.roll.ms'] ?? BigInt(settings['log.roll.hours']) * msPerHour),
}
const msPerMinute = 60_000n
const msPerHour = 3_600_000n

/** Any negative value means no age limit, in any unit. */
function retentionMsOf(settings: Settings): bigint {
  const minutes = settings['log.retention.minutes']
  const ms =
    settings['log.retention.ms'] ?? (minutes === null ? BigInt(settings['log.retention.hours']) * msPerHour : BigInt(minutes) * msPerMinute)
  return ms < 0n ? -1n : ms
}

/** Values that are valid in Kafka but not supported. */
const cannot: Readonly<Record<string, (value: string) => string | undefined>> = {
  'remote.storage.enable': (value) =>
    value.toLowerCase() === 'true' ? 'There is no second tier: all data goes to object storage' : undefined,
}

const keys: ReadonlyMap<string, TopicKey> = new Map(kafkaTopicKeys.map((row) => [row[0], topicKey(row)]))

function topicKey(row: KafkaKey): TopicKey {
  return { ...topicMeanings[row[0]]!, row, kind: kindOf(row), cannot: cannot[row[0]] }
}

export const isTopicList = (name: string): boolean => keys.get(name)?.row[1] === 'list'
export const topicDefault = (name: string): string | null => keys.get(name)?.row[2] ?? null

/** The error in a topic's configs; undefined when they are valid. */
export function topicConfigError(configs: TopicConfigs, settings: Settings): string | undefined {
  for (const [name, value] of configs) {
    const key = keys.get(name)
    if (key === undefined) return `Unknown topic config name: ${name}`
    const read = key.kind.read(value.trim())
    const wrong = read instanceof InvalidValue ? read.allowed : key.cannot?.(value.trim())
    if (wrong !== undefined) return `Invalid value ${value} for configuration ${name}: ${wrong}`
  }
  const bytes = configs.get('max.message.bytes')
  if (bytes !== undefined && Number(bytes.trim()) > batchBytesMax(settings)) {
    return `Invalid value ${bytes} for configuration max.message.bytes: ${batchBytesAllowed(settings)}`
  }
  const least = longOf(configs, 'min.compaction.lag.ms')
  const most = longOf(configs, 'max.compaction.lag.ms')
  return least > most ? `min.compaction.lag.ms (${least}) must not be above max.compaction.lag.ms (${most})` : undefined
}

const longOf = (configs: TopicConfigs, name: string): bigint => BigInt(configs.get(name)?.trim() ?? topicDefault(name)!)

/** Every config of a topic with its effective value, in the form of DescribeConfigs. */
export function topicEntries(configs: TopicConfigs, node: NodeConfigs): ConfigEntry[] {
  return [...keys.values()].map((key) => {
    const [name, type] = key.row
    const given = configs.get(name)
    const own = given === undefined ? undefined : valueText(type, given)
    const below = key.node === null ? [] : node.synonyms(key.node)
    const synonyms = own === undefined ? below : [{ name, value: own, source: configSource.topic }, ...below]
    const value = own ?? nodeText(key, node)
    const source = synonyms[0]?.source ?? configSource.default
    return { name, value, source, type: configType(type), isReadOnly: false, isSensitive: false, synonyms, about: key.about }
  })
}

export type EffectiveConfig = Pick<ConfigEntry, 'name' | 'value' | 'source'>

/** The same in the form of the CreateTopics response, which considers every name of the node's setting. */
export function effectiveTopicConfigs(configs: TopicConfigs, node: NodeConfigs): EffectiveConfig[] {
  return [...keys.values()].map((key) => {
    const [name] = key.row
    const own = configs.get(name)
    if (own !== undefined) return { name, value: own, source: configSource.topic }
    return { name, value: nodeText(key, node), source: key.node === null ? configSource.default : node.source(key.node) }
  })
}

/** The value for a topic without the config. */
function nodeText({ row, node: nodeName }: TopicKey, node: NodeConfigs): string | null {
  if (nodeName === null) return row[2]
  return settingsText(row[0], nodeName, node.settings) ?? node.text(nodeName) ?? row[2]
}

const settingsText = (name: string, nodeName: string, settings: Settings): string | undefined =>
  textOf[name]?.(settings) ?? (nodeName in settingRows ? settingText(settings[nodeName as SettingName]) : undefined)

const settingText = (value: Settings[SettingName]): string => (Array.isArray(value) ? value.join(',') : String(value))

/** The effective cleanup policies of a topic. */
export function cleanupPolicies(configs: TopicConfigs, settings: Settings): readonly string[] {
  return (configs.get('cleanup.policy')?.split(',') ?? settings['log.cleanup.policy']).map((policy) => policy.trim())
}

/** The part of a topic's configs that affects its batches. They are valid: they were validated when the topic was created. */
export function partitionSettings(configs: TopicConfigs, settings: Settings): PartitionSettings {
  const own = (name: string): string | undefined => configs.get(name)?.trim()
  return {
    maxMessageBytes: Number(own('max.message.bytes') ?? settings['message.max.bytes']),
    timestampType: (own('message.timestamp.type') as PartitionSettings['timestampType']) ?? settings['log.message.timestamp.type'],
    timestampBeforeMaxMs: BigInt(own('message.timestamp.before.max.ms') ?? settings['log.message.timestamp.before.max.ms']),
    timestampAfterMaxMs: BigInt(own('message.timestamp.after.max.ms') ?? settings['log.message.timestamp.after.max.ms']),
    compacted: cleanupPolicies(configs, settings).includes('compact'),
    packing: packing(configs, settings),
  }
}

/** Undefined where batches keep the codec of their producer. */
function packing(configs: TopicConfigs, settings: Settings): Packing | undefined {
  const type = configs.get('compression.type')?.trim() ?? settings['compression.type']
  if (type === 'producer') return undefined
  const codec = type === 'uncompressed' ? 'none' : (type as Packing['codec'])
  const name = `compression.${codec}.level`
  if (!isLevel(name)) return { codec, level: 0 }
  return { codec, level: Number(configs.get(name)?.trim() ?? settings[name]) }
}

const levels = ['compression.gzip.level', 'compression.lz4.level', 'compression.zstd.level'] as const
const isLevel = (name: string): name is (typeof levels)[number] => levels.includes(name as never)

/** Limits of the retention of records. Times in milliseconds; null for no limit. */
export interface CleanupSettings {
  readonly deletes: boolean
  readonly compacts: boolean
  readonly retentionMs: number | null
  readonly retentionBytes: number | null
  /** Above these limits, records in the WAL may be uploaded so that they can be compacted. */
  readonly segmentMs: number
  readonly segmentBytes: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly deleteRetentionMs: number
  readonly minCleanableRatio: number
}

export function cleanupSettings(configs: TopicConfigs, settings: Settings): CleanupSettings {
  const number = (name: string): number => {
    const key = keys.get(name)!
    return Number(configs.get(name)?.trim() ?? settingsText(name, key.node!, settings) ?? topicDefault(name))
  }
  const limit = (name: string): number | null => (number(name) < 0 ? null : number(name))
  const policies = cleanupPolicies(configs, settings)
  return {
    deletes: policies.includes('delete'),
    compacts: policies.includes('compact'),
    retentionMs: limit('retention.ms'),
    retentionBytes: limit('retention.bytes'),
    segmentMs: number('segment.ms'),
    segmentBytes: number('segment.bytes'),
    minCompactionLagMs: number('min.compaction.lag.ms'),
    maxCompactionLagMs: number('max.compaction.lag.ms'),
    deleteRetentionMs: number('delete.retention.ms'),
    minCleanableRatio: number('min.cleanable.dirty.ratio'),
  }
}
