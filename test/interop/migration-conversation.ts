import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../src/wire/api/10-find-coordinator.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../src/wire/api/13-leave-group.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../src/wire/api/15-describe-groups.ts'
import { encode } from '../../src/wire/codec.ts'
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from '../../src/wire/internal/consumer-protocol.ts'
import { blank } from '../../src/wire/schema.ts'
import { WireClient } from '../support/wire-client.ts'
import { assignment, ConsumerConversation, joining, owning, until } from './consumer-protocol.ts'

/** Groups that change their protocol, in each direction, with members of either kind; the answers of a broker, line by line. */
export async function converse(port: number): Promise<string[]> {
  const conversation = new ConsumerConversation(port)
  await until('groups are coordinated', async () => {
    const client = await WireClient.open(port)
    const found = await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: 'g', keyType: 0 })
    client.close()
    return found.errorCode === 0
  })
  await conversation.create('a', 4)
  for (const [part, name] of [
    [joinsConsumers(conversation, null), 'classic dynamic member joins consumers'],
    [joinsConsumers(conversation, 'i'), 'classic static member joins consumers'],
    [lastConsumerLeaves(conversation, null), 'the last consumer leaves dynamic classic members'],
    [lastConsumerLeaves(conversation, 'i'), 'the last consumer leaves static classic members'],
    [staticReplacement(conversation), 'static members are replaced, one protocol by the other'],
    [consumerJoins(conversation, null, null), 'a consumer joins dynamic classic members'],
    [consumerJoins(conversation, 'i', null), 'a consumer joins static classic members'],
    [consumerJoins(conversation, null, Buffer.from('user data')), 'a consumer joins classic members whose assignment has user data'],
    [consumerJoins(conversation, null, Buffer.alloc(0)), 'a consumer joins classic members whose assignment has empty user data'],
    [subscribedWithData(conversation), 'a consumer joins classic members whose subscription has user data'],
    [lastConsumerIsRemoved(conversation, null), 'the last consumer is removed from among dynamic classic members'],
    [lastConsumerIsRemoved(conversation, 'i'), 'the last consumer is removed from among static classic members'],
    [twoStatics(conversation), 'two static members change their protocol one after the other, and back'],
    [leavesByInstance(conversation), 'members leave by their instance alone'],
  ] as const) {
    conversation.protocol.note('PART', name)
    await part().catch((error: Error) => conversation.protocol.note('ENDED', error.message))
  }
  return conversation.protocol.lines.map((line) => line.replace(/(i\d?|MEMBER)-[0-9a-f-]+/g, 'MADE-UP'))
}

const describe = (conversation: ConsumerConversation, group: string, label: string) =>
  conversation.protocol
    .call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [group] }, label)
    .then(() => conversation.describe(label, group))

/** Joins as clients do: again with the id that it was given. */
async function joined(conversation: ConsumerConversation, group: string, instance: string | null, label: string, fields: object = {}) {
  const first = await conversation.join(group, '', { groupInstanceId: instance, ...fields }, label)
  if (first.memberId !== '') conversation.protocol.nameId(first.memberId, `${group}-${label}`.toUpperCase())
  return first.errorCode === 79
    ? conversation.join(group, first.memberId, { groupInstanceId: instance, ...fields }, `${label}, with its id`)
    : first
}

const joinsConsumers = (conversation: ConsumerConversation, instance: string | null) => async () => {
  const g = `joins-${instance ?? 'dynamic'}`
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'))
  await conversation.join(g, '', { groupInstanceId: instance }, 'old version', instance === null ? 3 : 5)
  await joined(conversation, g, instance, 'classic')
  await conversation.join(g, 'unknown', { groupInstanceId: instance }, 'unknown member')
}

