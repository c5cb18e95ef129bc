import { type ConfigSource, type ConfigSynonym, type ConfigTexts, configSource, noTexts } from './config-entry.ts'
import { isAlterable, liveNames } from './dynamic-keys.ts'
import { InvalidValue } from './kind.ts'
import { defaultText, readSetting } from './load.ts'
import { relations } from './relations.ts'
import { type Setting, type SettingName, type Settings, settingRows } from './settings.ts'

/** Alternative configs; the first that is set is effective. */
const alternatives: readonly (readonly string[])[] = [
  ['log.roll.ms', 'log.roll.hours'],
  ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
  ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
]
const alternativesOf = (name: string): readonly string[] => alternatives.find((group) => group.includes(name)) ?? [name]

/**
 * The configs of a node, in layers: dynamic configs of the node, dynamic configs of the whole cluster, the file, and the defaults.
 *
 * Invariant: `settings` is one object for the lifetime of the node, and contains the effective values. Users of a live setting read it at
 * each
 * use, and keep no copy.
 */
export class NodeConfigs {
  readonly settings: Settings
  readonly #file: Settings
  readonly #given: ConfigTexts
  #clusterDefault: ConfigTexts = noTexts
  #own: ConfigTexts = noTexts
  readonly #listeners: (() => void)[] = []

  /** `given`: the texts of the file and the overrides, without defaults. */
  constructor(file: Settings, given: ConfigTexts = noTexts) {
    this.#file = file
    this.settings = { ...file }
    const id = given.get('node.id') ?? given.get('broker.id')
    this.#given = id === undefined ? given : new Map([...given, ['node.id', id], ['broker.id', id]])
  }

  get given(): ConfigTexts {
    return this.#given
  }

  /** Applies the configs of the metadata log. A set that does not fit the file, which may have changed since, has no effect. */
  follow(clusterDefault: ConfigTexts, own: ConfigTexts): void {
    this.#clusterDefault = clusterDefault
    this.#own = own
    const next = this.settingsWith(clusterDefault, own)
    Object.assign(this.settings, relations.some((relation) => relation(next) !== undefined) ? this.#file : next)
    for (const listener of this.#listeners) listener()
  }

  /** Names of all dynamic configs. */
  get dynamicNames(): readonly string[] {
    return [...new Set([...this.#clusterDefault.keys(), ...this.#own.keys()])]
  }

  /** For other threads, which cannot read `settings` at each use. The listener is called for every change before it is acknowledged. */
  onFollowed(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** The settings with these layers over the file. Invalid values are left out. */
  settingsWith(clusterDefault: ConfigTexts, own: ConfigTexts): Settings {
    const next: Record<string, unknown> = { ...this.#file }
    for (const name of liveNames) {
      const text = own.get(name) ?? clusterDefault.get(name)
      const value = text === undefined ? undefined : readSetting(name as SettingName, text.trim())
      if (value !== undefined && !(value instanceof InvalidValue)) next[name] = value
    }
    return next as Settings
  }

  /** The effective text of a config, which may be its own or that of an older name. */
  text(name: string): string | null {
    if (name in settingRows) {
      const { synonym } = settingRows[name as SettingName] as Setting<unknown>
      return this.#dynamic(name) ?? this.#given.get(name) ?? (synonym && this.#given.get(synonym)) ?? defaultText(name)
    }
    return this.#dynamic(name) ?? this.#given.get(name) ?? defaultText(name)
  }

  /** All sources of a config, the effective one first: layer by layer, each with the alternatives to the name. */
  synonyms(name: string): readonly ConfigSynonym[] {
    const all = this.#layered(alternativesOf(name))
    const first = all.findIndex((synonym) => synonym.name === name)
    return first < 0 ? [] : all.slice(first)
  }

  /** The effective layer, for any of the alternative names. */
  source(name: string): ConfigSource {
    return this.#layered(alternativesOf(name))[0]?.source ?? configSource.default
  }

  #dynamic(name: string): string | undefined {
    return isAlterable(name) ? (this.#own.get(name) ?? this.#clusterDefault.get(name)) : undefined
  }

  #layered(names: readonly string[]): ConfigSynonym[] {
    const layers: readonly [ConfigSource, (name: string) => string | null | undefined][] = [
      [configSource.broker, (name) => this.#own.get(name)],
      [configSource.clusterDefault, (name) => this.#clusterDefault.get(name)],
      [configSource.staticBroker, (name) => this.#given.get(name)],
      [configSource.default, defaultText],
    ]
    return layers.flatMap(([source, textOf]) =>
      names.flatMap((name) => {
        const value = textOf(name)
        return value === undefined || value === null ? [] : [{ name, value, source }]
      }),
    )
  }
}
