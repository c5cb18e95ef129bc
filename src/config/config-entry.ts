import type { KafkaType } from './kafka-keys.ts'

/** Texts by the names of configs. */
export type ConfigTexts = ReadonlyMap<string, string>
export const noTexts: ConfigTexts = new Map()

/** What can have configs; the numbers are those of the protocol. */
export const resourceType = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const

/** Where a value comes from; the numbers are those of the protocol. */
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

/** A value as it is shown after it was read. */
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

/** One of the places that say a value. The first of them holds. */
export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
}

/** A config with the value that holds, as it is described. */
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

/** A refused change: `request` where the change makes no sense, `config` where its value does not. */
export interface ConfigComplaint {
  readonly about: 'request' | 'config'
  readonly message: string
}
export const isComplaint = (outcome: object): outcome is ConfigComplaint => 'message' in outcome
