import type { ConfigError, ConfigTexts } from './config-entry.ts'

/** Operation on one config; the numbers are those of the protocol. */
export const alterOperation = { set: 0, delete: 1, append: 2, subtract: 3 } as const

export interface Alteration {
  readonly name: string
  readonly operation: number
  readonly value: string | null
}

/** Properties of a resource's configs that a change requires. */
export interface AlterableConfigs {
  readonly isList: (name: string) => boolean
  /** The items of a list that is not set. */
  readonly listDefault: (name: string) => string | null
}

/** The configs of a resource after changes, or why they are invalid. With `replaces`, configs that are not in the changes are removed. */
export function altered(
  before: ConfigTexts,
  changes: readonly Alteration[],
  replaces: boolean,
  { isList, listDefault }: AlterableConfigs,
): ConfigTexts | ConfigError {
  if (new Set(changes.map((change) => change.name)).size < changes.length) {
    return { about: 'request', message: 'Error due to duplicate config keys' }
  }
  const empty = changes.filter(({ operation, value }) => operation !== alterOperation.delete && value === null)
  if (empty.length > 0) return { about: 'request', message: `Null value not supported for : ${empty.map(({ name }) => name).join(', ')}` }
  const after = new Map(replaces ? [] : before)
  for (const { name, operation, value } of changes) {
    if (operation === alterOperation.set) after.set(name, value!)
    else if (operation === alterOperation.delete) after.delete(name)
    else {
      const verb = operation === alterOperation.append ? 'APPEND' : operation === alterOperation.subtract ? 'SUBTRACT' : undefined
      if (verb === undefined) return { about: 'request', message: `There is no operation ${operation} on configs.` }
      if (!isList(name)) return { about: 'config', message: `Can't ${verb} to key ${name} because its type is not LIST.` }
      const items = itemsOf(after.get(name) ?? listDefault(name) ?? '')
      const given = givenItems(value!)
      const rest =
        verb === 'APPEND' ? [...items, ...given.filter((item) => !items.includes(item))] : items.filter((item) => !given.includes(item))
      after.set(name, rest.join(','))
    }
  }
  return after
}

const itemsOf = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** Kafka does not validate items to add or remove: an empty string is an item too. */
function givenItems(text: string): string[] {
  const items = text.split(',')
  while (text !== '' && items.at(-1) === '') items.pop()
  return items
}
