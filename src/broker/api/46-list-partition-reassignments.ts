import { ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse } from '../../wire/api/46-list-partition-reassignments.ts'
import { errors } from '../../wire/errors.ts'
import { handler } from '../handler.ts'

/** With one node no reassignment is ever in progress. */
export const listPartitionReassignments = handler({
  request: ListPartitionReassignmentsRequest,
  response: ListPartitionReassignmentsResponse,
  versions: [0, 0],
  handle: () => ({ throttleTimeMs: 0, errorCode: errors.NONE.code, errorMessage: null, topics: [] }),
})
