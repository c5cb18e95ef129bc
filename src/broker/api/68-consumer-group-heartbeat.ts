import { NotReady } from '../../coordinator/partition.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../wire/api/68-consumer-group-heartbeat.ts'
import { errors } from '../../wire/errors.ts'
import { blank } from '../../wire/schema.ts'
import { supportsConsumerProtocol } from '../consumer-protocol.ts'
import { handler } from '../handler.ts'
import { newUuid } from '../topic-ids.ts'

/** First version in which a member generates its id itself. */
const ownIdVersion = 1

/** Heartbeats of consumer group members, which also join, receive assignments and leave with them. */
export const consumerGroupHeartbeat = handler({
  request: ConsumerGroupHeartbeatRequest,
  response: ConsumerGroupHeartbeatResponse,
  versions: [0, 1],
  async handle(request, { groups, version, clientId, session, entropy, settings }) {
    if (!supportsConsumerProtocol(settings)) return { ...blank(ConsumerGroupHeartbeatResponse), errorCode: errors.UNSUPPORTED_VERSION.code }
    const { groupId, memberId, memberEpoch, instanceId, rackId, rebalanceTimeoutMs } = request
    const isNew = version < ownIdVersion && memberId === '' && memberEpoch === 0
    const result = await groups.request({
      type: 'consumerHeartbeat',
      groupId,
      memberId: isNew ? newUuid(entropy) : memberId,
      memberEpoch,
      instanceId,
      rackId,
      clientId: clientId ?? '',
      clientHost: `/${session.host}`,
      rebalanceTimeoutMs,
      topics: request.subscribedTopicNames,
      expression: request.subscribedTopicRegex,
      assignor: request.serverAssignor,
      owned: request.topicPartitions,
    })
    if (result instanceof NotReady) return { ...blank(ConsumerGroupHeartbeatResponse), errorCode: result.error.code }
    return {
      throttleTimeMs: 0,
      errorCode: result.error.code,
      errorMessage: result.message,
      memberId: result.memberId,
      memberEpoch: result.memberEpoch,
      heartbeatIntervalMs: result.heartbeatIntervalMs,
      assignment:
        result.assignment === null
          ? null
          : { topicPartitions: result.assignment.map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] })) },
    }
  },
})
