import { decodeGroupRecord } from '../../src/group/records.ts'
import { MetadataRequest, MetadataResponse } from '../../src/wire/api/03-metadata.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../src/wire/api/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../src/wire/api/09-offset-fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../src/wire/api/10-find-coordinator.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../src/wire/api/11-join-group.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../src/wire/api/12-heartbeat.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../src/wire/api/13-leave-group.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../src/wire/api/14-sync-group.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../src/wire/api/15-describe-groups.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../src/wire/api/16-list-groups.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../src/wire/api/19-create-topics.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../src/wire/api/42-delete-groups.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../src/wire/api/47-offset-delete.ts'
import { WireClient } from '../support/wire-client.ts'
import { subscription } from '../unit/group/group-world.ts'
import { Protocol, recordsOfGroup } from './conversation.ts'

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'

const range = (...topics: string[]) => [{ name: 'range', metadata: subscription(...topics) }]
const joining = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000, protocolType: 'consumer', protocols: range('known') }
const syncing = { protocolType: 'consumer', protocolName: 'range' }

/** All requests that a group serves, and much that cannot; the answers of a broker, line by line. */
export async function converse(port: number): Promise<string[]> {
  const protocol = new Protocol(port)
  await prepare(protocol)
  await strangers(protocol)
  await dynamicMembers(protocol)
  await staticMembers(protocol)
  await offsets(protocol)
  await administration(protocol)
  await records(protocol, port)
  return protocol.lines
}

async function prepare(protocol: Protocol): Promise<void> {
  const topic = { name: 'known', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
  const client = await WireClient.open(protocol.port)
  await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [topic], timeoutMs: 30_000 })
  // Kafka answers COORDINATOR_NOT_AVAILABLE until its topic is there.
  for (;;) {
    const { errorCode } = await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: 'g', keyType: 0 })
    const listed = await client.call(ListGroupsRequest, ListGroupsResponse, 4, {})
    const found = await client.call(OffsetFetchRequest, OffsetFetchResponse, 5, { groupId: 'g', topics: null })
    if (errorCode === 0 && listed.errorCode === 0 && found.errorCode === 0) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  client.close()
  await protocol.call(FindCoordinatorRequest, FindCoordinatorResponse, 0, { key: 'g' })
  await protocol.call(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: 'g', keyType: 0 })
  await protocol.call(FindCoordinatorRequest, FindCoordinatorResponse, 4, { coordinatorKeys: ['g', 'h', ''], keyType: 0 })
  await protocol.call(FindCoordinatorRequest, FindCoordinatorResponse, 6, { coordinatorKeys: ['g'], keyType: 7 })
}

/** From clients that are not members. */
async function strangers(protocol: Protocol): Promise<void> {
  const join = (version: number, fields: Partial<JoinGroupRequest>, label: string) =>
    protocol.call(JoinGroupRequest, JoinGroupResponse, version, { groupId: 'nobody', ...joining, ...fields }, label)
  await join(9, { groupId: '' }, 'no group id')
  await join(9, { sessionTimeoutMs: 1 }, 'short session')
  await join(5, { memberId: 'x' }, 'unknown member of unknown group')
  await join(9, { memberId: 'x' }, 'unknown member of unknown group')
  await join(9, { protocolType: '' }, 'no protocol type')
  await join(9, { protocols: [] }, 'no protocols')
  await join(9, { memberId: 'x', groupInstanceId: 'i' }, 'unknown static member')
  const sync = { groupId: 'nowhere', generationId: 1, memberId: 'x' }
  await protocol.call(SyncGroupRequest, SyncGroupResponse, 3, sync)
  await protocol.call(SyncGroupRequest, SyncGroupResponse, 5, sync, 'without protocol')
  await protocol.call(SyncGroupRequest, SyncGroupResponse, 5, { ...sync, ...syncing })
  await protocol.call(SyncGroupRequest, SyncGroupResponse, 5, { ...sync, ...syncing, groupId: '' })
  for (const groupId of ['nowhere', '']) {
    await protocol.call(HeartbeatRequest, HeartbeatResponse, 4, { groupId, generationId: 1, memberId: 'x' })
    await protocol.call(LeaveGroupRequest, LeaveGroupResponse, 2, { groupId, memberId: 'x' })
    await protocol.call(LeaveGroupRequest, LeaveGroupResponse, 5, {
      groupId,
      members: [{ memberId: 'x', groupInstanceId: null, reason: null }],
    })
    await protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 5, { groups: [groupId], includeAuthorizedOperations: true })
    await protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [groupId], includeAuthorizedOperations: true })
    await protocol.call(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: [groupId, groupId] })
    await protocol.call(OffsetDeleteRequest, OffsetDeleteResponse, 0, {
      groupId,
      topics: [{ name: 'known', partitions: [{ partitionIndex: 0 }] }],
    })
  }
}

