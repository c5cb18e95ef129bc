import type { KafkaType } from './kafka-keys.ts'

/** Config values by name, as strings. */
export type ConfigTexts = ReadonlyMap<string, string>
export const noTexts: ConfigTexts = new Map()

/** Resource types with configs; the numbers are those of the protocol. */
export const resourceType = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const

/** Sources of a value; the numbers are those of the protocol. */
export const configSource = {
  topic: 1,
  broker: 2,
  clusterDefault: 3,
  staticBroker: 4,
  default: 5,
  brokerLogger: 6,
  clientMetrics: 7,
  group: 8,
} as const
export type ConfigSource = (typeof configSource)[keyof typeof configSource]

const typeNumbers = { boolean: 1, string: 2, int: 3, short: 4, long: 5, double: 6, list: 7, class: 8, password: 9 } as const

export const configType = (type: KafkaType | undefined): number => (type === undefined ? 0 : typeNumbers[type])

/** The canonical form of a value. */
export function valueText(type: KafkaType | undefined, text: string): string {
  const value = text.trim()
  if (type === 'boolean') return value.toLowerCase()
  if (type === 'list')
    return value
      .split(',')
      .map((item) => item.trim())
      .join(',')
  return type === 'double' ? value.replace('e', 'E') : value
}

/** One of the sources that set a value. The first of them is effective. */
export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
}

/** A config with its effective value, in the form of DescribeConfigs. */
export interface ConfigEntry {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
  readonly type: number
  readonly isReadOnly: boolean
  readonly isSensitive: boolean
  readonly synonyms: readonly ConfigSynonym[]
  readonly about: string
}

/** A rejected change: `request` where the change is invalid, `config` where its value is. */
export interface ConfigError {
  readonly about: 'request' | 'config'
  readonly message: string
}
export const isConfigError = (outcome: object): outcome is ConfigError => 'message' in outcome
