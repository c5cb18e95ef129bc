import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int16, int32, message, string, struct, uuid } from '../schema.ts'

/**
 * ShareGroupDescribe: state and members of share groups.
 */
export const ShareGroupDescribeRequest = message(
  'ShareGroupDescribeRequest',
  { key: 77, versions: '1', flexible: '0+' },
  {
    groupIds: arrayOf(string()),
    includeAuthorizedOperations: bool(),
  },
)
export type ShareGroupDescribeRequest = Wire<typeof ShareGroupDescribeRequest>

const topicPartitions = {
  topicId: uuid(),
  topicName: string(),
  partitions: arrayOf(int32()),
}

const assignment = {
  topicPartitions: array(topicPartitions),
}

export const ShareGroupDescribeResponse = message(
  'ShareGroupDescribeResponse',
  { key: 77, versions: '1', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ nullable: '0+', default: null }),
      groupId: string(),
      groupState: string(),
      groupEpoch: int32(),
      assignmentEpoch: int32(),
      assignorName: string(),
      members: array({
        memberId: string(),
        rackId: string({ nullable: '0+', default: null }),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: arrayOf(string()),
        assignment: struct(assignment),
      }),
      authorizedOperations: int32({ default: -2147483648 }),
    }),
  },
)
export type ShareGroupDescribeResponse = Wire<typeof ShareGroupDescribeResponse>
