import { OffsetFetchRequest, OffsetFetchResponse } from '../../src/wire/api/09-offset-fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../src/wire/api/10-find-coordinator.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../src/wire/api/13-leave-group.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../src/wire/api/15-describe-groups.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../src/wire/api/16-list-groups.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../src/wire/api/32-describe-configs.ts'
import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../src/wire/api/37-create-partitions.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../src/wire/api/42-delete-groups.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../src/wire/api/44-incremental-alter-configs.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../src/wire/api/47-offset-delete.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../src/wire/api/68-consumer-group-heartbeat.ts'
import { WireClient } from '../support/wire-client.ts'
import {
  assignment,
  byRegex,
  ConsumerConversation,
  commitOf,
  type HeartbeatFields,
  joining,
  owning,
  timeoutMs,
  until,
} from './consumer-protocol.ts'

/** All requests that a consumer group serves, and much that cannot; the answers of a broker, line by line. */
export async function converse(port: number): Promise<string[]> {
  const conversation = new ConsumerConversation(port)
  await ready(port)
  await conversation.create('a', 4)
  for (const part of [
    invalidHeartbeats,
    dynamicMembers,
    offsets,
    staticMembers,
    subscriptions,
    assignors,
    expressions,
    growth,
    classicMembers,
    upgrade,
    emptyGroups,
    configs,
    administration,
  ]) {
    conversation.protocol.note('PART', part.name)
    await part(conversation)
  }
  return conversation.protocol.lines
}

async function ready(port: number): Promise<void> {
  const client = await WireClient.open(port)
  await until('groups are coordinated', async () => {
    const found = await client.call(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: 'g', keyType: 0 })
    const listed = await client.call(ListGroupsRequest, ListGroupsResponse, 4, {})
    const fetched = await client.call(OffsetFetchRequest, OffsetFetchResponse, 5, { groupId: 'g', topics: null })
    return found.errorCode === 0 && listed.errorCode === 0 && fetched.errorCode === 0
  })
  client.close()
}

async function invalidHeartbeats(conversation: ConsumerConversation): Promise<void> {
  const consumerHeartbeat = (memberId: string, epoch: number, fields: HeartbeatFields, label: string) =>
    conversation.consumerHeartbeat('no', memberId, epoch, fields, label)
  await conversation.consumerHeartbeat('', 'm', 0, joining('a'), 'no group id')
  await conversation.consumerHeartbeat(' ', 'm', 0, joining('a'), 'a blank for a group id')
  await consumerHeartbeat('', 0, joining('a'), 'no member id')
  await conversation.protocol.call(
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    0,
    { groupId: 'no', memberId: 'm', memberEpoch: 4 },
    'v0',
  )
  await consumerHeartbeat('m', 0, { ...joining('a'), instanceId: '' }, 'no instance id')
  await consumerHeartbeat('m', 0, { ...joining('a'), rackId: '' }, 'no rack')
  await consumerHeartbeat('m', 0, { ...joining('a'), rebalanceTimeoutMs: -1 }, 'no timeout')
  await consumerHeartbeat('m', 0, { ...joining('a'), topicPartitions: null }, 'owned unknown')
  await consumerHeartbeat('m', 0, { ...joining('a'), topicPartitions: conversation.owns('a', 1) }, 'owns some')
  await consumerHeartbeat('m', 0, { ...joining('a'), subscribedTopicNames: null }, 'no subscription')
  await consumerHeartbeat('m', 0, { ...joining('a'), serverAssignor: 'sticky' }, 'unknown assignor')
  await consumerHeartbeat('m', 0, { ...byRegex('[') }, 'bad expression')
  await consumerHeartbeat('m', 0, { ...byRegex('(a)\\1') }, 'back reference')
  await consumerHeartbeat('m', 0, { ...byRegex('(?=a)a') }, 'lookahead')
  await consumerHeartbeat('m', -3, joining('a'), 'epoch below')
  await consumerHeartbeat('m', -2, {}, 'static leave without instance')
  await consumerHeartbeat('m', -1, {}, 'leave of unknown group')
  await consumerHeartbeat('m', 5, {}, 'heartbeat to unknown group')
  await consumerHeartbeat('', 5, {}, 'heartbeat without member id')
  await conversation.describe('of unknown groups', 'no', '')
}

