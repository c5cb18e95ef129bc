import type { Wire } from '../schema.ts'
import { array, bool, float64, int16, int32, message, string } from '../schema.ts'

/**
 * AlterClientQuotas: change quotas.
 *
 *  v1  flexible
 */
export const AlterClientQuotasRequest = message(
  'AlterClientQuotasRequest',
  { key: 49, versions: '0-1', flexible: '1+' },
  {
    entries: array({
      entity: array({
        entityType: string(),
        entityName: string({ nullable: '0+' }),
      }),
      ops: array({
        key: string(),
        value: float64(),
        remove: bool(),
      }),
    }),
    validateOnly: bool(),
  },
)
export type AlterClientQuotasRequest = Wire<typeof AlterClientQuotasRequest>

export const AlterClientQuotasResponse = message(
  'AlterClientQuotasResponse',
  { key: 49, versions: '0-1', flexible: '1+' },
  {
    throttleTimeMs: int32(),
    entries: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
      entity: array({
        entityType: string(),
        entityName: string({ nullable: '0+' }),
      }),
    }),
  },
)
export type AlterClientQuotasResponse = Wire<typeof AlterClientQuotasResponse>
