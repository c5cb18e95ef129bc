import type { Field, Fields, Message } from './schema.ts'
import { within } from './schema.ts'

/** State of a walk through a table. */
export interface Site {
  readonly message: Message
  readonly version: number
  /** For error messages: 'ProduceRequest.topicData.name'. */
  readonly path: string
}

export const path = (site: Site, name: string): Site => ({ ...site, path: `${site.path}.${name}` })

/** Encoding of a field in this version. A tag in a version that is not flexible yet has no position. */
export function placeOf(field: Field, site: Site): 'inline' | 'tagged' | 'absent' {
  if (!within(field.versions, site.version)) return 'absent'
  if (field.tag === undefined) return 'inline'
  return within(site.message.flexible, site.version) ? 'tagged' : 'absent'
}

/** Whether a field, or a struct when no field is passed, has its compact form. */
export const isFlexibleField = (field: Field | undefined, site: Site): boolean =>
  field?.flexible === undefined && within(site.message.flexible, site.version)

export const nullableAt = (field: Field, site: Site): boolean => field.nullable !== undefined && within(field.nullable, site.version)

const widths: Partial<Record<Field['kind'], number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  uint32: 4,
  int32: 4,
  int64: 8,
  float64: 8,
  uuid: 16,
}

/** Minimum size of an array element, with which counts are validated. */
export function bytesMin(field: Field, site: Site): number {
  return Math.max(1, smallest(field, site))
}

function smallest(field: Field, site: Site): number {
  const flexible = isFlexibleField(field, site)
  switch (field.kind) {
    case 'string':
      return flexible ? 1 : 2
    case 'bytes':
    case 'records':
    case 'array':
      return flexible ? 1 : 4
    case 'struct':
      return nullableAt(field, site) ? 1 : smallestStruct(field.fields!, site) + (flexible ? 1 : 0)
    default:
      return widths[field.kind]!
  }
}

function smallestStruct(fields: Fields, site: Site): number {
  let total = 0
  for (const field of Object.values(fields)) if (placeOf(field, site) === 'inline') total += smallest(field, site)
  return total
}
