import { NotReady } from '../../coordinator/partition.ts'
import type { DescribedGroup } from '../../group/messages.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../wire/api/15-describe-groups.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { groupOperations, notRequested } from '../authorized-operations.ts'
import { handler } from '../handler.ts'
import { rarelyRepeated } from '../partitions.ts'

type GroupRow = DescribeGroupsResponse['groups'][number]

/** First version in which a group that does not exist is an error; before, its state is Dead. */
const notFoundVersion = 6

export const describeGroups = handler({
  request: DescribeGroupsRequest,
  response: DescribeGroupsResponse,
  versions: [0, 6],
  async handle({ groups: requested, includeAuthorizedOperations }, { groups, version }) {
    const authorizedOperations = includeAuthorizedOperations ? groupOperations : notRequested
    const rows = rarelyRepeated(requested, (groupId) => groupId).map(async (groupId): Promise<GroupRow> => {
      const result = await groups.request({ type: 'describe', groupId })
      if (result instanceof NotReady) return failed(groupId, result.error)
      if (result.error === errors.NONE) return { ...shown(groupId, result), authorizedOperations }
      return version < notFoundVersion ? { ...shown(groupId, result), ...nothingWrong, authorizedOperations } : shown(groupId, result)
    })
    return { throttleTimeMs: 0, groups: await Promise.all(rows) }
  },
})

const nothingWrong = { errorCode: errors.NONE.code, errorMessage: null }

const shown = (groupId: string, group: DescribedGroup): GroupRow => ({
  errorCode: group.error.code,
  errorMessage: group.message,
  groupId,
  groupState: group.state,
  protocolType: group.protocolType,
  protocolData: group.protocolName,
  members: group.members.map(({ memberId, instanceId, clientId, clientHost, metadata, assignment }) => ({
    memberId,
    groupInstanceId: instanceId,
    clientId,
    clientHost,
    memberMetadata: metadata,
    memberAssignment: assignment,
  })),
  authorizedOperations: notRequested,
})

const failed = (groupId: string, error: KafkaError): GroupRow => ({
  errorCode: error.code,
  errorMessage: null,
  groupId,
  groupState: '',
  protocolType: '',
  protocolData: '',
  members: [],
  authorizedOperations: notRequested,
})
