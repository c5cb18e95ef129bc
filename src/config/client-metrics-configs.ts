import { type ConfigEntry, type ConfigError, type ConfigTexts, configSource, configType } from './config-entry.ts'
import type { KafkaType } from './kafka-keys.ts'

interface ClientMetricsKey {
  readonly type: KafkaType
  readonly default: string
  readonly about: string
  /** The error in a value; undefined when it is valid. */
  readonly validationError: (text: string) => ConfigError | undefined
}

const [shortestMs, longestMs] = [100, 3_600_000]

/** Labels by which a subscription selects clients. */
const matchable = [
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
]

/** Configs of a subscription to client metrics. It is recorded without effect: the broker requests no metrics. */
const keys: Readonly<Record<string, ClientMetricsKey>> = {
  'interval.ms': {
    type: 'int',
    default: '300000',
    about: 'Interval at which clients send metrics, in milliseconds. Stored without effect.',
    validationError(text) {
      const ms = Number(text)
      if (!/^[+-]?\d+$/.test(text)) {
        return { about: 'config', message: `Invalid value ${text} for configuration interval.ms: must be a whole number` }
      }
      if (ms >= shortestMs && ms <= longestMs) return undefined
      const message = `Invalid value ${text} for interval.ms, interval must be between ${shortestMs} and ${longestMs} (1 hour)`
      return { about: 'request', message }
    },
  },
  match: {
    type: 'list',
    default: '',
    about: 'Clients that send metrics, as NAME=PATTERN separated by commas. Stored without effect.',
    validationError: matchError,
  },
  metrics: {
    type: 'list',
    default: '',
    about: 'Metrics to send, by prefix of their names. Stored without effect.',
    validationError: () => undefined,
  },
}

function matchError(text: string): ConfigError | undefined {
  for (const pair of text.split(',').filter((each) => each.trim() !== '')) {
    const at = pair.indexOf('=')
    const isRight = at > 0 && matchable.includes(pair.slice(0, at).trim()) && isPattern(pair.slice(at + 1).trim())
    if (!isRight) return { about: 'config', message: `Illegal client matching pattern: ${pair}` }
  }
  return undefined
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) !== undefined
  } catch {
    return false
  }
}

export function clientMetricsEntries(texts: ConfigTexts): ConfigEntry[] {
  return Object.entries(keys).map(([name, { type, default: fallback, about }]) => {
    const own = texts.get(name)
    const source = own === undefined ? configSource.default : configSource.clientMetrics
    const synonyms = own === undefined ? [] : [{ name, value: own, source }]
    return { name, value: own ?? fallback, source, type: configType(type), isReadOnly: false, isSensitive: false, synonyms, about }
  })
}

/** The error in a subscription; undefined when it is valid. */
export function clientMetricsError(texts: ConfigTexts): ConfigError | undefined {
  for (const [name, text] of texts) {
    const key = Object.hasOwn(keys, name) ? keys[name] : undefined
    if (key === undefined) return { about: 'request', message: `Unknown client metrics configuration: ${name}` }
    const wrong = key.validationError(text)
    if (wrong !== undefined) return wrong
  }
  return undefined
}
