import { NotReady } from '../../coordinator/partition.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../wire/api/13-leave-group.ts'
import { errors } from '../../wire/errors.ts'
import { handler } from '../handler.ts'

/** First version with several members, each with its own error. */
const batchVersion = 3

export const leaveGroup = handler({
  request: LeaveGroupRequest,
  response: LeaveGroupResponse,
  versions: [0, 5],
  async handle(request, { groups, version }) {
    const { groupId } = request
    const failed = (errorCode: number): LeaveGroupResponse => ({ throttleTimeMs: 0, errorCode, members: [] })
    if (groupId === '') return failed(errors.INVALID_GROUP_ID.code)
    const members =
      version < batchVersion
        ? [{ memberId: request.memberId, instanceId: null }]
        : request.members.map(({ memberId, groupInstanceId }) => ({ memberId, instanceId: groupInstanceId }))
    const result = await groups.request({ type: 'leave', groupId, members })
    if (result instanceof NotReady) return failed(result.error.code)
    if (version < batchVersion) return failed((result.members[0]?.error ?? result.error).code)
    return {
      throttleTimeMs: 0,
      errorCode: result.error.code,
      members: result.members.map(({ memberId, instanceId, error }) => ({ memberId, groupInstanceId: instanceId, errorCode: error.code })),
    }
  },
})