const lastConsumerLeaves = (conversation: ConsumerConversation, instance: string | null) => async () => {
  const g = `last-${instance ?? 'dynamic'}`
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'))
  const classic = await joined(conversation, g, instance, 'classic')
  if (classic.errorCode !== 0) return
  await conversation.settle(g, 'm1', 2, classic.generationId)
  const again = await conversation.join(g, classic.memberId, { groupInstanceId: instance }, 'again')
  await conversation.sync(g, classic.memberId, again.generationId, { groupInstanceId: instance }, 'its part')
  await conversation.consumerHeartbeat(g, 'm1', -1, {}, 'leaves')
  await describe(conversation, g, 'left')
  await conversation.heartbeat(g, classic.memberId, again.generationId, 'with the old generation')
  await conversation.heartbeat(g, classic.memberId, again.generationId + 1, 'with the new generation')
  await conversation.sync(g, classic.memberId, again.generationId, { groupInstanceId: instance }, 'with the old generation')
  await conversation.sync(g, classic.memberId, again.generationId + 1, { groupInstanceId: instance }, 'with the new generation')
  const anew = await conversation.join(g, classic.memberId, { groupInstanceId: instance }, 'anew')
  await conversation.sync(
    g,
    classic.memberId,
    anew.generationId,
    { groupInstanceId: instance, assignments: [{ memberId: classic.memberId, assignment: assignment('a', 0, 1, 2, 3) }] },
    'anew',
  )
  await describe(conversation, g, 'anew')
  await conversation.records(g)
}

const staticReplacement = (conversation: ConsumerConversation) => async () => {
  const g = 'replaced'
  const first = await joined(conversation, g, 'i1', 'first')
  await conversation.sync(g, first.memberId, first.generationId, {
    groupInstanceId: 'i1',
    assignments: [{ memberId: first.memberId, assignment: assignment('a', 0, 1, 2, 3) }],
  })
  await describe(conversation, g, 'classic')
  await conversation.consumerHeartbeat(g, 'm1', 0, { ...joining('a'), instanceId: 'i1' }, 'the same instance as a consumer')
  await describe(conversation, g, 'as a consumer')
  await conversation.heartbeat(g, first.memberId, first.generationId, 'of the classic one')
  await conversation.consumerHeartbeat(g, 'm1', 1, { instanceId: 'i1' }, 'continues')
  await conversation.consumerHeartbeat(g, 'm1', 2, { instanceId: 'i1' }, 'continues')
  const back = await joined(conversation, g, 'i1', 'back')
  await describe(conversation, g, 'classic again')
  await conversation.sync(g, back.memberId, back.generationId, { groupInstanceId: 'i1' }, 'after it')
  await conversation.heartbeat(g, back.memberId, back.generationId, 'after it')
  await conversation.consumerHeartbeat(g, 'm1', 2, { instanceId: 'i1' }, 'of the consumer')
  await conversation.records(g)
}

const consumerJoins = (conversation: ConsumerConversation, instance: string | null, userData: Buffer | null) => async () => {
  const g = `upgrade-${instance ?? 'dynamic'}-${userData === null ? 'plain' : `data-${userData.length}`}`
  const first = await joined(conversation, g, instance, 'first')
  const bytes = Buffer.concat([
    Buffer.from([0, 0]),
    encode(ConsumerProtocolAssignment, 0, { assignedPartitions: [{ topic: 'a', partitions: [0, 1, 2, 3] }], userData }),
  ])
  await conversation.sync(g, first.memberId, first.generationId, {
    groupInstanceId: instance,
    assignments: [{ memberId: first.memberId, assignment: bytes }],
  })
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'), 'a consumer comes')
  await describe(conversation, g, 'it has come')
  await conversation.heartbeat(g, first.memberId, first.generationId, 'is called')
  const owns = { protocols: [{ name: 'range', metadata: owning('a', 0, 1, 2, 3) }], groupInstanceId: instance }
  const second = await conversation.join(g, first.memberId, owns, 'owns all')
  await conversation.sync(g, first.memberId, second.generationId, { groupInstanceId: instance }, 'what is left')
  await conversation.heartbeat(g, first.memberId, second.generationId, 'has failed')
  const third = await conversation.join(
    g,
    first.memberId,
    { protocols: [{ name: 'range', metadata: owning('a', 0, 1) }], groupInstanceId: instance },
    'owns half',
  )
  await conversation.sync(g, first.memberId, third.generationId, { groupInstanceId: instance }, 'after that')
  await conversation.heartbeat(g, first.memberId, third.generationId, 'after that')
  await conversation.consumerHeartbeat(g, 'm1', 2, {}, 'gets the rest')
  await describe(conversation, g, 'shared')
  await conversation.records(g)
}