async function dynamicMembers(protocol: Protocol): Promise<void> {
  const groupId = 'dynamic'
  const join = (version: number, fields: Partial<JoinGroupRequest>, label: string) =>
    protocol.call(JoinGroupRequest, JoinGroupResponse, version, { groupId, ...joining, ...fields }, label)
  const sync = (version: number, fields: Partial<SyncGroupRequest>, label: string) =>
    protocol.call(SyncGroupRequest, SyncGroupResponse, version, { groupId, ...(version >= 5 ? syncing : {}), ...fields }, label)
  const heartbeat = (memberId: string, generationId: number, label: string) =>
    protocol.call(HeartbeatRequest, HeartbeatResponse, 4, { groupId, memberId, generationId }, label)
  const describe = (label: string) =>
    protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [groupId], includeAuthorizedOperations: true }, label)
  const { memberId } = await join(9, {}, 'without an id')
  // Kafka returns the id before it has created the group.
  await untilDescribed(protocol, groupId)
  await describe('with a pending member')
  await join(9, { memberId, protocols: [] }, 'pending, without protocols')
  await join(9, { memberId }, 'with its id')
  await describe('before the assignment')
  await heartbeat(memberId, 1, 'before the assignment')
  await sync(5, { memberId, generationId: 2 }, 'wrong generation')
  await sync(5, { memberId, generationId: 1, protocolName: 'other' }, 'wrong protocol')
  await join(9, { memberId }, 'again, before the assignment')
  const commit = { groupId, memberId, generationIdOrMemberEpoch: 1, topics: [commitOf('known', 0, 5n)] }
  await protocol.call(OffsetCommitRequest, OffsetCommitResponse, 8, commit, 'before the assignment')
  const assignments = [
    { memberId, assignment: Buffer.from('part') },
    { memberId: 'nobody', assignment: Buffer.from('x') },
  ]
  await sync(5, { memberId, generationId: 1, assignments }, 'leader')
  await sync(3, { memberId, generationId: 1 }, 'again')
  await describe('stable')
  await heartbeat(memberId, 1, 'stable')
  await heartbeat(memberId, 0, 'old generation')
  await heartbeat('nobody', 1, 'unknown member')
  await join(9, { memberId, protocolType: 'other' }, 'other type')
  await join(9, { memberId, protocols: [{ name: 'other', metadata: Buffer.alloc(0) }] }, 'other protocol')
  await protocol.call(OffsetCommitRequest, OffsetCommitResponse, 8, commit, 'stable')
  await protocol.call(OffsetCommitRequest, OffsetCommitResponse, 8, { ...commit, generationIdOrMemberEpoch: 7 }, 'wrong generation')
  await protocol.call(OffsetCommitRequest, OffsetCommitResponse, 8, { ...commit, memberId: 'x' }, 'wrong member')
  await protocol.call(
    OffsetCommitRequest,
    OffsetCommitResponse,
    8,
    { ...commit, memberId: '', generationIdOrMemberEpoch: -1 },
    'from outside',
  )
  await protocol.call(OffsetDeleteRequest, OffsetDeleteResponse, 0, {
    groupId,
    topics: [
      { name: 'known', partitions: [{ partitionIndex: 0 }] },
      { name: 'unknown', partitions: [{ partitionIndex: 0 }] },
    ],
  })
  await protocol.call(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: [groupId] }, 'with members')
  // A second member, of an old client, makes the first one join again.
  const client = await WireClient.open(protocol.port)
  const second = client.call(JoinGroupRequest, JoinGroupResponse, 3, { groupId, ...joining })
  while ((await heartbeatUnrecorded(protocol, groupId, memberId, 1)) === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  await heartbeat(memberId, 1, 'while gathering')
  await sync(5, { memberId, generationId: 1 }, 'while gathering')
  await describe('gathering')
  await join(9, { memberId }, 'leader, again')
  // The two are answered at the same time, in no order.
  protocol.note('second member', await second)
  client.close()
  const follower = (await second).memberId
  await join(9, { memberId: follower }, 'follower, again, before the assignment')
  await sync(5, { memberId, generationId: 2, assignments: [{ memberId: follower, assignment: Buffer.from('all') }] }, 'leader')
  await sync(0, { memberId: follower, generationId: 2 }, 'follower')
  await join(9, { memberId: follower }, 'follower, unchanged, stable')
  await describe('two members')
  const left = [memberId, 'nobody', follower].map((each) => ({ memberId: each, groupInstanceId: null, reason: null }))
  await protocol.call(LeaveGroupRequest, LeaveGroupResponse, 5, { groupId, members: left })
  await describe('left')
  await join(9, { memberId }, 'one that left')
  await heartbeat(memberId, 3, 'empty')
  await sync(5, { memberId, generationId: 3 }, 'empty')
}

