import { assert } from '../base/assert.ts'
import type { Slices } from './slices.ts'

/** '3+' from version 3 on, '0-2' both ends included, '4' that version alone. */
export type Versions = `${number}+` | `${number}-${number}` | `${number}`

export type Scalar =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'uint32'
  | 'int32'
  | 'int64'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'

export interface Options<T = unknown> {
  /** Versions with the field; all if absent. */
  readonly versions?: Versions
  readonly nullable?: Versions
  /** The field is in the tagged section under this number, in every version that has it. */
  readonly tag?: number
  readonly default?: T | null
  /** On writing, a value is dropped if the version does not have the field. Without this flag, any value but the default is rejected. */
  readonly ignorable?: true
  /** The field keeps its old encoding in flexible versions. */
  readonly flexible?: 'none'
  readonly about?: string
}

declare const value: unique symbol

/** A row of a table. `T` exists only for the compiler: the TypeScript type of the row. */
export interface Field<T = unknown> extends Options {
  readonly kind: Scalar | 'array' | 'struct'
  /** Of a struct. */
  readonly fields?: Fields
  /** Of an array: the type of each element. */
  readonly of?: Field
  readonly [value]?: T
}
export type Fields = { readonly [name: string]: Field }

type Struct<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never }
type Nullable<T, O> = O extends { nullable: Versions } ? T | null : T

const scalar =
  <T>(kind: Scalar) =>
  <const O extends Options<T> = {}>(options?: O): Field<Nullable<T, O>> => ({ kind, ...options })

export const bool = scalar<boolean>('bool')
export const int8 = scalar<number>('int8')
export const int16 = scalar<number>('int16')
export const uint16 = scalar<number>('uint16')
export const uint32 = scalar<number>('uint32')
export const int32 = scalar<number>('int32')
export const int64 = scalar<bigint>('int64')
export const float64 = scalar<number>('float64')
/** 22 characters of base64url, as Kafka prints it. */
export const uuid = scalar<string>('uuid')
export const string = scalar<string>('string')
/** A view of the input bytes, not a copy: it is valid as long as they are. */
export const bytes = scalar<Buffer>('bytes')
/** Record batches remain bytes: the broker passes them on without decoding. A view, as `bytes` is. */
export const records = scalar<Buffer>('records')
/** Record batches of a response: when written, they may be in several pieces. When read, they are one view. */
export const slicedRecords = scalar<Buffer | Slices>('records')

export const struct = <const F extends Fields, const O extends Options<never> = {}>(
  fields: F,
  options?: O,
): Field<Nullable<Struct<F>, O>> => ({ kind: 'struct', fields, ...options })

/** Of structs. */
export const array = <const F extends Fields, const O extends Options<never> = {}>(
  of: F,
  options?: O,
): Field<Nullable<Struct<F>[], O>> => ({ kind: 'array', of: { kind: 'struct', fields: of }, ...options })

/** Of all other types. */
export const arrayOf = <T, const O extends Options<never> = {}>(of: Field<T>, options?: O): Field<Nullable<T[], O>> => ({
  kind: 'array',
  of,
  ...options,
})

export interface Head {
  /** The API key of a request or response; the record type of a metadata or coordinator record. */
  readonly key?: number
  readonly versions: Versions
  readonly flexible: Versions | 'none'
}

export interface Message<F extends Fields = Fields> extends Head {
  readonly name: string
  readonly fields: F
}

export const message = <const F extends Fields>(name: string, head: Head, fields: F): Message<F> => ({ name, ...head, fields })

/** The value that a table describes. All fields are always present; a field that the version does not have contains its default. */
export type Wire<M> = M extends Message<infer F> ? Struct<F> : never

const ranges = new Map<Versions, readonly [number, number]>()

/** Lowest and highest version; the highest is Infinity for an open range. */
export function rangeOf(versions: Versions): readonly [number, number] {
  const known = ranges.get(versions)
  if (known !== undefined) return known
  const [low, high] = versions.endsWith('+')
    ? [versions.slice(0, -1), 'Infinity']
    : versions.includes('-')
      ? versions.split('-')
      : [versions, versions]
  const range = [Number(low), Number(high)] as const
  assert(range[0] <= range[1], `${versions} is a version range`)
  ranges.set(versions, range)
  return range
}

export function within(versions: Versions | 'none' | undefined, version: number): boolean {
  if (versions === undefined) return true
  if (versions === 'none') return false
  const [low, high] = rangeOf(versions)
  return low <= version && version <= high
}

export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'

/** A new default each time: the caller may change decoded values. */
export function defaultOf(field: Field): unknown {
  if (field.default !== undefined) return field.default
  switch (field.kind) {
    case 'bool':
      return false
    case 'int64':
      return 0n
    case 'uuid':
      return zeroUuid
    case 'string':
      return ''
    case 'bytes':
      return Buffer.alloc(0)
    case 'records':
      return field.nullable === undefined ? Buffer.alloc(0) : null
    case 'array':
      return []
    case 'struct':
      return defaultsOf(field.fields!)
    default:
      return 0
  }
}

function defaultsOf(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, defaultOf(field)]))
}

/** A message in which every field has its default. */
export const blank = <F extends Fields>(table: Message<F>): Wire<Message<F>> => defaultsOf(table.fields) as Wire<Message<F>>

/** Whether a tagged field may be left out, and whether a version without the field loses nothing. */
export function isDefault(field: Field, given: unknown): boolean {
  if (field.default !== undefined) return given === field.default
  switch (field.kind) {
    case 'array':
    case 'bytes':
      return given !== null && (given as { length: number }).length === 0
    case 'struct':
      return given !== null && Object.entries(field.fields!).every(([name, f]) => isDefault(f, (given as Record<string, unknown>)[name]))
    case 'records':
      return field.nullable === undefined ? (given as Buffer).length === 0 : given === null
    default:
      return given === defaultOf(field)
  }
}
