/** Encoding of record fields in msgpack. Every value is validated when read: a record with a wrong shape is damaged. */
export interface Field<T> {
  pack(value: T): unknown
  unpack(packed: unknown): T
}

export class DamagedRecord extends Error {}

function plain<T>(what: string, fits: (packed: unknown) => boolean): Field<T> {
  return {
    pack: (value) => value,
    unpack(packed) {
      if (!fits(packed)) throw new DamagedRecord(`expected ${what}, found ${typeof packed} ${String(packed)}`)
      return packed as T
    },
  }
}

export const text: Field<string> = plain('a text', (packed) => typeof packed === 'string')
/** An integer that is not negative. */
export const count: Field<number> = plain('an integer', (packed) => Number.isSafeInteger(packed) && Number(packed) >= 0)
export const double: Field<number> = plain('a number', (packed) => typeof packed === 'number')
export const long: Field<bigint> = plain('a 64-bit integer', (packed) => typeof packed === 'bigint')

export function list<T>(of: Field<T>): Field<readonly T[]> {
  return {
    pack: (values) => values.map((value) => of.pack(value)),
    unpack(packed) {
      if (!Array.isArray(packed)) throw new DamagedRecord(`expected a list, found ${typeof packed}`)
      return packed.map((item) => of.unpack(item))
    },
  }
}

/** A field, or null. */
export const orNull = <T>(of: Field<T>): Field<T | null> => ({
  pack: (value) => (value === null ? null : of.pack(value)),
  unpack: (packed) => (packed === null ? null : of.unpack(packed)),
})

/** A field of any type. */
export interface AnyField {
  pack(value: never): unknown
  unpack(packed: unknown): unknown
}
export type Fields = { readonly [name: string]: AnyField }
export type Values<F> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never }

/** Encoded without names: a field is identified by its position, so a table may only be extended at its end. */
export function struct<const F extends Fields>(fields: F): Field<Values<F>> {
  const rows = Object.entries(fields) as [string, Field<unknown>][]
  return {
    pack: (value) => rows.map(([name, field]) => field.pack((value as Record<string, unknown>)[name])),
    unpack(packed) {
      if (!Array.isArray(packed) || packed.length < rows.length) throw new DamagedRecord(`expected ${rows.length} fields`)
      return Object.fromEntries(rows.map(([name, field], index) => [name, field.unpack(packed[index])])) as Values<F>
    },
  }
}

/** Map of strings to strings, in insertion order. */
export const textMap: Field<ReadonlyMap<string, string>> = {
  pack: (map) => [...map].flat(),
  unpack(packed) {
    const flat = list(text).unpack(packed)
    return new Map(flat.flatMap((key, index) => (index % 2 === 0 ? [[key, flat[index + 1] ?? ''] as const] : [])))
  },
}