async function staticMembers(protocol: Protocol): Promise<void> {
  const groupId = 'static'
  const groupInstanceId = 'instance'
  const join = (version: number, fields: Partial<JoinGroupRequest>, label: string) =>
    protocol.call(JoinGroupRequest, JoinGroupResponse, version, { groupId, groupInstanceId, ...joining, ...fields }, label)
  const first = await join(9, {}, 'first')
  const assignments = [{ memberId: first.memberId, assignment: Buffer.from('part') }]
  await protocol.call(SyncGroupRequest, SyncGroupResponse, 5, {
    groupId,
    groupInstanceId,
    memberId: first.memberId,
    generationId: 1,
    ...syncing,
    assignments,
  })
  const second = await join(9, {}, 'again')
  const third = await join(8, {}, 'again, older client')
  await join(9, { memberId: second.memberId }, 'fenced')
  await join(9, { memberId: third.memberId, groupInstanceId: 'other' }, 'other instance')
  for (const [memberId, instance] of [
    [second.memberId, groupInstanceId],
    [third.memberId, groupInstanceId],
    [third.memberId, 'other'],
    [third.memberId, null],
  ] as const) {
    await protocol.call(
      HeartbeatRequest,
      HeartbeatResponse,
      4,
      { groupId, memberId, groupInstanceId: instance, generationId: 1 },
      `${instance}`,
    )
    const commit = { groupId, memberId, groupInstanceId: instance, generationIdOrMemberEpoch: 1, topics: [commitOf('known', 1, 9n)] }
    await protocol.call(OffsetCommitRequest, OffsetCommitResponse, 8, commit, `${instance}`)
  }
  await protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [groupId] })
  const members = [
    { memberId: '', groupInstanceId: 'other', reason: null },
    { memberId: second.memberId, groupInstanceId, reason: null },
    { memberId: '', groupInstanceId, reason: 'done' },
  ]
  await protocol.call(LeaveGroupRequest, LeaveGroupResponse, 5, { groupId, members })
}

