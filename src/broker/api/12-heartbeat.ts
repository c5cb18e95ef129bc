import { NotReady } from '../../coordinator/partition.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../wire/api/12-heartbeat.ts'
import { errors } from '../../wire/errors.ts'
import { handler } from '../handler.ts'

export const heartbeat = handler({
  request: HeartbeatRequest,
  response: HeartbeatResponse,
  versions: [0, 4],
  async handle({ groupId, generationId, memberId, groupInstanceId }, { groups }) {
    if (groupId === '') return { throttleTimeMs: 0, errorCode: errors.INVALID_GROUP_ID.code }
    const result = await groups.request({ type: 'heartbeat', groupId, memberId, instanceId: groupInstanceId, generation: generationId })
    // In Kafka a member continues while its group is being loaded.
    if (result instanceof NotReady && result.error === errors.COORDINATOR_LOAD_IN_PROGRESS) return { throttleTimeMs: 0, errorCode: 0 }
    return { throttleTimeMs: 0, errorCode: (result instanceof NotReady ? result.error : result).code }
  },
})
