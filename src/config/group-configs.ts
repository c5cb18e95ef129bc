import { type ConfigEntry, type ConfigError, type ConfigTexts, configSource, configType } from './config-entry.ts'
import { groupKeys } from './kafka-group-keys.ts'
import { kindOf } from './kafka-keys.ts'
import { InvalidValue } from './kind.ts'
import type { NodeConfigs } from './node-configs.ts'
import type { Settings } from './settings.ts'

/** Every config of a group with its effective value. A group need not exist to have configs. */
export function groupEntries(texts: ConfigTexts, node: NodeConfigs): ConfigEntry[] {
  return [...groupKeys].map(([name, { key, node: nodeName, about }]) => {
    const own = texts.get(name)
    const below = nodeName === null ? [{ name, value: key[2], source: configSource.default }] : node.synonyms(nodeName)
    const synonyms = own === undefined ? below : [{ name, value: own, source: configSource.group }, ...below]
    const { value, source } = synonyms[0]!
    return { name, value, source, type: configType(key[1]), isReadOnly: false, isSensitive: false, synonyms, about }
  })
}

/** The effective configs of a consumer group: its own, within the broker's limits. */
export function groupNumber(texts: ConfigTexts, settings: Settings, name: ConsumerConfig): number {
  const own = texts.get(`consumer.${name}`)
  const value = own === undefined ? settings[`group.consumer.${name}`] : Number(own)
  return Math.min(Math.max(value, settings[`group.consumer.min.${name}`]), settings[`group.consumer.max.${name}`])
}

type ConsumerConfig = 'session.timeout.ms' | 'heartbeat.interval.ms' | 'assignment.interval.ms'

/** The error in a group's configs; undefined when they are valid. */
export function groupConfigError(texts: ConfigTexts, node: NodeConfigs): ConfigError | undefined {
  for (const [name, text] of texts) {
    const row = groupKeys.get(name)
    if (row === undefined) return { about: 'config', message: `Unknown group config name: ${name}` }
    const read = name === 'share.auto.offset.reset' ? readReset(text) : kindOf(row.key).read(text.trim())
    if (read instanceof InvalidValue)
      return { about: 'config', message: `Invalid value ${text} for configuration ${name}: ${read.allowed}` }
    const [least, most] = [row.least, row.most].map((limit) => (limit === undefined ? null : node.text(limit)))
    if (least != null && Number(read) < Number(least)) {
      return { about: 'config', message: `${name} must be greater than or equal to ${row.least}` }
    }
    if (most != null && Number(read) > Number(most)) {
      return { about: 'config', message: `${name} must be less than or equal to ${row.most}` }
    }
  }
  return undefined
}

/** Earliest, latest, or as long ago as an ISO 8601 duration. */
function readReset(text: string): string | InvalidValue {
  const isDuration = /^by_duration:P(?=\d|T\d)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$/i.test(text)
  return text === 'earliest' || text === 'latest' || isDuration
    ? text
    : new InvalidValue("must be 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'")
}