async function dynamicMembers(conversation: ConsumerConversation): Promise<void> {
  const g = 'dynamic'
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'))
  await conversation.describe('one', g)
  await conversation.consumerHeartbeat(g, 'm1', 2)
  await conversation.consumerHeartbeat(g, 'm1', 2, { ...joining('a'), topicPartitions: conversation.owns('a', 0, 1, 2, 3) }, 'full')
  await conversation.consumerHeartbeat(g, 'm1', 1, {}, 'older epoch')
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'), 'joins again')
  await conversation.consumerHeartbeat(g, 'm1', 3, {}, 'greater epoch')
  await conversation.consumerHeartbeat(g, 'nobody', 2)
  await conversation.consumerHeartbeat(g, 'm1', 2, { instanceId: 'i' }, 'unknown instance')
  await conversation.consumerHeartbeat(g, 'm2', 0, { ...joining('a'), rackId: 'r' }, 'second')
  await conversation.describe('two', g)
  await conversation.consumerHeartbeat(g, 'm2', 3)
  await conversation.consumerHeartbeat(g, 'm1', 2, {}, 'is to revoke')
  await conversation.describe('revoking', g)
  await conversation.consumerHeartbeat(g, 'm1', 2, {}, 'without fields')
  await conversation.consumerHeartbeat(g, 'm1', 2, { topicPartitions: conversation.owns('a', 0, 1, 3) }, 'has not revoked all')
  await conversation.consumerHeartbeat(g, 'm1', 2, { topicPartitions: conversation.owns('a', 0, 1) }, 'has revoked')
  await conversation.consumerHeartbeat(g, 'm1', 2, { topicPartitions: conversation.owns('a', 0) }, 'the answer was lost')
  await conversation.consumerHeartbeat(
    g,
    'm1',
    2,
    { topicPartitions: conversation.owns('a', 0, 3) },
    'the answer was lost, and it owns too much',
  )
  await conversation.consumerHeartbeat(g, 'm2', 3, {}, 'gets the rest')
  await conversation.describe('stable', g)
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'), 'joins again, at a later epoch')
  await conversation.consumerHeartbeat(g, 'm3', 0, { ...joining('a'), serverAssignor: 'range' }, 'third, with range')
  await conversation.settle(g, 'm1', 3, 4)
  await conversation.settle(g, 'm2', 3, 4)
  await conversation.settle(g, 'm3', 4, 4)
  await conversation.describe('three', g)
  await conversation.consumerHeartbeat(g, 'm2', -1)
  await conversation.consumerHeartbeat(g, 'm2', -1, {}, 'again')
  await conversation.describe('one has left', g)
  await conversation.settle(g, 'm3', 4, 5)
  await conversation.describe('not yet reconciled', g)
  await conversation.settle(g, 'm1', 4, 5)
  await conversation.describe('reconciled', g)
  await conversation.consumerHeartbeat(g, 'm1', -1)
  await conversation.consumerHeartbeat(g, 'm3', -1)
  await conversation.describe('nobody', g)
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'), 'again')
  await conversation.consumerHeartbeat(g, 'm1', -1)
  await conversation.records(g)
}

