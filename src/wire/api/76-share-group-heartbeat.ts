import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, message, string, struct, uuid } from '../schema.ts'

/**
 * ShareGroupHeartbeat: join, stay in and leave a share group (KIP-932).
 */
export const ShareGroupHeartbeatRequest = message(
  'ShareGroupHeartbeatRequest',
  { key: 76, versions: '1', flexible: '0+' },
  {
    groupId: string(),
    memberId: string(),
    memberEpoch: int32({ about: '0 joins, -1 leaves' }),
    rackId: string({ nullable: '0+', default: null }),
    subscribedTopicNames: arrayOf(string(), { nullable: '0+', default: null }),
  },
)
export type ShareGroupHeartbeatRequest = Wire<typeof ShareGroupHeartbeatRequest>

const topicPartitions = {
  topicId: uuid(),
  partitions: arrayOf(int32()),
}

export const ShareGroupHeartbeatResponse = message(
  'ShareGroupHeartbeatResponse',
  { key: 76, versions: '1', flexible: '0+' },
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
export type ShareGroupHeartbeatResponse = Wire<typeof ShareGroupHeartbeatResponse>
