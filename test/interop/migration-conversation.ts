import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../src/wire/api/10-find-coordinator.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../src/wire/api/13-leave-group.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../src/wire/api/15-describe-groups.ts'
import { encode } from '../../src/wire/codec.ts'
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from '../../src/wire/internal/consumer-protocol.ts'
import { blank } from '../../src/wire/schema.ts'
import { WireClient } from '../support/wire-client.ts'
import { assignment, joining, owning, Talk, until } from './consumer-talk.ts'

/** Groups that change their protocol, in each direction, with members of either kind; the answers of a broker, line by line. */
export async function converse(port: number): Promise<string[]> {
  const talk = new Talk(port)
  await until('groups are coordinated', async () => {
    const client = await WireClient.open(port)
    const found = await client.ask(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: 'g', keyType: 0 })
    client.close()
    return found.errorCode === 0
  })
  await talk.create('a', 4)
  for (const [part, name] of [
    [joinsConsumers(talk, null), 'classic dynamic member joins consumers'],
    [joinsConsumers(talk, 'i'), 'classic static member joins consumers'],
    [lastConsumerLeaves(talk, null), 'the last consumer leaves dynamic classic members'],
    [lastConsumerLeaves(talk, 'i'), 'the last consumer leaves static classic members'],
    [staticReplacement(talk), 'static members are replaced, one protocol by the other'],
    [consumerJoins(talk, null, null), 'a consumer joins dynamic classic members'],
    [consumerJoins(talk, 'i', null), 'a consumer joins static classic members'],
    [consumerJoins(talk, null, Buffer.from('user data')), 'a consumer joins classic members whose assignment has user data'],
    [consumerJoins(talk, null, Buffer.alloc(0)), 'a consumer joins classic members whose assignment has empty user data'],
    [subscribedWithData(talk), 'a consumer joins classic members whose subscription has user data'],
    [lastConsumerIsRemoved(talk, null), 'the last consumer is removed from among dynamic classic members'],
    [lastConsumerIsRemoved(talk, 'i'), 'the last consumer is removed from among static classic members'],
    [twoStatics(talk), 'two static members change their protocol one after the other, and back'],
    [leavesByInstance(talk), 'members leave by their instance alone'],
  ] as const) {
    talk.said.note('PART', name)
    await part().catch((error: Error) => talk.said.note('ENDED', error.message))
  }
  return talk.said.lines.map((line) => line.replace(/(i\d?|MEMBER)-[0-9a-f-]+/g, 'MADE-UP'))
}

const describe = (talk: Talk, group: string, label: string) =>
  talk.said.ask(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [group] }, label).then(() => talk.describe(label, group))

/** Joins as clients do: again with the id that it was given. */
async function joined(talk: Talk, group: string, instance: string | null, label: string, fields: object = {}) {
  const first = await talk.join(group, '', { groupInstanceId: instance, ...fields }, label)
  if (first.memberId !== '') talk.said.call(first.memberId, `${group}-${label}`.toUpperCase())
  return first.errorCode === 79
    ? talk.join(group, first.memberId, { groupInstanceId: instance, ...fields }, `${label}, with its id`)
    : first
}

const joinsConsumers = (talk: Talk, instance: string | null) => async () => {
  const g = `joins-${instance ?? 'dynamic'}`
  await talk.beat(g, 'm1', 0, joining('a'))
  await talk.join(g, '', { groupInstanceId: instance }, 'old version', instance === null ? 3 : 5)
  await joined(talk, g, instance, 'classic')
  await talk.join(g, 'unknown', { groupInstanceId: instance }, 'unknown member')
}

const lastConsumerLeaves = (talk: Talk, instance: string | null) => async () => {
  const g = `last-${instance ?? 'dynamic'}`
  await talk.beat(g, 'm1', 0, joining('a'))
  const classic = await joined(talk, g, instance, 'classic')
  if (classic.errorCode !== 0) return
  await talk.settle(g, 'm1', 2, classic.generationId)
  const again = await talk.join(g, classic.memberId, { groupInstanceId: instance }, 'again')
  await talk.sync(g, classic.memberId, again.generationId, { groupInstanceId: instance }, 'its part')
  await talk.beat(g, 'm1', -1, {}, 'leaves')
  await describe(talk, g, 'left')
  await talk.heartbeat(g, classic.memberId, again.generationId, 'with the old generation')
  await talk.heartbeat(g, classic.memberId, again.generationId + 1, 'with the new generation')
  await talk.sync(g, classic.memberId, again.generationId, { groupInstanceId: instance }, 'with the old generation')
  await talk.sync(g, classic.memberId, again.generationId + 1, { groupInstanceId: instance }, 'with the new generation')
  const anew = await talk.join(g, classic.memberId, { groupInstanceId: instance }, 'anew')
  await talk.sync(
    g,
    classic.memberId,
    anew.generationId,
    { groupInstanceId: instance, assignments: [{ memberId: classic.memberId, assignment: assignment('a', 0, 1, 2, 3) }] },
    'anew',
  )
  await describe(talk, g, 'anew')
  await talk.records(g)
}

