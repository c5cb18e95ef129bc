import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, message, string } from '../schema.ts'

/**
 * ListGroups: the groups that this broker coordinates.
 *
 *  v1  throttle time
 *  v3  flexible
 *  v4  filter by state
 *  v5  filter by type
 */
export const ListGroupsRequest = message(
  'ListGroupsRequest',
  { key: 16, versions: '0-5', flexible: '3+' },
  {
    statesFilter: arrayOf(string(), { versions: '4+' }),
    typesFilter: arrayOf(string(), { versions: '5+' }),
  },
)
export type ListGroupsRequest = Wire<typeof ListGroupsRequest>

export const ListGroupsResponse = message(
  'ListGroupsResponse',
  { key: 16, versions: '0-5', flexible: '3+' },
  {
    throttleTimeMs: int32({ versions: '1+', ignorable: true }),
    errorCode: int16(),
    groups: array({
      groupId: string(),
      protocolType: string(),
      groupState: string({ versions: '4+', ignorable: true }),
      groupType: string({ versions: '5+', ignorable: true }),
    }),
  },
)
export type ListGroupsResponse = Wire<typeof ListGroupsResponse>
