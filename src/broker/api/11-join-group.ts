import { NotReady } from '../../coordinator/partition.ts'
import type { JoinResponse } from '../../group/messages.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../wire/api/11-join-group.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { blank } from '../../wire/schema.ts'
import { handler } from '../handler.ts'
import { newUuid } from '../topic-ids.ts'

/** From this version on a client joins again with the member id of the first response (KIP-394). */
const memberIdRequiredVersion = 4
/** First version in which the protocol name may be null. */
const nullProtocolVersion = 7
const skipAssignmentVersion = 9

/** Answered when the join phase is complete, possibly much later. */
export const joinGroup = handler({
  request: JoinGroupRequest,
  response: JoinGroupResponse,
  versions: [0, 9],
  async handle(request, { groups, version, clientId, session, entropy }) {
    const { groupId, memberId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType, protocols } = request
    if (groupId === '') return errorResponse(errors.INVALID_GROUP_ID, memberId, version)
    const result = await groups.request({
      type: 'join',
      groupId,
      memberId,
      instanceId: groupInstanceId,
      clientId: clientId ?? '',
      clientHost: `/${session.host}`,
      sessionTimeoutMs,
      rebalanceTimeoutMs: rebalanceTimeoutMs === -1 ? sessionTimeoutMs : rebalanceTimeoutMs,
      protocolType,
      // A copy: the stored value must not keep the whole request in memory.
      protocols: protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      supportsMemberIdRequired: version >= memberIdRequiredVersion,
      supportsSkipAssignment: version >= skipAssignmentVersion,
      uuid: newUuid(entropy),
    })
    return result instanceof NotReady ? errorResponse(result.error, memberId, version) : joinResponse(result, version)
  },
})

const protocolNameOf = (name: string | null, version: number): string | null => name ?? (version < nullProtocolVersion ? '' : null)

const errorResponse = ({ code }: KafkaError, memberId: string, version: number): JoinGroupResponse => ({
  ...blank(JoinGroupResponse),
  errorCode: code,
  memberId,
  protocolName: protocolNameOf(null, version),
})

const joinResponse = (result: JoinResponse, version: number): JoinGroupResponse => ({
  throttleTimeMs: 0,
  errorCode: result.error.code,
  generationId: result.generation,
  protocolType: result.protocolType,
  protocolName: protocolNameOf(result.protocolName, version),
  leader: result.leader,
  skipAssignment: result.skipAssignment,
  memberId: result.memberId,
  members: result.members.map(({ memberId, instanceId, metadata }) => ({ memberId, groupInstanceId: instanceId, metadata })),
})