const staticReplacement = (talk: Talk) => async () => {
  const g = 'replaced'
  const first = await joined(talk, g, 'i1', 'first')
  await talk.sync(g, first.memberId, first.generationId, {
    groupInstanceId: 'i1',
    assignments: [{ memberId: first.memberId, assignment: assignment('a', 0, 1, 2, 3) }],
  })
  await describe(talk, g, 'classic')
  await talk.beat(g, 'm1', 0, { ...joining('a'), instanceId: 'i1' }, 'the same instance as a consumer')
  await describe(talk, g, 'as a consumer')
  await talk.heartbeat(g, first.memberId, first.generationId, 'of the classic one')
  await talk.beat(g, 'm1', 1, { instanceId: 'i1' }, 'continues')
  await talk.beat(g, 'm1', 2, { instanceId: 'i1' }, 'continues')
  const back = await joined(talk, g, 'i1', 'back')
  await describe(talk, g, 'classic again')
  await talk.sync(g, back.memberId, back.generationId, { groupInstanceId: 'i1' }, 'after it')
  await talk.heartbeat(g, back.memberId, back.generationId, 'after it')
  await talk.beat(g, 'm1', 2, { instanceId: 'i1' }, 'of the consumer')
  await talk.records(g)
}

const consumerJoins = (talk: Talk, instance: string | null, userData: Buffer | null) => async () => {
  const g = `upgrade-${instance ?? 'dynamic'}-${userData === null ? 'plain' : `data-${userData.length}`}`
  const first = await joined(talk, g, instance, 'first')
  const bytes = Buffer.concat([
    Buffer.from([0, 0]),
    encode(ConsumerProtocolAssignment, 0, { assignedPartitions: [{ topic: 'a', partitions: [0, 1, 2, 3] }], userData }),
  ])
  await talk.sync(g, first.memberId, first.generationId, {
    groupInstanceId: instance,
    assignments: [{ memberId: first.memberId, assignment: bytes }],
  })
  await talk.beat(g, 'm1', 0, joining('a'), 'a consumer comes')
  await describe(talk, g, 'it has come')
  await talk.heartbeat(g, first.memberId, first.generationId, 'is called')
  const owns = { protocols: [{ name: 'range', metadata: owning('a', 0, 1, 2, 3) }], groupInstanceId: instance }
  const second = await talk.join(g, first.memberId, owns, 'owns all')
  await talk.sync(g, first.memberId, second.generationId, { groupInstanceId: instance }, 'what is left')
  await talk.heartbeat(g, first.memberId, second.generationId, 'has failed')
  const third = await talk.join(
    g,
    first.memberId,
    { protocols: [{ name: 'range', metadata: owning('a', 0, 1) }], groupInstanceId: instance },
    'owns half',
  )
  await talk.sync(g, first.memberId, third.generationId, { groupInstanceId: instance }, 'after that')
  await talk.heartbeat(g, first.memberId, third.generationId, 'after that')
  await talk.beat(g, 'm1', 2, {}, 'gets the rest')
  await describe(talk, g, 'shared')
  await talk.records(g)
}

const subscribedWithData = (talk: Talk) => async () => {
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
  const first = await joined(talk, g, null, 'first', protocols)
  const assignments = [{ memberId: first.memberId, assignment: assignment('a', 0, 1, 2, 3) }]
  await talk.sync(g, first.memberId, first.generationId, { protocolName: 'sticky', assignments })
  await talk.beat(g, 'm1', 0, joining('a'), 'a consumer comes')
  await describe(talk, g, 'it has come')
  await talk.heartbeat(g, first.memberId, first.generationId, 'is called')
  const second = await talk.join(g, first.memberId, protocols, 'owns all')
  await talk.sync(g, first.memberId, second.generationId, { protocolName: 'sticky' }, 'what is left')
  const owns = { protocols: [{ name: 'sticky', metadata: owning('a', 0, 1) }] }
  const third = await talk.join(g, first.memberId, owns, 'owns half')
  await talk.sync(g, first.memberId, third.generationId, { protocolName: 'sticky' }, 'after that')
  await talk.beat(g, 'm1', 2, {}, 'gets the rest')
  await describe(talk, g, 'shared')
}

