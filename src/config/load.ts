import { kafkaBrokerKeys } from './kafka-broker-keys.ts'
import { type KafkaKey, kindOf } from './kafka-keys.ts'
import { InvalidValue, type Kind } from './kind.ts'
import { type Entry, parseProperties } from './properties.ts'
import { relations, warnings as relationWarnings } from './relations.ts'
import { type Setting, type SettingName, type Settings, settingRows } from './settings.ts'
import { uriWithoutSecrets } from './store-uri.ts'
import { parseToml } from './toml.ts'

export interface ConfigFile {
  readonly name: string
  readonly content: string
}

export interface Loaded {
  /** Undefined when there are errors. */
  readonly settings: Settings | undefined
  /** The texts of the file and the overrides, by key, for display: secrets in URIs are left out. */
  readonly given: ReadonlyMap<string, string>
  readonly validationErrors: readonly string[]
  readonly warnings: readonly string[]
}

interface Given {
  readonly value: string
  /** As in "num.partitions = 0 (server.properties line 12)". */
  readonly where: string
}

const kafkaKeys: ReadonlyMap<string, KafkaKey> = new Map(kafkaBrokerKeys.map((row) => [row[0], row]))
const rows = Object.entries(settingRows) as [SettingName, Setting<unknown>][]
const synonyms = new Set(rows.flatMap(([, row]) => row.synonym ?? []))

/** Loads an optional file, and overrides of the form KEY=VALUE. All errors are reported at once. */
export function load(file: ConfigFile | undefined, overrides: readonly string[]): Loaded {
  const validationErrors: string[] = []
  const given = new Map<string, Given>()
  for (const entry of file === undefined ? [] : entriesOf(file, validationErrors)) {
    given.set(entry.key, { value: entry.value, where: `${file!.name}${entry.line === 0 ? '' : ` line ${entry.line}`}` })
  }
  for (const override of overrides) {
    const [, key, value] = /^\s*([^=]+?)\s*=(.*)$/s.exec(override) ?? []
    if (key === undefined) validationErrors.push(`--override ${uriWithoutSecrets(override)}: must be KEY=VALUE`)
    else given.set(key, { value: value!.trim(), where: '--override' })
  }
  const warnings = checkTheRest(given, validationErrors)
  const settings = readSettings(given, validationErrors)
  if (settings !== undefined) {
    validationErrors.push(...relations.flatMap((relation) => relation(settings) ?? []))
    warnings.push(...relationWarnings.flatMap((relation) => relation(settings) ?? []))
  }
  const texts = new Map([...given].map(([key, { value }]) => [key, uriWithoutSecrets(value)]))
  return { settings: validationErrors.length === 0 ? settings : undefined, given: texts, validationErrors, warnings }
}

function entriesOf(file: ConfigFile, validationErrors: string[]): readonly Entry[] {
  if (!file.name.endsWith('.toml')) return parseProperties(file.content)
  const entries = parseToml(file.content)
  if (typeof entries !== 'string') return entries
  validationErrors.push(`${file.name}: ${entries}`)
  return []
}

/** A key for a single listener, optionally for one of its SASL mechanisms. */
const listenerPrefix = /^listener\.name\.[^.]+\.((plain|scram-sha-256|scram-sha-512|gssapi|oauthbearer)\.)?/

/** Features for which `kafka-storage format` takes a level, and their only level. */
const formatted: ReadonlyMap<string, string> = new Map([['group.version', '1']])

/** Keys without a row: the values of Kafka's keys are validated as well. */
function checkTheRest(given: ReadonlyMap<string, Given>, validationErrors: string[]): string[] {
  const warnings: string[] = []
  for (const [key, { value, where }] of given) {
    if (key in settingRows) continue
    const level = formatted.get(key)
    if (level !== undefined) {
      if (value !== level)
        validationErrors.push(validationError(key, value, where, new InvalidValue(`must be ${level}: no other level is supported`)))
      continue
    }
    const row = kafkaKeys.get(key) ?? kafkaKeys.get(key.replace(listenerPrefix, ''))
    if (row === undefined) warnings.push(`${key} (${where}) is a key of neither Kafka nor Millrace`)
    else {
      const read = kindOf(row).read(value)
      if (read instanceof InvalidValue) validationErrors.push(validationError(key, value, where, read))
      else if (!synonyms.has(key)) warnings.push(`${key} (${where}) has no effect yet`)
    }
  }
  return warnings
}

/** Undefined when a value is invalid, since relations require valid values. */
function readSettings(given: ReadonlyMap<string, Given>, validationErrors: string[]): Settings | undefined {
  const before = validationErrors.length
  const values: Record<string, unknown> = {}
  for (const [key, row] of rows) {
    const found = given.get(key) ?? given.get(row.synonym ?? '')
    const text = found?.value ?? defaultOf(key)
    const read = text === null ? null : kindOfSetting(key).read(text)
    if (read instanceof InvalidValue) validationErrors.push(validationError(key, text!, found?.where ?? 'default', read))
    else {
      const cannot = read === null ? undefined : row.cannot?.(read)
      if (cannot !== undefined) validationErrors.push(validationError(key, text!, found?.where ?? 'default', new InvalidValue(cannot)))
      values[key] = read
    }
  }
  return validationErrors.length === before ? (values as Settings) : undefined
}

/** Error texts are logged, and URIs may contain credentials. */
const validationError = (key: string, value: string, where: string, invalid: InvalidValue): string =>
  `${key} = ${uriWithoutSecrets(value)} (${where}): ${invalid.allowed}`

const settingRow = (key: SettingName): Setting<unknown> => settingRows[key] as Setting<unknown>

/** The default text of a setting. */
export function defaultOf(key: SettingName): string | null {
  const { default: ours } = settingRow(key)
  return ours === undefined ? kafkaKeys.get(key)![2] : ours
}

/** The default text of any key, of Millrace or only of Kafka; null where there is none. */
export const defaultText = (key: string): string | null =>
  key in settingRows ? defaultOf(key as SettingName) : (kafkaKeys.get(key)?.[2] ?? null)

/** The value of a setting for a text, or the error in it. */
export function readSetting(key: SettingName, text: string): unknown {
  const value = kindOfSetting(key).read(text)
  const cannot = value instanceof InvalidValue ? undefined : settingRow(key).cannot?.(value)
  return cannot === undefined ? value : new InvalidValue(cannot)
}

export const kindOfSetting = (key: SettingName): Kind<unknown> => settingRow(key).kind ?? kindOf(kafkaKeys.get(key)!)
