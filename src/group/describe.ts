import { errors } from '../wire/errors.ts'
import type { ClassicGroup } from './classic-group.ts'
import { metadataOf, noBytes } from './classic-member.ts'
import type { DescribedGroup, ListedGroup } from './messages.ts'

/** The protocol, and what members want, is shown of a stable group alone. */
export function describe(group: ClassicGroup): DescribedGroup {
  const isStable = group.state === 'Stable'
  return {
    error: errors.NONE,
    message: null,
    state: group.state,
    protocolType: group.protocolType ?? '',
    protocolName: isStable ? (group.protocolName ?? '') : '',
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: isStable ? metadataOf(member, group.protocolName) : noBytes,
      assignment: member.assignment,
    })),
  }
}

export const unknownGroup = (groupId: string): DescribedGroup => ({
  error: errors.GROUP_ID_NOT_FOUND,
  message: `Group ${groupId} not found.`,
  state: 'Dead',
  protocolType: '',
  protocolName: '',
  members: [],
})

export const listed = ({ groupId, protocolType, state, type }: ClassicGroup): ListedGroup => ({
  groupId,
  protocolType: protocolType ?? '',
  state,
  type,
})
