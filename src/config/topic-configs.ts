import type { StreamSettings } from '../ports.ts'
import { type KafkaKey, kindOf } from './kafka-keys.ts'
import { kafkaTopicKeys } from './kafka-topic-keys.ts'
import { type Kind, Refused } from './kind.ts'
import type { SettingName, Settings } from './settings.ts'

/** A topic's own configs, as its creator wrote them. What they leave out, the node's settings say. */
export type TopicConfigs = ReadonlyMap<string, string>

/** Where a value comes from; the numbers are those of the protocol. */
export const configSource = { topic: 1, staticBroker: 4, default: 5 } as const

interface TopicKey {
  readonly name: string
  readonly kind: Kind<unknown>
  readonly default: string | null
  /** The setting of the node that holds where the topic says nothing. */
  readonly setting: SettingName | undefined
  readonly cannot: ((value: string) => string | undefined) | undefined
}

const settingOf: Readonly<Record<string, SettingName>> = {
  'cleanup.policy': 'log.cleanup.policy',
  'compression.type': 'compression.type',
  'max.message.bytes': 'message.max.bytes',
  'message.timestamp.type': 'log.message.timestamp.type',
  'message.timestamp.before.max.ms': 'log.message.timestamp.before.max.ms',
  'message.timestamp.after.max.ms': 'log.message.timestamp.after.max.ms',
  'retention.bytes': 'log.retention.bytes',
  'segment.bytes': 'log.segment.bytes',
  'delete.retention.ms': 'log.cleaner.delete.retention.ms',
  'min.compaction.lag.ms': 'log.cleaner.min.compaction.lag.ms',
  'max.compaction.lag.ms': 'log.cleaner.max.compaction.lag.ms',
  'min.cleanable.dirty.ratio': 'log.cleaner.min.cleanable.ratio',
}

/** Settings of the node that are in another unit, or one of several that may be given. */
const textOf: Readonly<Record<string, (settings: Settings) => string>> = {
  'retention.ms': (settings) => String(retentionMsOf(settings)),
  'segment.ms': (settings) => String(settings['log.roll.ms'] ?? BigInt(settings['log.roll.hours']) * msPerHour),
}
const msPerMinute = 60_000n
const msPerHour = 3_600_000n

/** Anything below nought means any age, in whatever unit it is said. */
function retentionMsOf(settings: Settings): bigint {
  const minutes = settings['log.retention.minutes']
  const ms =
    settings['log.retention.ms'] ?? (minutes === null ? BigInt(settings['log.retention.hours']) * msPerHour : BigInt(minutes) * msPerMinute)
  return ms < 0n ? -1n : ms
}

/** Values that are legal in Kafka and cannot be honoured here. */
const cannot: Readonly<Record<string, (value: string) => string | undefined>> = {
  'compression.type': (value) => (value === 'producer' ? undefined : 'Only producer can be honoured: batches are not compressed anew'),
  'remote.storage.enable': (value) =>
    value.toLowerCase() === 'true' ? 'There is no second tier: all data goes to object storage' : undefined,
}

const keys: ReadonlyMap<string, TopicKey> = new Map(kafkaTopicKeys.map((row) => [row[0], topicKey(row)]))

function topicKey(row: KafkaKey): TopicKey {
  return { name: row[0], kind: kindOf(row), default: row[2], setting: settingOf[row[0]], cannot: cannot[row[0]] }
}

/** What is wrong with a topic's configs; undefined when nothing is. */
export function topicConfigComplaint(configs: TopicConfigs): string | undefined {
  for (const [name, value] of configs) {
    const key = keys.get(name)
    if (key === undefined) return `Unknown topic config name: ${name}`
    const read = key.kind.read(value.trim())
    const wrong = read instanceof Refused ? read.allowed : key.cannot?.(value.trim())
    if (wrong !== undefined) return `Invalid value ${value} for configuration ${name}: ${wrong}`
  }
  const least = longOf(configs, 'min.compaction.lag.ms')
  const most = longOf(configs, 'max.compaction.lag.ms')
  return least > most ? `min.compaction.lag.ms (${least}) must not be above max.compaction.lag.ms (${most})` : undefined
}

const longOf = (configs: TopicConfigs, name: string): bigint => BigInt(configs.get(name)?.trim() ?? keys.get(name)!.default!)

export interface EffectiveConfig {
  readonly name: string
  readonly value: string | null
  readonly source: (typeof configSource)[keyof typeof configSource]
}

/** Every config of a topic with the value that holds. */
export function effectiveTopicConfigs(configs: TopicConfigs, settings: Settings): EffectiveConfig[] {
  return [...keys.values()].map((key) => {
    const own = configs.get(key.name)
    if (own !== undefined) return { name: key.name, value: own, source: configSource.topic }
    const node = nodeText(key.name, key.setting, key.default, settings)
    return { name: key.name, value: node, source: node === key.default ? configSource.default : configSource.staticBroker }
  })
}

const nodeText = (name: string, setting: SettingName | undefined, fallback: string | null, settings: Settings): string | null =>
  textOf[name]?.(settings) ?? (setting === undefined ? fallback : settingText(settings[setting]))

const settingText = (value: Settings[SettingName]): string => (Array.isArray(value) ? value.join(',') : String(value))

/** The policies that hold for a topic. */
export function cleanupPolicies(configs: TopicConfigs, settings: Settings): readonly string[] {
  return (configs.get('cleanup.policy')?.split(',') ?? settings['log.cleanup.policy']).map((policy) => policy.trim())
}

/** What of a topic's configs bears on its batches. They are known to be right: they were checked when the topic was created. */
export function streamSettings(configs: TopicConfigs, settings: Settings): StreamSettings {
  const own = (name: string): string | undefined => configs.get(name)?.trim()
  return {
    maxMessageBytes: Number(own('max.message.bytes') ?? settings['message.max.bytes']),
    timestampType: (own('message.timestamp.type') as StreamSettings['timestampType']) ?? settings['log.message.timestamp.type'],
    timestampBeforeMaxMs: BigInt(own('message.timestamp.before.max.ms') ?? settings['log.message.timestamp.before.max.ms']),
    timestampAfterMaxMs: BigInt(own('message.timestamp.after.max.ms') ?? settings['log.message.timestamp.after.max.ms']),
    compacted: cleanupPolicies(configs, settings).includes('compact'),
  }
}

/** When the records of a topic may go. Times in milliseconds; null where nothing limits. */
export interface CleanupSettings {
  readonly deletes: boolean
  readonly compacts: boolean
  readonly retentionMs: number | null
  readonly retentionBytes: number | null
  /** What is in the write-ahead log for longer, or is more, may be stored so that it can be compacted. */
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
    return Number(configs.get(name)?.trim() ?? nodeText(name, key.setting, key.default, settings))
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