async function offsets(conversation: ConsumerConversation): Promise<void> {
  const g = 'offsets'
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'))
  await conversation.commit(g, 'm1', 2)
  await conversation.commit(g, 'm1', 2, {}, 'old version', 8)
  await conversation.commit(g, 'm1', 1, {}, 'older epoch')
  await conversation.commit(g, 'm1', 3, {}, 'greater epoch')
  await conversation.commit(g, 'nobody', 2)
  await conversation.commit(g, '', -1, {}, 'from outside')
  await conversation.commit(g, 'm1', -1, {}, 'without epoch')
  await conversation.fetch(g, 'm1', 2)
  await conversation.fetch(g, 'm1', 1)
  await conversation.fetch(g, 'm1', 3)
  await conversation.fetch(g, 'nobody', 2)
  await conversation.fetch(g, null, -1)
  await conversation.fetch(g, 'm1', -1)
  await conversation.fetch(g, '', -1)
  await conversation.consumerHeartbeat(g, 'm2', 0, joining('a'))
  await conversation.consumerHeartbeat(g, 'm1', 2)
  await conversation.commit(g, 'm1', 2, {}, 'of what is being revoked')
  await conversation.consumerHeartbeat(g, 'm1', 2, { topicPartitions: conversation.owns('a', 0, 1) })
  await conversation.commit(g, 'm1', 2, {}, 'with the epoch before, of what was revoked')
  await conversation.commit(g, 'm1', 2, { topics: [commitOf('a', 0, 7n)] }, 'with the epoch before, of what is kept')
  await conversation.commit(g, 'm1', 1, { topics: [commitOf('a', 0, 8n)] }, 'with an epoch before it was assigned')
  await conversation.consumerHeartbeat(g, 'm2', 3)
  await conversation.commit(g, 'm2', 2, { topics: [commitOf('a', 2, 9n)] }, 'with an epoch before it was assigned')
  await conversation.commit(g, 'm2', 3, { topics: [commitOf('a', 0, 10n)] }, 'of what another one owns')
  await conversation.fetch(g, 'm2', 3)
  const ofTopics = (...names: string[]) => ({ groupId: g, topics: names.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })) })
  await conversation.protocol.call(OffsetDeleteRequest, OffsetDeleteResponse, 0, ofTopics('a', 'unknown'), 'subscribed')
  await conversation.protocol.call(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: [g] }, 'with members')
  await conversation.consumerHeartbeat(g, 'm1', -1)
  await conversation.consumerHeartbeat(g, 'm2', -1)
  await conversation.commit(g, '', -1, {}, 'from outside, empty')
  await conversation.commit(g, 'm1', 2, {}, 'of a member, empty')
  await conversation.protocol.call(OffsetDeleteRequest, OffsetDeleteResponse, 0, ofTopics('a'), 'empty')
  await conversation.fetch(g, null, -1)
  await conversation.records(g)
  await conversation.protocol.call(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: [g] }, 'empty')
  await conversation.fetch(g, null, -1)
  await conversation.describe('deleted', g)
  await conversation.records(g)
}

async function staticMembers(conversation: ConsumerConversation): Promise<void> {
  const g = 'static'
  const i = { instanceId: 'i1' }
  await conversation.consumerHeartbeat(g, 's1', 0, { ...joining('a'), ...i })
  await conversation.consumerHeartbeat(g, 's2', 0, { ...joining('a'), ...i }, 'while the first one is there')
  await conversation.consumerHeartbeat(g, 's2', 2, i, 'is not the one')
  await conversation.consumerHeartbeat(g, 's1', 2, i)
  await conversation.consumerHeartbeat(g, 's1', 2, {}, 'without its instance')
  await conversation.consumerHeartbeat(g, 's1', -2, i, 'goes for a while')
  await conversation.describe('gone for a while', g)
  await conversation.consumerHeartbeat(g, 's1', 2, i, 'the one that has gone')
  await conversation.consumerHeartbeat(g, 's2', 0, { ...joining('a'), ...i }, 'again')
  await conversation.describe('back', g)
  await conversation.consumerHeartbeat(g, 's1', 2, i, 'fenced')
  await conversation.commit(g, 's1', 2, { groupInstanceId: 'i1' }, 'fenced')
  await conversation.commit(g, 's2', 2, { groupInstanceId: 'i1' })
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'), 'a dynamic one')
  await conversation.consumerHeartbeat(g, 's2', 2, i, 'is to revoke')
  await conversation.consumerHeartbeat(g, 's2', -2, i, 'goes while it revokes')
  await conversation.describe('gone while revoking', g)
  await conversation.consumerHeartbeat(g, 's3', 0, { ...joining('a'), ...i }, 'again')
  await conversation.describe('back again', g)
  await conversation.consumerHeartbeat(g, 's3', -1, i, 'leaves for good')
  await conversation.consumerHeartbeat(g, 's3', -1, i, 'again')
  await conversation.records(g)
}

async function subscriptions(conversation: ConsumerConversation): Promise<void> {
  const g = 'subscriptions'
  await conversation.create('b', 2)
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'))
  await conversation.consumerHeartbeat(g, 'm1', 2, { subscribedTopicNames: ['b'] }, 'other topics')
  await conversation.describe('revokes all', g)
  await conversation.consumerHeartbeat(g, 'm1', 2, { topicPartitions: [] }, 'has revoked')
  await conversation.consumerHeartbeat(
    g,
    'm1',
    3,
    { subscribedTopicNames: ['a', 'b'], topicPartitions: conversation.owns('b', 0, 1) },
    'both',
  )
  await conversation.consumerHeartbeat(g, 'm1', 4, { subscribedTopicNames: ['b', 'a'] }, 'in another order')
  await conversation.consumerHeartbeat(g, 'm1', 4, { rackId: 'other', rebalanceTimeoutMs: 70_000 }, 'another rack')
  await conversation.consumerHeartbeat(g, 'm2', 0, joining('b'), 'heterogeneous')
  await conversation.settle(g, 'm1', 4, 5)
  await conversation.settle(g, 'm2', 5, 5)
  await conversation.describe('heterogeneous', g)
  await conversation.consumerHeartbeat(g, 'm1', 5, { subscribedTopicNames: [] }, 'nothing')
  await conversation.describe('nothing', g)
  await conversation.records(g)
}

