import { NotReady } from '../../coordinator/partition.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../wire/api/14-sync-group.ts'
import { errors } from '../../wire/errors.ts'
import { blank } from '../../wire/schema.ts'
import { handler } from '../handler.ts'

/** First version in which the protocol is required. */
const protocolVersion = 5

/** Answered when the leader has sent the assignment. */
export const syncGroup = handler({
  request: SyncGroupRequest,
  response: SyncGroupResponse,
  versions: [0, 5],
  async handle(request, { groups, version }) {
    const { groupId, generationId, memberId, groupInstanceId, protocolType, protocolName, assignments } = request
    const errorResponse = (errorCode: number): SyncGroupResponse => ({ ...blank(SyncGroupResponse), errorCode })
    if (version >= protocolVersion && (protocolType === null || protocolName === null)) {
      return errorResponse(errors.INCONSISTENT_GROUP_PROTOCOL.code)
    }
    if (groupId === '') return errorResponse(errors.INVALID_GROUP_ID.code)
    const result = await groups.request({
      type: 'sync',
      groupId,
      memberId,
      instanceId: groupInstanceId,
      generation: generationId,
      protocolType,
      protocolName,
      // A copy: the stored value must not keep the whole request in memory.
      assignments: assignments.map((each) => ({ memberId: each.memberId, assignment: Buffer.from(each.assignment) })),
    })
    if (result instanceof NotReady) {
      // A member whose group is being loaded must join again, as its generation may be over.
      const isLoading = result.error === errors.COORDINATOR_LOAD_IN_PROGRESS
      return errorResponse((isLoading ? errors.REBALANCE_IN_PROGRESS : result.error).code)
    }
    const { error, assignment } = result
    return {
      throttleTimeMs: 0,
      errorCode: error.code,
      protocolType: result.protocolType,
      protocolName: result.protocolName,
      assignment,
    }
  },
})