const lastConsumerIsRemoved = (talk: Talk, instance: string | null) => async () => {
  const g = `removed-${instance ?? 'dynamic'}`
  await talk.beat(g, 'm1', 0, { ...joining('a'), instanceId: instance === null ? null : 'consumer' })
  const classic = await joined(talk, g, instance, 'classic')
  if (classic.errorCode !== 0) return
  await talk.settle(g, 'm1', 2, classic.generationId)
  const again = await talk.join(g, classic.memberId, { groupInstanceId: instance }, 'again')
  await talk.said.ask(LeaveGroupRequest, LeaveGroupResponse, 5, {
    groupId: g,
    members: [{ memberId: instance === null ? 'm1' : '', groupInstanceId: instance === null ? null : 'consumer', reason: null }],
  })
  await describe(talk, g, 'removed')
  await talk.sync(g, classic.memberId, again.generationId, { groupInstanceId: instance }, 'its part')
  await talk.heartbeat(g, classic.memberId, again.generationId, 'is called')
  const anew = await talk.join(g, classic.memberId, { groupInstanceId: instance }, 'anew')
  const assignments = [{ memberId: classic.memberId, assignment: assignment('a', 0, 1, 2, 3) }]
  await talk.sync(g, classic.memberId, anew.generationId, { groupInstanceId: instance, assignments }, 'anew')
  await describe(talk, g, 'anew')
  await talk.records(g)
}

const twoStatics = (talk: Talk) => async () => {
  const g = 'two'
  const one = await joined(talk, g, 'i1', 'one')
  await talk.sync(g, one.memberId, 1, {
    groupInstanceId: 'i1',
    assignments: [{ memberId: one.memberId, assignment: assignment('a', 0, 1, 2, 3) }],
  })
  const at = talk.said.lines.length
  const two = talk.join(g, '', { groupInstanceId: 'i2' }, 'two')
  await until('the group is called together', async () => (await talk.quietHeartbeat(g, one.memberId, 1)) === 27)
  const [again, other] = await Promise.all([talk.join(g, one.memberId, { groupInstanceId: 'i1' }, 'one again'), two])
  // Both are answered at once, in either order.
  talk.said.lines.splice(at, 2, ...talk.said.lines.slice(at, at + 2).sort())
  talk.said.call(other.memberId, 'TWO-OTHER')
  // Kafka elects the leader out of a hash table.
  const isFirst = again.leader === one.memberId
  const assignments = [
    { memberId: one.memberId, assignment: assignment('a', 0, 1) },
    { memberId: other.memberId, assignment: assignment('a', 2, 3) },
  ]
  await talk.sync(g, isFirst ? one.memberId : other.memberId, 2, { groupInstanceId: isFirst ? 'i1' : 'i2', assignments }, 'leads')
  await talk.sync(g, isFirst ? other.memberId : one.memberId, 2, { groupInstanceId: isFirst ? 'i2' : 'i1' }, 'follows')
  await describe(talk, g, 'classic')
  await talk.beat(g, 'm1', 0, { ...joining('a'), instanceId: 'i1' }, 'i1 as a consumer')
  await describe(talk, g, 'one has changed')
  await talk.heartbeat(g, one.memberId, 2, 'of the former i1')
  await talk.heartbeat(g, other.memberId, 2, 'of i2')
  await talk.sync(g, other.memberId, 2, { groupInstanceId: 'i2' }, 'of i2')
  await talk.beat(g, 'm1', 2, { instanceId: 'i1' }, 'continues')
  const back = await talk.join(g, '', { groupInstanceId: 'i1' }, 'i1 as it was')
  talk.said.call(back.memberId, 'TWO-BACK')
  await describe(talk, g, 'it has changed back')
  await talk.sync(g, back.memberId, back.generationId, { groupInstanceId: 'i1' }, 'of i1')
  await talk.heartbeat(g, other.memberId, 2, 'of i2, after that')
  await talk.sync(g, other.memberId, 2, { groupInstanceId: 'i2' }, 'of i2, after that')
  await talk.heartbeat(g, back.memberId, back.generationId, 'of i1, after that')
  await talk.beat(g, 'm2', 0, { ...joining('a'), instanceId: 'i2' }, 'i2 as a consumer')
  await talk.beat(g, 'm1', 0, { ...joining('a'), instanceId: 'i1' }, 'i1 as a consumer again')
  await describe(talk, g, 'both have changed')
  await talk.beat(g, 'm1', -1, { instanceId: 'i1' }, 'i1 leaves')
  await describe(talk, g, 'one has left')
  await talk.records(g)
}

const leavesByInstance = (talk: Talk) => async () => {
  const g = 'leaving'
  await talk.beat(g, 'm1', 0, { ...joining('a'), instanceId: 'i1' })
  await talk.beat(g, 'm2', 0, { ...joining('a'), instanceId: 'i2' })
  await talk.beat(g, 'm3', 0, { ...joining('a'), instanceId: 'i3' })
  const leave = (members: readonly (readonly [string, string | null])[], version: number) =>
    talk.said.ask(LeaveGroupRequest, LeaveGroupResponse, version, {
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
  await describe(talk, g, 'left')
}
