import type { QuotaImage } from '../../metadata/cluster-image.ts'
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from '../../wire/api/48-describe-client-quotas.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { handler } from '../handler.ts'

type Component = DescribeClientQuotasRequest['components'][number]

const matchTypes = { exact: 0, default: 1, any: 2 } as const
const entityTypes = ['user', 'client-id', 'ip']

/** The quotas of entities that match every component; a strict filter excludes entities with further parts. */
export const describeClientQuotas = handler({
  request: DescribeClientQuotasRequest,
  response: DescribeClientQuotasResponse,
  versions: [0, 1],
  handle({ components, strict }, { cluster }) {
    const requestError = errorOf(components)
    if (requestError !== undefined)
      return { throttleTimeMs: 0, errorCode: requestError[0].code, errorMessage: requestError[1], entries: null }
    const fitting = [...cluster.image.clientQuotas.values()].filter((quota) => fits(quota, components, strict))
    const entries = fitting.map(({ entity, quotas }) => ({ entity: [...entity], values: [...quotas] }))
    return { throttleTimeMs: 0, errorCode: errors.NONE.code, errorMessage: '', entries }
  },
})

function errorOf(components: readonly Component[]): readonly [error: KafkaError, message: string] | undefined {
  const types = components.map(({ entityType }) => entityType)
  for (const { entityType, matchType, match } of components) {
    const invalid = (message: string): readonly [KafkaError, string] => [errors.INVALID_REQUEST, message]
    if (entityType === '') return invalid('Invalid empty entity type.')
    if (!entityTypes.includes(entityType)) return [errors.UNSUPPORTED_VERSION, `Unsupported entity type ${entityType}`]
    if (types.indexOf(entityType) !== types.lastIndexOf(entityType)) {
      return invalid(`Entity type ${entityType} cannot appear more than once in the filter.`)
    }
    if (!Object.values<number>(matchTypes).includes(matchType)) return invalid(`Unknown match type ${matchType}`)
    if (matchType === matchTypes.exact && match === null) return invalid('A match type of an exact name needs the name.')
    if (matchType !== matchTypes.exact && match !== null) return invalid('Only a match type of an exact name has a name.')
  }
  return types.includes('ip') && types.length > 1
    ? [errors.INVALID_REQUEST, 'Quotas of addresses are not combined with those of users and clients.']
    : undefined
}

function fits({ entity }: QuotaImage, components: readonly Component[], strict: boolean): boolean {
  if (strict && entity.length > components.length) return false
  return components.every(({ entityType, matchType, match }) => {
    const part = entity.find((each) => each.entityType === entityType)
    return part !== undefined && (matchType === matchTypes.any || part.entityName === match)
  })
}