async function assignors(conversation: ConsumerConversation): Promise<void> {
  const g = 'range'
  await conversation.create('c', 3)
  const ranged = (...topics: string[]) => ({ ...joining(...topics), serverAssignor: 'range' })
  await conversation.consumerHeartbeat(g, 'm2', 0, ranged('a', 'b', 'c'))
  await conversation.consumerHeartbeat(g, 'm1', 0, ranged('a', 'b', 'c'))
  await conversation.settle(g, 'm2', 2, 3)
  await conversation.settle(g, 'm1', 3, 3)
  await conversation.describe('two', g)
  await conversation.consumerHeartbeat(g, 'z', 0, { ...ranged('c'), instanceId: 'i' })
  await conversation.settle(g, 'm2', 3, 4)
  await conversation.settle(g, 'm1', 3, 4)
  await conversation.describe('three', g)
  const u = 'uniform'
  for (const [index, name] of ['m1', 'm2', 'm3', 'm4', 'm5'].entries()) {
    await conversation.consumerHeartbeat(u, name, 0, joining('a'))
    for (const [before, other] of ['m1', 'm2', 'm3', 'm4', 'm5'].slice(0, index + 1).entries()) {
      await conversation.settle(u, other, before === index ? index + 2 : index + 1, index + 2)
    }
    await conversation.describe(`with ${name}`, u)
  }
}

async function expressions(conversation: ConsumerConversation): Promise<void> {
  const g = 'expressions'
  await conversation.consumerHeartbeat(g, 'm1', 0, byRegex('a|z+'))
  await conversation.untilEpoch(g, 2)
  await conversation.describe('resolved', g)
  await conversation.settle(g, 'm1', 1, 2)
  await conversation.consumerHeartbeat(g, 'm2', 0, byRegex('a|z+'), 'a known expression')
  await conversation.describe('two', g)
  await conversation.settle(g, 'm1', 2, 3)
  await conversation.settle(g, 'm2', 3, 3)
  await conversation.consumerHeartbeat(g, 'm1', 3, { subscribedTopicRegex: 'c|x' }, 'another expression')
  // Expressions are resolved once in ten seconds, when somebody is heard of.
  await conversation.settle(g, 'm1', 3, 4, [])
  await conversation.describe('another', g)
  await conversation.consumerHeartbeat(g, 'm2', 3, { subscribedTopicRegex: '' }, 'none')
  await conversation.describe('none', g)
  await conversation.consumerHeartbeat(g, 'm2', 3, { subscribedTopicRegex: '(' }, 'bad')
  await conversation.consumerHeartbeat(g, 'm1', -1)
  await conversation.records(g)
  await conversation.consumerHeartbeat('internal', 'm1', 0, byRegex('__consumer_.*'))
  await conversation.untilEpoch('internal', 2)
  await conversation.records('internal')
}

async function growth(conversation: ConsumerConversation): Promise<void> {
  const g = 'growth'
  await conversation.create('d', 1)
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('d', 'missing'))
  const client = await WireClient.open(conversation.protocol.port)
  await client.call(CreatePartitionsRequest, CreatePartitionsResponse, 3, {
    topics: [{ name: 'd', count: 3, assignments: null }],
    timeoutMs: timeoutMs,
  })
  client.close()
  await conversation.untilKnown('d', 3)
  await conversation.describe('before a heartbeat', g)
  await conversation.consumerHeartbeat(g, 'm1', 2, {}, 'more partitions')
  await conversation.create('missing', 1)
  await conversation.consumerHeartbeat(g, 'm1', 3, {}, 'a topic has come')
  await conversation.records(g)
}