const subscribedWithData = (conversation: ConsumerConversation) => async () => {
  const g = 'subscribed-data'
  const metadata = Buffer.concat([
    Buffer.from([0, 1]),
    encode(ConsumerProtocolSubscription, 1, {
      ...blank(ConsumerProtocolSubscription),
      topics: ['a'],
      userData: Buffer.from('sticky'),
      ownedPartitions: [{ topic: 'a', partitions: [0, 1, 2, 3] }],
    }),
  ])
  const protocols = { protocols: [{ name: 'sticky', metadata }] }
  const first = await joined(conversation, g, null, 'first', protocols)
  const assignments = [{ memberId: first.memberId, assignment: assignment('a', 0, 1, 2, 3) }]
  await conversation.sync(g, first.memberId, first.generationId, { protocolName: 'sticky', assignments })
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'), 'a consumer comes')
  await describe(conversation, g, 'it has come')
  await conversation.heartbeat(g, first.memberId, first.generationId, 'is called')
  const second = await conversation.join(g, first.memberId, protocols, 'owns all')
  await conversation.sync(g, first.memberId, second.generationId, { protocolName: 'sticky' }, 'what is left')
  const owns = { protocols: [{ name: 'sticky', metadata: owning('a', 0, 1) }] }
  const third = await conversation.join(g, first.memberId, owns, 'owns half')
  await conversation.sync(g, first.memberId, third.generationId, { protocolName: 'sticky' }, 'after that')
  await conversation.consumerHeartbeat(g, 'm1', 2, {}, 'gets the rest')
  await describe(conversation, g, 'shared')
}

const lastConsumerIsRemoved = (conversation: ConsumerConversation, instance: string | null) => async () => {
  const g = `removed-${instance ?? 'dynamic'}`
  await conversation.consumerHeartbeat(g, 'm1', 0, { ...joining('a'), instanceId: instance === null ? null : 'consumer' })
  const classic = await joined(conversation, g, instance, 'classic')
  if (classic.errorCode !== 0) return
  await conversation.settle(g, 'm1', 2, classic.generationId)
  const again = await conversation.join(g, classic.memberId, { groupInstanceId: instance }, 'again')
  await conversation.protocol.call(LeaveGroupRequest, LeaveGroupResponse, 5, {
    groupId: g,
    members: [{ memberId: instance === null ? 'm1' : '', groupInstanceId: instance === null ? null : 'consumer', reason: null }],
  })
  await describe(conversation, g, 'removed')
  await conversation.sync(g, classic.memberId, again.generationId, { groupInstanceId: instance }, 'its part')
  await conversation.heartbeat(g, classic.memberId, again.generationId, 'is called')
  const anew = await conversation.join(g, classic.memberId, { groupInstanceId: instance }, 'anew')
  const assignments = [{ memberId: classic.memberId, assignment: assignment('a', 0, 1, 2, 3) }]
  await conversation.sync(g, classic.memberId, anew.generationId, { groupInstanceId: instance, assignments }, 'anew')
  await describe(conversation, g, 'anew')
  await conversation.records(g)
}