async function offsets(protocol: Protocol): Promise<void> {
  const commit = (version: number, fields: Partial<OffsetCommitRequest>, label: string) =>
    protocol.call(
      OffsetCommitRequest,
      OffsetCommitResponse,
      version,
      { groupId: 'simple', memberId: '', generationIdOrMemberEpoch: -1, ...fields },
      label,
    )
  await commit(2, { topics: [commitOf('known', 0, 1n, 'old')], retentionTimeMs: -1n }, 'simple')
  await commit(3, { topics: [commitOf('known', 0, 1n, 'old')], retentionTimeMs: 100_000n }, 'with a retention time')
  await commit(9, { topics: [commitOf('known', 7, 2n), commitOf('unknown', 0, 2n)] }, 'unknown topics')
  await commit(9, { topics: [commitOf('known', 0, 2n)] }, 'again')
  await commit(9, { topics: [commitOf('known', 1, 3n, 'm'.repeat(4097))] }, 'long metadata')
  await commit(9, { topics: [commitOf('known', 1, 3n, 'm'.repeat(4096))] }, 'metadata')
  await commit(9, { topics: [commitOf('known', 1, -7n)] }, 'negative offset')
  await commit(9, { topics: [] }, 'nothing')
  await commit(9, { topics: [commitOf('unknown', 0, 2n)], generationIdOrMemberEpoch: 4 }, 'only unknown')
  await commit(8, { groupId: 'fresh', topics: [commitOf('known', 0, 2n)], generationIdOrMemberEpoch: 4, memberId: 'x' }, 'no group')
  await commit(9, { groupId: 'fresh', topics: [commitOf('known', 0, 2n)], generationIdOrMemberEpoch: 4, memberId: 'x' }, 'no group')
  await commit(9, { groupId: 'fresh', topics: [commitOf('known', 0, 2n)], memberId: 'x' }, 'no group, a member without generation')
  await commit(9, { groupId: '', topics: [commitOf('known', 0, 2n)] }, 'group without a name')
  await commit(10, { topics: [{ ...commitOf('', 0, 4n), topicId: 'AQEBAQEBAQEBAQEBAQEBAQ' }] }, 'unknown id')
  const client = await WireClient.open(protocol.port)
  const { topics } = await client.call(MetadataRequest, MetadataResponse, 12, { topics: [{ name: 'known', topicId: zeroId }] })
  const { topicId } = topics[0]!
  const byId = await client.call(OffsetCommitRequest, OffsetCommitResponse, 10, {
    groupId: 'by-id',
    generationIdOrMemberEpoch: -1,
    topics: [{ ...commitOf('', 0, 4n), topicId }],
  })
  protocol.note(
    'commit by id',
    byId.topics.map(({ partitions }) => partitions),
  )
  const asked = { topicId, partitionIndexes: [0, 1] }
  const read = await client.call(OffsetFetchRequest, OffsetFetchResponse, 10, {
    groups: [
      { groupId: 'by-id', memberId: null, memberEpoch: -1, topics: [{ ...asked, name: '' }] },
      { groupId: 'by-id', memberId: null, memberEpoch: -1, topics: null },
      {
        groupId: 'by-id',
        memberId: null,
        memberEpoch: -1,
        topics: [{ name: '', topicId: 'AQEBAQEBAQEBAQEBAQEBAQ', partitionIndexes: [0] }],
      },
    ],
  })
  protocol.note(
    'fetch by id',
    read.groups.map((group) => group.topics.map(({ partitions }) => [group.errorCode, partitions])),
  )
  client.close()
  const names = [
    { name: 'known', partitionIndexes: [0, 1, 7] },
    { name: 'unknown', partitionIndexes: [0] },
  ]
  for (const groupId of ['simple', 'nowhere', '']) {
    for (const version of [1, 2, 5, 7])
      await protocol.call(OffsetFetchRequest, OffsetFetchResponse, version, { groupId, topics: names }, groupId)
    for (const version of [2, 7]) await protocol.call(OffsetFetchRequest, OffsetFetchResponse, version, { groupId, topics: null }, groupId)
    const groups = [null, names.map((each) => ({ ...each, topicId: zeroId }))].map((each) => ({
      groupId,
      memberId: null,
      memberEpoch: -1,
      topics: each,
    }))
    for (const version of [8, 9])
      await protocol.call(OffsetFetchRequest, OffsetFetchResponse, version, { groups, requireStable: true }, groupId)
  }
  const withMember = [{ groupId: 'simple', memberId: 'x', memberEpoch: 5, topics: null }]
  await protocol.call(OffsetFetchRequest, OffsetFetchResponse, 9, { groups: withMember }, 'a member of a classic group')
}

