import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, message, string } from '../schema.ts'

/**
 * DeleteGroups: delete groups that have no members.
 *
 *  v2  flexible
 */
export const DeleteGroupsRequest = message(
  'DeleteGroupsRequest',
  { key: 42, versions: '0-2', flexible: '2+' },
  {
    groupsNames: arrayOf(string()),
  },
)
export type DeleteGroupsRequest = Wire<typeof DeleteGroupsRequest>

export const DeleteGroupsResponse = message(
  'DeleteGroupsResponse',
  { key: 42, versions: '0-2', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    results: array({
      groupId: string(),
      errorCode: int16(),
    }),
  },
)
export type DeleteGroupsResponse = Wire<typeof DeleteGroupsResponse>
