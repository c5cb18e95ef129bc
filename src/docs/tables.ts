import { assert } from '../base/assert.ts'
import { servedApis } from '../broker/handlers.ts'
import { dynamicKeys } from '../config/dynamic-keys.ts'
import { kafkaBrokerKeys } from '../config/kafka-broker-keys.ts'
import { groupKeys } from '../config/kafka-group-keys.ts'
import { kindOf } from '../config/kafka-keys.ts'
import { kafkaTopicKeys } from '../config/kafka-topic-keys.ts'
import { defaultOf, kindOfSetting } from '../config/load.ts'
import { type Setting, type SettingName, settingRows } from '../config/settings.ts'
import { storeParameters } from '../config/store-uri.ts'
import { topicMeanings } from '../config/topic-meanings.ts'
import { walStoreParameters } from '../config/wal-uri.ts'
import type { MetricTable } from '../metrics/rows.ts'
import { storeTable } from '../object-store/request-metrics.ts'
import { faultTable } from '../object-store/store-faults.ts'
import { storageMetrics } from '../objects/object-read-metrics.ts'
import { stages } from '../pipeline/counters.ts'
import { apiByKey } from '../wire/apis.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')
const code = (text: string): string => `\`${text}\``

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

const kafkaNames: ReadonlySet<string> = new Set(kafkaBrokerKeys.map(([name]) => name))
const settings = Object.entries(settingRows) as [SettingName, Setting<unknown>][]

/** An empty default is shown as such; a missing one means that the setting is optional. */
function defaultCell(name: SettingName): string {
  const text = defaultOf(name)
  return text === null ? 'none' : text === '' ? 'empty' : code(text)
}

const settingTable = (isOwn: boolean): string =>
  table(
    ['setting', 'type', 'default', 'description'],
    settings
      .filter(([name]) => kafkaNames.has(name) !== isOwn)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { about }]) => [code(name), kindOfSetting(name).accepts, defaultCell(name), about]),
  )

const changes = {
  live: 'yes',
  idle: 'accepted, no effect',
  rejected: 'rejected',
} as const

function brokerRow(name: string): readonly string[] {
  const row = name in settingRows ? (settingRows[name as SettingName] as Setting<unknown>) : undefined
  const effect = row === undefined ? 'none' : row.cannot === undefined ? 'yes' : 'limited values'
  const key = dynamicKeys.get(name)
  return [code(name), effect, key === undefined ? 'read-only' : changes[key.effect]]
}

const topicTable = (): string =>
  table(
    ['topic config', 'effect', 'description'],
    kafkaTopicKeys.map(([name]) => [
      code(name),
      { works: 'yes', nothing: 'none', rejected: 'limited values' }[topicMeanings[name]!.here],
      topicMeanings[name]!.about,
    ]),
  )

const groupTable = (): string =>
  table(
    ['group config', 'type', 'default', 'description'],
    [...groupKeys].map(([name, { key, about }]) => [code(name), kindOf(key).accepts, code(key[2]!), about]),
  )

const apiTable = (): string =>
  table(
    ['key', 'API', 'versions'],
    servedApis.map(({ apiKey, minVersion, maxVersion }) => [
      String(apiKey),
      apiByKey[apiKey]!.name,
      minVersion === maxVersion ? String(minVersion) : `${minVersion}-${maxVersion}`,
    ]),
  )

const metricTables: readonly MetricTable[] = [...Object.values(stages), storageMetrics, storeTable]
const metricTable = (): string =>
  table(
    ['metric', 'type', 'description'],
    metricTables.flatMap((rows) => Object.values(rows).map(({ name, type, help }) => [code(name), type, help])),
  )

const faultRows = (): string =>
  table(
    ['fault', 'retried', 'meaning'],
    Object.entries(faultTable).map(([name, { retry, about }]) => [code(name), retry ? 'yes' : 'no', about]),
  )

const parameterTable = (rows: Readonly<Record<string, { readonly accepts: string }>>): string =>
  table(
    ['parameter', 'type'],
    Object.entries(rows).map(([name, { accepts }]) => [code(name), accepts]),
  )

/** Every generated table, by the name in its marker. */
export const tables: Readonly<Record<string, () => string>> = {
  'own-settings': () => settingTable(true),
  'kafka-settings': () => settingTable(false),
  'store-parameters': () => parameterTable(storeParameters),
  'wal-parameters': () => parameterTable(walStoreParameters),
  'broker-configs': () =>
    table(
      ['broker config', 'effect', 'change while the node runs'],
      kafkaBrokerKeys.map(([name]) => brokerRow(name)),
    ),
  'topic-configs': topicTable,
  'group-configs': groupTable,
  apis: apiTable,
  metrics: metricTable,
  'store-faults': faultRows,
}

/** A page with every table between its markers, `<!-- table: NAME -->` and `<!-- end of table -->`, generated anew. */
export const withTables = (page: string): string =>
  page.replace(/(<!-- table: ([a-z-]+) -->\n)[\s\S]*?(<!-- end of table -->)/g, (_, start: string, name: string, end: string) => {
    const generate = tables[name]
    assert(generate !== undefined, `there is no table ${name}: the tables are ${Object.keys(tables).join(', ')}`)
    return `${start}\n${generate()}\n\n${end}`
  })