async function classicMembers(conversation: ConsumerConversation): Promise<void> {
  const g = 'mixed'
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'))
  const { memberId } = await conversation.join(g, '', {}, 'without an id')
  conversation.protocol.nameId(memberId, 'CLASSIC')
  await conversation.describe('with an id given away', g)
  await conversation.join(g, '', { protocolType: 'connect' }, 'other type')
  await conversation.join(g, memberId, { protocols: [] }, 'without protocols')
  await conversation.join(g, memberId, {}, 'again')
  await conversation.describe('classic and consumer', g)
  await conversation.protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [g] }, 'a consumer group')
  await conversation.protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 5, { groups: [g] }, 'a consumer group')
  await conversation.heartbeat(g, memberId, 3, 'classic')
  await conversation.sync(g, memberId, 2, {}, 'old generation')
  await conversation.sync(g, memberId, 3, { protocolName: 'other' }, 'other protocol')
  await conversation.sync(g, memberId, 3, {}, 'before anything is free')
  await conversation.settle(g, 'm1', 2, 3)
  await conversation.heartbeat(g, memberId, 3, 'when it is free')
  await conversation.join(g, memberId, {}, 'again')
  await conversation.sync(g, memberId, 3, {}, 'to get it')
  await conversation.heartbeat(g, memberId, 3, 'stable')
  await conversation.heartbeat(g, memberId, 2, 'old generation')
  await conversation.heartbeat(g, 'm1', 3, 'not classic')
  await conversation.commit(g, memberId, 3, {}, 'classic', 8)
  await conversation.commit(g, memberId, 2, {}, 'classic, old generation', 8)
  await conversation.consumerHeartbeat(g, 'm1', 3, { subscribedTopicNames: ['a', 'nowhere'] })
  await conversation.heartbeat(g, memberId, 3, 'is to rebalance')
  await conversation.sync(g, memberId, 3, {}, 'is to rebalance')
  for (const leaving of [[memberId, 'nobody'], ['m1']]) {
    await conversation.protocol.call(LeaveGroupRequest, LeaveGroupResponse, 5, {
      groupId: g,
      members: leaving.map((each) => ({ memberId: each, groupInstanceId: null, reason: null })),
    })
    await conversation.describe('left', g)
  }
  await conversation.consumerHeartbeat(g, 'm4', 0, joining('a'))
  const second = await conversation.join(g, '', { groupInstanceId: 'i' }, 'static, older version', 5)
  conversation.protocol.nameId(second.memberId, 'SECOND')
  await conversation.describe('static', g)
  await conversation.consumerHeartbeat(g, 'm4', -1, {}, 'the last one that is no classic member')
  await conversation.describe('downgraded', g)
  await conversation.protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [g] }, 'downgraded')
  await conversation.heartbeat(g, second.memberId, second.generationId, 'downgraded')
  const third = await conversation.join(g, '', { groupInstanceId: 'i' }, 'after the downgrade')
  conversation.protocol.nameId(third.memberId, 'THIRD')
  await conversation.protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [g] }, 'joined anew')
  await conversation.records(g)
}

async function upgrade(conversation: ConsumerConversation): Promise<void> {
  const g = 'upgrade'
  const { memberId } = await conversation.join(g, '', {}, 'classic', 3)
  conversation.protocol.nameId(memberId, 'UPGRADED')
  await conversation.sync(g, memberId, 1, { assignments: [{ memberId, assignment: assignment('a', 0, 1, 2, 3) }] })
  await conversation.protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [g] }, 'classic')
  await conversation.describe('classic', g)
  await conversation.commit(g, memberId, 1, {}, 'classic', 8)
  await conversation.consumerHeartbeat(g, 'm1', 0, joining('a'), 'a consumer comes')
  await conversation.describe('upgraded', g)
  await conversation.heartbeat(g, memberId, 1, 'upgraded')
  await conversation.join(g, memberId, { protocols: [{ name: 'range', metadata: owning('a', 0, 1, 2, 3) }] }, 'still owns all')
  await conversation.sync(g, memberId, 1, {}, 'is to revoke')
  await conversation.heartbeat(g, memberId, 1, 'has revoked')
  await conversation.join(g, memberId, {}, 'has revoked')
  await conversation.sync(g, memberId, 2)
  await conversation.heartbeat(g, memberId, 2)
  await conversation.settle(g, 'm1', 2, 2)
  await conversation.describe('both', g)
  await conversation.fetch(g, null, -1)
  await conversation.consumerHeartbeat(g, memberId, 2, {}, 'a classic member that has changed its mind')
  await conversation.describe('no classic one', g)
  await conversation.join(g, memberId, {}, 'and again')
  await conversation.describe('a classic one', g)
  await conversation.protocol.call(LeaveGroupRequest, LeaveGroupResponse, 5, {
    groupId: g,
    members: [{ memberId, groupInstanceId: null, reason: null }],
  })
  await conversation.describe('the classic one has left', g)
  await conversation.records(g)
  const other = 'no-upgrade'
  const connect = await conversation.join(other, '', { protocolType: 'connect' }, 'not a consumer', 3)
  conversation.protocol.nameId(connect.memberId, 'CONNECT')
  await conversation.sync(other, connect.memberId, 1, { protocolType: 'connect' })
  await conversation.consumerHeartbeat(other, 'm1', 0, joining('a'), 'a consumer comes')
  await conversation.consumerHeartbeat(other, 'm1', 2, {}, 'a heartbeat to a classic group')
  await conversation.protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [other] })
}

