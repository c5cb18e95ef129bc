import { NotReady } from '../../coordinator/partition.ts'
import type { DescribedGroup } from '../../group/messages.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../wire/api/15-describe-groups.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { groupOperations, notAsked } from '../authorized-operations.ts'
import { handler } from '../handler.ts'
import { rarelyRepeated } from '../partitions.ts'

type GroupRow = DescribeGroupsResponse['groups'][number]

/** First version in which a group that does not exist is an error; before, its state is Dead. */
const notFoundVersion = 6

export const describeGroups = handler({
  request: DescribeGroupsRequest,
  response: DescribeGroupsResponse,
  versions: [0, 6],
  async handle({ groups: asked, includeAuthorizedOperations }, { groups, version }) {
    const authorizedOperations = includeAuthorizedOperations ? groupOperations : notAsked
    const rows = rarelyRepeated(asked, (groupId) => groupId).map(async (groupId): Promise<GroupRow> => {
      const said = await groups.request({ type: 'describe', groupId })
      if (said instanceof NotReady) return failed(groupId, said.error)
      if (said.error === errors.NONE) return { ...shown(groupId, said), authorizedOperations }
      return version < notFoundVersion ? { ...shown(groupId, said), ...nothingWrong, authorizedOperations } : shown(groupId, said)
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
  authorizedOperations: notAsked,
})

const failed = (groupId: string, error: KafkaError): GroupRow => ({
  errorCode: error.code,
  errorMessage: null,
  groupId,
  groupState: '',
  protocolType: '',
  protocolData: '',
  members: [],
  authorizedOperations: notAsked,
})
