import { type ClusterImage, type QuotaImage, quotaKey } from '../metadata/cluster-image.ts'
import type { MetadataRecord } from '../metadata/records.ts'
import { errors } from '../wire/errors.ts'
import type { Commands, QuotaAlteration, QuotaResult } from './commands.ts'
import type { Outcome } from './outcome.ts'

type Entity = QuotaImage['entity']
type NumberType = 'long' | 'int' | 'double'

/** Quotas of users and clients, and those of addresses. */
const clientQuotas: Readonly<Record<string, NumberType>> = {
  producer_byte_rate: 'long',
  consumer_byte_rate: 'long',
  request_percentage: 'double',
  controller_mutation_rate: 'double',
}
const addressQuotas: Readonly<Record<string, NumberType>> = { connection_creation_rate: 'int' }
const greatest: Readonly<Record<NumberType, number>> = { long: 2 ** 63 - 1, int: 2 ** 31 - 1, double: Number.MAX_VALUE }
/** A double this close to an integer counts as that integer. */
const tolerance = 1e-6

/** Records the quotas of clients per second. They are not enforced yet. The response has one row per entity, even if it is named twice. */
export function alterClientQuotas(
  image: ClusterImage,
  { entries, validateOnly }: Commands['alterClientQuotas']['request'],
): Outcome<readonly QuotaResult[]> {
  const records: MetadataRecord[] = []
  const answers = new Map<string, QuotaResult>()
  const change = (entry: QuotaAlteration, entity: Entity): QuotaResult => {
    const isRepeated = answers.has(quotaKey(entity))
    const wrong = isRepeated ? 'The entity is named more than once.' : (entityError(entity) ?? changesError(entry, entity))
    if (wrong !== undefined) return { entity, error: errors.INVALID_REQUEST, message: wrong }
    records.push({ type: 'clientQuotasChanged', entity, quotas: quotasAfter(image.clientQuotas.get(quotaKey(entity)), entry) })
    return { entity, error: errors.NONE, message: null }
  }
  for (const entry of entries) {
    const entity = inOrder(entry.entity)
    answers.set(quotaKey(entity), change(entry, entity))
  }
  return { records: validateOnly ? [] : records, response: [...answers.values()] }
}

/** Sorted by type, the last of each: equal entities have equal keys. */
function inOrder(entity: Entity): Entity {
  const byType = new Map(entity.map((part) => [part.entityType, part]))
  return [...byType.values()].sort((a, b) => (a.entityType < b.entityType ? -1 : 1))
}

function entityError(entity: Entity): string | undefined {
  if (entity.length === 0) return 'Invalid empty client quota entity'
  for (const { entityType, entityName } of entity) {
    if (entityType !== 'user' && entityType !== 'client-id' && entityType !== 'ip')
      return `Unhandled client quota entity type: ${entityType}`
    if (entityName === '') return `Empty ${entityType} not supported`
  }
  const address = entity.find(({ entityType }) => entityType === 'ip')
  if (address !== undefined && entity.length > 1) {
    return 'Invalid quota entity combination, IP entity should not be combined with User or ClientId'
  }
  return address === undefined || address.entityName === null || isAddress(address.entityName)
    ? undefined
    : `${address.entityName} is not a valid IP.`
}

const isAddress = (text: string): boolean =>
  /^(\d{1,3})(\.\d{1,3}){3}$/.test(text) ? text.split('.').every((part) => Number(part) < 256) : /^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/.test(text)

function changesError({ changes }: QuotaAlteration, entity: Entity): string | undefined {
  const known = entity[0]!.entityType === 'ip' ? addressQuotas : clientQuotas
  if (new Set(changes.map(({ key }) => key)).size < changes.length) return 'A quota is named more than once.'
  for (const { key, value, remove } of changes) {
    if (remove) continue
    const type = Object.hasOwn(known, key) ? known[key] : undefined
    if (type === undefined) return `Invalid configuration key ${key}`
    if (!(value > 0)) return `Quota ${key} must be greater than 0`
    if (value > greatest[type]) return `Proposed value for ${key} is too large for a ${type.toUpperCase()}.`
    if (type !== 'double' && Math.abs(value - Math.round(value)) > tolerance) return `${key} cannot be a fractional value.`
  }
  return undefined
}

function quotasAfter(before: QuotaImage | undefined, { changes }: QuotaAlteration): QuotaImage['quotas'] {
  const quotas = new Map((before?.quotas ?? []).map(({ key, value }) => [key, value]))
  for (const { key, value, remove } of changes) {
    if (remove) quotas.delete(key)
    else quotas.set(key, value)
  }
  return Array.from(quotas, ([key, value]) => ({ key, value }))
}