async function emptyGroups(conversation: ConsumerConversation): Promise<void> {
  await conversation.commit('simple', '', -1, {}, 'a simple group')
  await conversation.consumerHeartbeat('simple', 'm1', 0, joining('a'), 'an empty classic group')
  await conversation.describe('of a simple group', 'simple')
  await conversation.fetch('simple', 'm1', 2)
  await conversation.consumerHeartbeat('simple', 'm1', -1)
  const { memberId } = await conversation.join('simple', '', {}, 'an empty consumer group')
  conversation.protocol.nameId(memberId, 'SIMPLE')
  await conversation.describe('with an id given away', 'simple')
  const joined = await conversation.join('simple', memberId, {}, 'an empty consumer group')
  await conversation.protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: ['simple'] })
  await conversation.protocol.call(LeaveGroupRequest, LeaveGroupResponse, 5, {
    groupId: 'simple',
    members: [{ memberId: joined.memberId, groupInstanceId: null, reason: null }],
  })
  await conversation.fetch('simple', null, -1)
  await conversation.records('simple')
}

async function configs(conversation: ConsumerConversation): Promise<void> {
  const set = (name: string, value: string) =>
    conversation.protocol.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, {
      resources: [{ resourceType: 32, resourceName: 'configured', configs: [{ name, configOperation: 0, value }] }],
    })
  await set('consumer.heartbeat.interval.ms', '6000')
  await set('consumer.session.timeout.ms', '50000')
  await set('consumer.session.timeout.ms', '1000')
  await set('consumer.assignment.interval.ms', '20000')
  const client = await WireClient.open(conversation.protocol.port)
  const keys = ['consumer.heartbeat.interval.ms', 'consumer.session.timeout.ms', 'consumer.assignment.interval.ms']
  const { results } = await client.call(DescribeConfigsRequest, DescribeConfigsResponse, 4, {
    resources: [{ resourceType: 32, resourceName: 'configured', configurationKeys: keys }],
    includeSynonyms: true,
  })
  client.close()
  conversation.protocol.note('configs', results)
  await conversation.consumerHeartbeat('configured', 'm1', 0, joining('a'))
}

async function administration(conversation: ConsumerConversation): Promise<void> {
  const list = async (version: number, fields: Partial<ListGroupsRequest>, label: string): Promise<void> => {
    const client = await WireClient.open(conversation.protocol.port)
    const { errorCode, groups } = await client.call(ListGroupsRequest, ListGroupsResponse, version, fields)
    client.close()
    conversation.protocol.note(`ListGroups v${version} ${label}`, [errorCode, groups])
  }
  await list(3, {}, '')
  await list(4, {}, '')
  await list(5, {}, '')
  await list(5, { typesFilter: ['Consumer'] }, 'consumer')
  await list(5, { typesFilter: ['classic'] }, 'classic')
  await list(5, { statesFilter: ['Reconciling', 'assigning'] }, 'not yet stable')
  await list(4, { statesFilter: ['empty'] }, 'empty')
  await conversation.protocol.call(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: ['dynamic', 'range'] }, 'consumer groups')
  await conversation.protocol.call(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: ['dynamic', 'range', 'simple'] })
  await conversation.records('dynamic')
}
