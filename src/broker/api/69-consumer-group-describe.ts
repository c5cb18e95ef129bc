import { NotReady } from '../../coordinator/partition.ts'
import type { DescribedConsumerGroup, NamedPartitions } from '../../group/messages.ts'
import { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from '../../wire/api/69-consumer-group-describe.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { groupOperations, notRequested } from '../authorized-operations.ts'
import { supportsConsumerProtocol } from '../consumer-protocol.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'
import { rarelyRepeated } from '../partitions.ts'

type GroupRow = ConsumerGroupDescribeResponse['groups'][number]

/** The member type, numbered as in the protocol. */
const memberType = { classic: 0, consumer: 1 } as const

/** State and members of consumer groups. Classic groups are not found. */
export const consumerGroupDescribe = handler({
  request: ConsumerGroupDescribeRequest,
  response: ConsumerGroupDescribeResponse,
  versions: [0, 1],
  async handle({ groupIds, includeAuthorizedOperations }, context) {
    const rows = await Promise.all(
      rarelyRepeated(groupIds, (groupId) => groupId).map((groupId) => describe(groupId, includeAuthorizedOperations, context)),
    )
    return { throttleTimeMs: 0, groups: rows }
  },
})

async function describe(groupId: string, withOperations: boolean, { groups, settings }: RequestContext): Promise<GroupRow> {
  if (!supportsConsumerProtocol(settings)) return failed(groupId, errors.UNSUPPORTED_VERSION)
  if (groupId === '') return failed(groupId, errors.INVALID_GROUP_ID)
  const result = await groups.request({ type: 'describeConsumer', groupId })
  if (result instanceof NotReady) return failed(groupId, result.error)
  return shown(groupId, result, withOperations && result.error === errors.NONE ? groupOperations : notRequested)
}

const shown = (groupId: string, group: DescribedConsumerGroup, authorizedOperations: number): GroupRow => ({
  errorCode: group.error.code,
  errorMessage: group.message,
  groupId,
  groupState: group.state,
  groupEpoch: group.epoch,
  assignmentEpoch: group.assignmentEpoch,
  assignorName: group.assignor,
  members: group.members.map((member) => ({
    memberId: member.memberId,
    instanceId: member.instanceId,
    rackId: member.rackId,
    memberEpoch: member.memberEpoch,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: [...member.topics],
    subscribedTopicRegex: member.expression,
    assignment: assignmentOf(member.assigned),
    targetAssignment: assignmentOf(member.target),
    memberType: member.isClassic ? memberType.classic : memberType.consumer,
  })),
  authorizedOperations,
})

const assignmentOf = (partitions: readonly NamedPartitions[]): GroupRow['members'][number]['assignment'] => ({
  topicPartitions: partitions.map(({ topicId, topicName, partitions: each }) => ({ topicId, topicName, partitions: [...each] })),
})

const failed = (groupId: string, { code }: KafkaError): GroupRow => ({
  errorCode: code,
  errorMessage: null,
  groupId,
  groupState: '',
  groupEpoch: 0,
  assignmentEpoch: 0,
  assignorName: '',
  members: [],
  authorizedOperations: notRequested,
})
