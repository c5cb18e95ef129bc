import { defaultOf, type Field, type Fields, within } from '../../src/wire/schema.ts'

/**
 * Kafka's JSON of a message: fields that the version lacks and tagged fields at their default are left out, `bytes` and `records` are
 * base64, int64 are plain numbers.
 */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

export interface MessageVector {
  readonly version: number
  readonly hex: string
  readonly value: Json
  readonly unknownTaggedField?: boolean
}

/** A file of message vectors. */
export interface MessageVectors {
  readonly name: string
  readonly cases: readonly MessageVector[]
}

/** A case of the file of record batches. `batches` are its batches as Kafka reads them. */
export interface BatchVector {
  readonly what: string
  readonly valid: boolean
  readonly hex: string
  readonly batches: readonly { readonly [name: string]: Json }[]
}

/** Strings and numbers, so that digits within a string are left alone. */
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const longWhole = /^-?\d{16,}$/

/** JSON.parse rounds what exceeds 2^53, so long whole numbers arrive as text. The caller states the type of the file. */
export function parseJson<T = Json>(text: string): T {
  return JSON.parse(text.replace(tokens, (token) => (longWhole.test(token) ? `"${token}"` : token)))
}

/** The value that a message's JSON represents. Throws at a field that the table lacks. */
export function fromJson(fields: Fields, json: Json, version: number, path: string): Record<string, unknown> {
  const given = json as { [name: string]: Json }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name))
  if (unknown !== undefined) throw new Error(`${path}.${unknown}: the table has no such field`)
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      const isThere = Object.hasOwn(given, name)
      const isExpected = within(field.versions, version) && field.tag === undefined
      if (isExpected && !isThere) throw new Error(`${path}.${name}: not in the value, although version ${version} has it`)
      return [name, isThere ? fieldFromJson(field, given[name]!, version, `${path}.${name}`) : defaultOf(field)]
    }),
  )
}

function fieldFromJson(field: Field, json: Json, version: number, path: string): unknown {
  if (json === null) return null
  switch (field.kind) {
    case 'int64':
      return BigInt(json as number | string)
    case 'float64':
      return Number(json)
    case 'bytes':
    case 'records':
      return Buffer.from(json as string, 'base64')
    case 'array':
      return (json as Json[]).map((item, index) => fieldFromJson(field.of!, item, version, `${path}[${index}]`))
    case 'struct':
      return fromJson(field.fields!, json, version, path)
    default:
      return json
  }
}

/**
 * The JSON of a message that a writer has already consumed shows `records` as empty, whatever they hold: only null and not null can be
 * told from it. Such records are taken from what was read; that they are written back unchanged is left to be proven.
 */
export function takeRecords(field: Field, expected: unknown, found: unknown): unknown {
  if (expected === null || found === null || typeof found !== 'object') return expected
  if (field.kind === 'records') return (expected as Buffer).length === 0 ? found : expected
  if (field.kind === 'array')
    return (expected as unknown[]).map((item, index) => takeRecords(field.of!, item, (found as unknown[])[index] ?? null))
  if (field.kind !== 'struct') return expected
  const [left, right] = [expected as Record<string, unknown>, found as Record<string, unknown>]
  return Object.fromEntries(Object.entries(field.fields!).map(([name, inner]) => [name, takeRecords(inner, left[name], right[name])]))
}

/** The first place where two values differ, in words; undefined where they are the same. */
export function difference(expected: unknown, found: unknown, path = ''): string | undefined {
  if (expected instanceof Uint8Array && found instanceof Uint8Array) {
    return Buffer.compare(expected, found) === 0 ? undefined : `${path}: expected ${shown(expected)}, found ${shown(found)}`
  }
  if (typeof expected !== 'object' || typeof found !== 'object' || expected === null || found === null) {
    return Object.is(expected, found) ? undefined : `${path}: expected ${shown(expected)}, found ${shown(found)}`
  }
  const [left, right] = [expected as Record<string, unknown>, found as Record<string, unknown>]
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const inner = difference(left[key], right[key], Array.isArray(expected) ? `${path}[${key}]` : `${path}.${key}`)
    if (inner !== undefined) return inner
  }
  return undefined
}

function shown(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes ${Buffer.from(value.subarray(0, 24)).toString('hex')}`
  if (typeof value === 'bigint') return `${value}n`
  const text = JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? 'nothing'
  return text.length > 120 ? `${text.slice(0, 120)}...` : text
}
