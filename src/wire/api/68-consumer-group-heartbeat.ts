import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, message, string, struct, uuid } from '../schema.ts'

/**
 * ConsumerGroupHeartbeat: join, stay in, be assigned by and leave a consumer group: the whole protocol of KIP-848.
 *
 *  v1  subscription by regular expression; the member chooses its own id
 */
export const ConsumerGroupHeartbeatRequest = message(
  'ConsumerGroupHeartbeatRequest',
  { key: 68, versions: '0-1', flexible: '0+' },
  {
    groupId: string(),
    memberId: string(),
    memberEpoch: int32({ about: '0 joins, -1 leaves, -2 leaves but keeps the place of a static member' }),
    instanceId: string({ nullable: '0+', default: null }),
    rackId: string({ nullable: '0+', default: null }),
    rebalanceTimeoutMs: int32({ default: -1 }),
    subscribedTopicNames: arrayOf(string(), { nullable: '0+', default: null }),
    subscribedTopicRegex: string({ versions: '1+', nullable: '1+', default: null }),
    serverAssignor: string({ nullable: '0+', default: null }),
    topicPartitions: array(
      {
        topicId: uuid(),
        partitions: arrayOf(int32()),
      },
      { nullable: '0+', default: null },
    ),
  },
)
export type ConsumerGroupHeartbeatRequest = Wire<typeof ConsumerGroupHeartbeatRequest>

const topicPartitions = {
  topicId: uuid(),
  partitions: arrayOf(int32()),
}

export const ConsumerGroupHeartbeatResponse = message(
  'ConsumerGroupHeartbeatResponse',
  { key: 68, versions: '0-1', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    memberId: string({ nullable: '0+', default: null }),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    assignment: struct(
      {
        topicPartitions: array(topicPartitions),
      },
      { nullable: '0+', default: null },
    ),
  },
)
export type ConsumerGroupHeartbeatResponse = Wire<typeof ConsumerGroupHeartbeatResponse>
