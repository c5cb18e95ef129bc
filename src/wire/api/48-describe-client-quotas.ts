import type { Wire } from '../schema.ts'
import { array, bool, float64, int8, int16, int32, message, string } from '../schema.ts'

/**
 * DescribeClientQuotas: the quotas of users, client ids and addresses.
 *
 *  v1  flexible
 */
export const DescribeClientQuotasRequest = message(
  'DescribeClientQuotasRequest',
  { key: 48, versions: '0-1', flexible: '1+' },
  {
    components: array({
      entityType: string(),
      matchType: int8(),
      match: string({ nullable: '0+' }),
    }),
    strict: bool(),
  },
)
export type DescribeClientQuotasRequest = Wire<typeof DescribeClientQuotasRequest>

export const DescribeClientQuotasResponse = message(
  'DescribeClientQuotasResponse',
  { key: 48, versions: '0-1', flexible: '1+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    entries: array(
      {
        entity: array({
          entityType: string(),
          entityName: string({ nullable: '0+' }),
        }),
        values: array({
          key: string(),
          value: float64(),
        }),
      },
      { nullable: '0+' },
    ),
  },
)
export type DescribeClientQuotasResponse = Wire<typeof DescribeClientQuotasResponse>
