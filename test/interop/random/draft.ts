import { below, chance, type Prng } from '../../../src/base/prng.ts'
import { defaultOf, type Field, type Fields, type Message, within } from '../../../src/wire/schema.ts'
import type { BrokerView } from './broker-view.ts'

/** A value that each broker makes up for itself: known only when it is sent, and printed by its label. */
export class Deferred {
  readonly label: string
  readonly of: (view: BrokerView) => unknown

  constructor(label: string, of: (view: BrokerView) => unknown) {
    this.label = label
    this.of = of
  }

  toJSON(): string {
    return `<${this.label}>`
  }
}

/** What one field may be. */
export type Pool = (draft: Draft) => unknown

/** By `Api.path.to.field`, or by the field's name alone, for every API that has no row of its own. */
export type Pools = Readonly<Record<string, Pool>>

/** A request that is being made up, field by field in the order of its table. */
export class Draft {
  readonly random: Prng
  readonly api: string
  readonly version: number
  /** Suffix of all names of this seed, which no other seed uses. */
  readonly suffix: string
  /** The latest value of each field by its name, so that later fields can go with it. */
  readonly drawn: Record<string, unknown> = {}
  readonly #pools: Pools

  constructor(random: Prng, api: string, version: number, suffix: string, pools: Pools) {
    this.random = random
    this.api = api
    this.version = version
    this.suffix = suffix
    this.#pools = pools
  }

  below(bound: number): number {
    return below(this.random, bound)
  }

  chance(permille: number): boolean {
    return chance(this.random, permille)
  }

  one<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!
  }

  request(table: Message): Record<string, unknown> {
    return this.#struct(table.fields, this.api)
  }

  #struct(fields: Fields, path: string): Record<string, unknown> {
    const made: Record<string, unknown> = {}
    for (const [name, field] of Object.entries(fields)) {
      made[name] = within(field.versions, this.version) ? this.#value(name, field, `${path}.${name}`) : defaultOf(field)
      this.drawn[name] = made[name]
    }
    return made
  }

  #value(name: string, field: Field, path: string): unknown {
    const pool = this.#pools[path] ?? (field.kind === 'array' || field.kind === 'struct' ? undefined : this.#pools[name])
    if (pool !== undefined) {
      const made = pool(this)
      const isNullable = field.nullable !== undefined && within(field.nullable, this.version)
      const { default: _, ...withoutDefault } = field
      return made === null && !isNullable ? defaultOf(withoutDefault) : made
    }
    if (field.nullable !== undefined && within(field.nullable, this.version) && this.chance(100)) return null
    if (field.kind === 'array') return this.#array(name, field.of!, path)
    if (field.kind === 'struct') return this.#struct(field.fields!, path)
    if (field.kind === 'bool') return this.chance(500)
    throw new Error(`no pool for ${path}`)
  }

  /** In some arrays an element occurs twice. */
  #array(name: string, of: Field, path: string): unknown[] {
    const made: unknown[] = []
    const count = this.one([0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3])
    for (let index = 0; index < count; index++) {
      const isAgain = made.length > 0 && this.chance(80)
      made.push(isAgain ? this.one(made) : of.kind === 'struct' ? this.#struct(of.fields!, path) : this.#value(name, of, `${path}.of`))
    }
    return made
  }
}

/** The request as one broker is sent it. */
export function resolved(value: unknown, view: BrokerView): unknown {
  if (value instanceof Deferred) return value.of(view)
  if (Array.isArray(value)) return value.map((each) => resolved(each, view))
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolved(each, view)]))
}