const twoStatics = (conversation: ConsumerConversation) => async () => {
  const g = 'two'
  const one = await joined(conversation, g, 'i1', 'one')
  await conversation.sync(g, one.memberId, 1, {
    groupInstanceId: 'i1',
    assignments: [{ memberId: one.memberId, assignment: assignment('a', 0, 1, 2, 3) }],
  })
  const at = conversation.protocol.lines.length
  const two = conversation.join(g, '', { groupInstanceId: 'i2' }, 'two')
  await until('the group is called together', async () => (await conversation.quietHeartbeat(g, one.memberId, 1)) === 27)
  const [again, other] = await Promise.all([conversation.join(g, one.memberId, { groupInstanceId: 'i1' }, 'one again'), two])
  // Both are answered at once, in either order.
  conversation.protocol.lines.splice(at, 2, ...conversation.protocol.lines.slice(at, at + 2).sort())
  conversation.protocol.nameId(other.memberId, 'TWO-OTHER')
  // Kafka elects the leader out of a hash table.
  const isFirst = again.leader === one.memberId
  const assignments = [
    { memberId: one.memberId, assignment: assignment('a', 0, 1) },
    { memberId: other.memberId, assignment: assignment('a', 2, 3) },
  ]
  await conversation.sync(g, isFirst ? one.memberId : other.memberId, 2, { groupInstanceId: isFirst ? 'i1' : 'i2', assignments }, 'leads')
  await conversation.sync(g, isFirst ? other.memberId : one.memberId, 2, { groupInstanceId: isFirst ? 'i2' : 'i1' }, 'follows')
  await describe(conversation, g, 'classic')
  await conversation.consumerHeartbeat(g, 'm1', 0, { ...joining('a'), instanceId: 'i1' }, 'i1 as a consumer')
  await describe(conversation, g, 'one has changed')
  await conversation.heartbeat(g, one.memberId, 2, 'of the former i1')
  await conversation.heartbeat(g, other.memberId, 2, 'of i2')
  await conversation.sync(g, other.memberId, 2, { groupInstanceId: 'i2' }, 'of i2')
  await conversation.consumerHeartbeat(g, 'm1', 2, { instanceId: 'i1' }, 'continues')
  const back = await conversation.join(g, '', { groupInstanceId: 'i1' }, 'i1 as it was')
  conversation.protocol.nameId(back.memberId, 'TWO-BACK')
  await describe(conversation, g, 'it has changed back')
  await conversation.sync(g, back.memberId, back.generationId, { groupInstanceId: 'i1' }, 'of i1')
  await conversation.heartbeat(g, other.memberId, 2, 'of i2, after that')
  await conversation.sync(g, other.memberId, 2, { groupInstanceId: 'i2' }, 'of i2, after that')
  await conversation.heartbeat(g, back.memberId, back.generationId, 'of i1, after that')
  await conversation.consumerHeartbeat(g, 'm2', 0, { ...joining('a'), instanceId: 'i2' }, 'i2 as a consumer')
  await conversation.consumerHeartbeat(g, 'm1', 0, { ...joining('a'), instanceId: 'i1' }, 'i1 as a consumer again')
  await describe(conversation, g, 'both have changed')
  await conversation.consumerHeartbeat(g, 'm1', -1, { instanceId: 'i1' }, 'i1 leaves')
  await describe(conversation, g, 'one has left')
  await conversation.records(g)
}

const leavesByInstance = (conversation: ConsumerConversation) => async () => {
  const g = 'leaving'
  await conversation.consumerHeartbeat(g, 'm1', 0, { ...joining('a'), instanceId: 'i1' })
  await conversation.consumerHeartbeat(g, 'm2', 0, { ...joining('a'), instanceId: 'i2' })
  await conversation.consumerHeartbeat(g, 'm3', 0, { ...joining('a'), instanceId: 'i3' })
  const leave = (members: readonly (readonly [string, string | null])[], version: number) =>
    conversation.protocol.call(LeaveGroupRequest, LeaveGroupResponse, version, {
      groupId: g,
      members: members.map(([memberId, groupInstanceId]) => ({ memberId, groupInstanceId, reason: null })),
    })
  await leave([['', 'i1']], 5)
  await leave(
    [
      ['', 'i1'],
      ['', 'nowhere'],
      ['m2', 'i1'],
      ['m3', 'i2'],
      ['', null],
    ],
    5,
  )
  await leave(
    [
      ['', 'i2'],
      ['', 'i2'],
    ],
    4,
  )
  await leave([['m3', 'i3']], 3)
  await describe(conversation, g, 'left')
}