async function administration(protocol: Protocol): Promise<void> {
  const list = async (version: number, fields: Partial<ListGroupsRequest>, label: string): Promise<void> => {
    const client = await WireClient.open(protocol.port)
    const { errorCode, groups } = await client.call(ListGroupsRequest, ListGroupsResponse, version, fields)
    client.close()
    const ours = groups.sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
    protocol.note(`ListGroups v${version} ${label}`, [errorCode, ours])
  }
  await list(0, {}, '')
  await list(4, {}, '')
  await list(5, {}, '')
  await list(4, { statesFilter: ['eMPTY'] }, 'empty')
  await list(5, { statesFilter: ['Stable', 'Nonsense'] }, 'stable')
  await list(5, { typesFilter: ['CLASSIC'] }, 'classic')
  await list(5, { typesFilter: ['consumer'] }, 'consumer')
  await list(5, { typesFilter: ['nonsense'] }, 'nonsense')
  await protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 4, { groups: ['simple', 'dynamic'] })
  const topics = [
    { name: 'known', partitions: [{ partitionIndex: 0 }, { partitionIndex: 1 }, { partitionIndex: 9 }] },
    { name: 'unknown', partitions: [{ partitionIndex: 0 }] },
  ]
  await protocol.call(OffsetDeleteRequest, OffsetDeleteResponse, 0, { groupId: 'simple', topics })
  await protocol.call(OffsetFetchRequest, OffsetFetchResponse, 7, { groupId: 'simple', topics: null })
  await protocol.call(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: ['dynamic', 'nowhere', 'by-id'] })
  await list(5, {}, 'after the deletion')
}

/** What the offsets topic holds of some groups: keys and values, but for the times. */
async function records(protocol: Protocol, port: number): Promise<void> {
  const client = await WireClient.open(port)
  const { topics } = await client.call(MetadataRequest, MetadataResponse, 8, { topics: [{ name: '__consumer_offsets', topicId: zeroId }] })
  const { partitions, isInternal } = topics[0]!
  protocol.note('offsets topic', [partitions.length, isInternal])
  client.close()
  for (const groupId of ['dynamic', 'static', 'simple', 'by-id']) {
    for (const { key, value } of await recordsOfGroup(port, groupId)) {
      protocol.note(`record of ${groupId}`, [key.toString('latin1'), value === null ? null : masked(key, value)])
    }
  }
}

/** The version of a value and what it says, but for times and topic ids. */
function masked(key: Buffer, value: Buffer): unknown {
  const record = decodeGroupRecord(key, value)!
  if (record.type === 'classicGroup') return [value.readInt16BE(0), { ...record.value, currentStateTimestamp: 0 }]
  return [value.readInt16BE(0), value.length, { ...record.value, commitTimestamp: 0, expireTimestamp: 0, topicId: '' }]
}

const commitOf = (name: string, partitionIndex: number, committedOffset: bigint, committedMetadata: string | null = 'm') => ({
  name,
  topicId: zeroId,
  partitions: [{ partitionIndex, committedOffset, committedLeaderEpoch: -1, committedMetadata }],
})

async function heartbeatUnrecorded(protocol: Protocol, groupId: string, memberId: string, generationId: number): Promise<number> {
  const client = await WireClient.open(protocol.port)
  const { errorCode } = await client.call(HeartbeatRequest, HeartbeatResponse, 4, { groupId, memberId, generationId })
  client.close()
  return errorCode
}

async function untilDescribed(protocol: Protocol, groupId: string): Promise<void> {
  const client = await WireClient.open(protocol.port)
  for (;;) {
    const { groups } = await client.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [groupId] })
    if (groups[0]!.errorCode === 0) break
  }
  client.close()
}
