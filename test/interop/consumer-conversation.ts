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
import { assignment, type Beat, byRegex, commitOf, joining, owning, patienceMs, Talk, until } from './consumer-talk.ts'

/** All requests that a consumer group serves, and much that cannot; the answers of a broker, line by line. */
export async function converse(port: number): Promise<string[]> {
  const talk = new Talk(port)
  await ready(port)
  await talk.create('a', 4)
  for (const part of [
    refusals,
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
    talk.said.note('PART', part.name)
    await part(talk)
  }
  return talk.said.lines
}

async function ready(port: number): Promise<void> {
  const client = await WireClient.open(port)
  await until('groups are coordinated', async () => {
    const found = await client.ask(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: 'g', keyType: 0 })
    const listed = await client.ask(ListGroupsRequest, ListGroupsResponse, 4, {})
    const fetched = await client.ask(OffsetFetchRequest, OffsetFetchResponse, 5, { groupId: 'g', topics: null })
    return found.errorCode === 0 && listed.errorCode === 0 && fetched.errorCode === 0
  })
  client.close()
}

async function refusals(talk: Talk): Promise<void> {
  const beat = (memberId: string, epoch: number, fields: Beat, label: string) => talk.beat('no', memberId, epoch, fields, label)
  await talk.beat('', 'm', 0, joining('a'), 'no group id')
  await talk.beat(' ', 'm', 0, joining('a'), 'a blank for a group id')
  await beat('', 0, joining('a'), 'no member id')
  await talk.said.ask(
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    0,
    { groupId: 'no', memberId: 'm', memberEpoch: 4 },
    'v0',
  )
  await beat('m', 0, { ...joining('a'), instanceId: '' }, 'no instance id')
  await beat('m', 0, { ...joining('a'), rackId: '' }, 'no rack')
  await beat('m', 0, { ...joining('a'), rebalanceTimeoutMs: -1 }, 'no timeout')
  await beat('m', 0, { ...joining('a'), topicPartitions: null }, 'owned unknown')
  await beat('m', 0, { ...joining('a'), topicPartitions: talk.owns('a', 1) }, 'owns some')
  await beat('m', 0, { ...joining('a'), subscribedTopicNames: null }, 'no subscription')
  await beat('m', 0, { ...joining('a'), serverAssignor: 'sticky' }, 'unknown assignor')
  await beat('m', 0, { ...byRegex('[') }, 'bad expression')
  await beat('m', 0, { ...byRegex('(a)\\1') }, 'back reference')
  await beat('m', 0, { ...byRegex('(?=a)a') }, 'lookahead')
  await beat('m', -3, joining('a'), 'epoch below')
  await beat('m', -2, {}, 'static leave without instance')
  await beat('m', -1, {}, 'leave of unknown group')
  await beat('m', 5, {}, 'heartbeat to unknown group')
  await beat('', 5, {}, 'heartbeat without member id')
  await talk.describe('of unknown groups', 'no', '')
}

async function dynamicMembers(talk: Talk): Promise<void> {
  const g = 'dynamic'
  await talk.beat(g, 'm1', 0, joining('a'))
  await talk.describe('one', g)
  await talk.beat(g, 'm1', 2)
  await talk.beat(g, 'm1', 2, { ...joining('a'), topicPartitions: talk.owns('a', 0, 1, 2, 3) }, 'full')
  await talk.beat(g, 'm1', 1, {}, 'older epoch')
  await talk.beat(g, 'm1', 0, joining('a'), 'joins again')
  await talk.beat(g, 'm1', 3, {}, 'greater epoch')
  await talk.beat(g, 'nobody', 2)
  await talk.beat(g, 'm1', 2, { instanceId: 'i' }, 'unknown instance')
  await talk.beat(g, 'm2', 0, { ...joining('a'), rackId: 'r' }, 'second')
  await talk.describe('two', g)
  await talk.beat(g, 'm2', 3)
  await talk.beat(g, 'm1', 2, {}, 'is to revoke')
  await talk.describe('revoking', g)
  await talk.beat(g, 'm1', 2, {}, 'without fields')
  await talk.beat(g, 'm1', 2, { topicPartitions: talk.owns('a', 0, 1, 3) }, 'has not revoked all')
  await talk.beat(g, 'm1', 2, { topicPartitions: talk.owns('a', 0, 1) }, 'has revoked')
  await talk.beat(g, 'm1', 2, { topicPartitions: talk.owns('a', 0) }, 'the answer was lost')
  await talk.beat(g, 'm1', 2, { topicPartitions: talk.owns('a', 0, 3) }, 'the answer was lost, and it owns too much')
  await talk.beat(g, 'm2', 3, {}, 'gets the rest')
  await talk.describe('stable', g)
  await talk.beat(g, 'm1', 0, joining('a'), 'joins again, at a later epoch')
  await talk.beat(g, 'm3', 0, { ...joining('a'), serverAssignor: 'range' }, 'third, with range')
  await talk.settle(g, 'm1', 3, 4)
  await talk.settle(g, 'm2', 3, 4)
  await talk.settle(g, 'm3', 4, 4)
  await talk.describe('three', g)
  await talk.beat(g, 'm2', -1)
  await talk.beat(g, 'm2', -1, {}, 'again')
  await talk.describe('one has left', g)
  await talk.settle(g, 'm3', 4, 5)
  await talk.describe('not yet reconciled', g)
  await talk.settle(g, 'm1', 4, 5)
  await talk.describe('reconciled', g)
  await talk.beat(g, 'm1', -1)
  await talk.beat(g, 'm3', -1)
  await talk.describe('nobody', g)
  await talk.beat(g, 'm1', 0, joining('a'), 'again')
  await talk.beat(g, 'm1', -1)
  await talk.records(g)
}

async function offsets(talk: Talk): Promise<void> {
  const g = 'offsets'
  await talk.beat(g, 'm1', 0, joining('a'))
  await talk.commit(g, 'm1', 2)
  await talk.commit(g, 'm1', 2, {}, 'old version', 8)
  await talk.commit(g, 'm1', 1, {}, 'older epoch')
  await talk.commit(g, 'm1', 3, {}, 'greater epoch')
  await talk.commit(g, 'nobody', 2)
  await talk.commit(g, '', -1, {}, 'from outside')
  await talk.commit(g, 'm1', -1, {}, 'without epoch')
  await talk.fetch(g, 'm1', 2)
  await talk.fetch(g, 'm1', 1)
  await talk.fetch(g, 'm1', 3)
  await talk.fetch(g, 'nobody', 2)
  await talk.fetch(g, null, -1)
  await talk.fetch(g, 'm1', -1)
  await talk.fetch(g, '', -1)
  await talk.beat(g, 'm2', 0, joining('a'))
  await talk.beat(g, 'm1', 2)
  await talk.commit(g, 'm1', 2, {}, 'of what is being revoked')
  await talk.beat(g, 'm1', 2, { topicPartitions: talk.owns('a', 0, 1) })
  await talk.commit(g, 'm1', 2, {}, 'with the epoch before, of what was revoked')
  await talk.commit(g, 'm1', 2, { topics: [commitOf('a', 0, 7n)] }, 'with the epoch before, of what is kept')
  await talk.commit(g, 'm1', 1, { topics: [commitOf('a', 0, 8n)] }, 'with an epoch before it was assigned')
  await talk.beat(g, 'm2', 3)
  await talk.commit(g, 'm2', 2, { topics: [commitOf('a', 2, 9n)] }, 'with an epoch before it was assigned')
  await talk.commit(g, 'm2', 3, { topics: [commitOf('a', 0, 10n)] }, 'of what another one owns')
  await talk.fetch(g, 'm2', 3)
  const ofTopics = (...names: string[]) => ({ groupId: g, topics: names.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })) })
  await talk.said.ask(OffsetDeleteRequest, OffsetDeleteResponse, 0, ofTopics('a', 'unknown'), 'subscribed')
  await talk.said.ask(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: [g] }, 'with members')
  await talk.beat(g, 'm1', -1)
  await talk.beat(g, 'm2', -1)
  await talk.commit(g, '', -1, {}, 'from outside, empty')
  await talk.commit(g, 'm1', 2, {}, 'of a member, empty')
  await talk.said.ask(OffsetDeleteRequest, OffsetDeleteResponse, 0, ofTopics('a'), 'empty')
  await talk.fetch(g, null, -1)
  await talk.records(g)
  await talk.said.ask(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: [g] }, 'empty')
  await talk.fetch(g, null, -1)
  await talk.describe('deleted', g)
  await talk.records(g)
}

async function staticMembers(talk: Talk): Promise<void> {
  const g = 'static'
  const i = { instanceId: 'i1' }
  await talk.beat(g, 's1', 0, { ...joining('a'), ...i })
  await talk.beat(g, 's2', 0, { ...joining('a'), ...i }, 'while the first one is there')
  await talk.beat(g, 's2', 2, i, 'is not the one')
  await talk.beat(g, 's1', 2, i)
  await talk.beat(g, 's1', 2, {}, 'without its instance')
  await talk.beat(g, 's1', -2, i, 'goes for a while')
  await talk.describe('gone for a while', g)
  await talk.beat(g, 's1', 2, i, 'the one that has gone')
  await talk.beat(g, 's2', 0, { ...joining('a'), ...i }, 'again')
  await talk.describe('back', g)
  await talk.beat(g, 's1', 2, i, 'fenced')
  await talk.commit(g, 's1', 2, { groupInstanceId: 'i1' }, 'fenced')
  await talk.commit(g, 's2', 2, { groupInstanceId: 'i1' })
  await talk.beat(g, 'm1', 0, joining('a'), 'a dynamic one')
  await talk.beat(g, 's2', 2, i, 'is to revoke')
  await talk.beat(g, 's2', -2, i, 'goes while it revokes')
  await talk.describe('gone while revoking', g)
  await talk.beat(g, 's3', 0, { ...joining('a'), ...i }, 'again')
  await talk.describe('back again', g)
  await talk.beat(g, 's3', -1, i, 'leaves for good')
  await talk.beat(g, 's3', -1, i, 'again')
  await talk.records(g)
}

async function subscriptions(talk: Talk): Promise<void> {
  const g = 'subscriptions'
  await talk.create('b', 2)
  await talk.beat(g, 'm1', 0, joining('a'))
  await talk.beat(g, 'm1', 2, { subscribedTopicNames: ['b'] }, 'other topics')
  await talk.describe('revokes all', g)
  await talk.beat(g, 'm1', 2, { topicPartitions: [] }, 'has revoked')
  await talk.beat(g, 'm1', 3, { subscribedTopicNames: ['a', 'b'], topicPartitions: talk.owns('b', 0, 1) }, 'both')
  await talk.beat(g, 'm1', 4, { subscribedTopicNames: ['b', 'a'] }, 'in another order')
  await talk.beat(g, 'm1', 4, { rackId: 'other', rebalanceTimeoutMs: 70_000 }, 'another rack')
  await talk.beat(g, 'm2', 0, joining('b'), 'heterogeneous')
  await talk.settle(g, 'm1', 4, 5)
  await talk.settle(g, 'm2', 5, 5)
  await talk.describe('heterogeneous', g)
  await talk.beat(g, 'm1', 5, { subscribedTopicNames: [] }, 'nothing')
  await talk.describe('nothing', g)
  await talk.records(g)
}

async function assignors(talk: Talk): Promise<void> {
  const g = 'range'
  await talk.create('c', 3)
  const ranged = (...topics: string[]) => ({ ...joining(...topics), serverAssignor: 'range' })
  await talk.beat(g, 'm2', 0, ranged('a', 'b', 'c'))
  await talk.beat(g, 'm1', 0, ranged('a', 'b', 'c'))
  await talk.settle(g, 'm2', 2, 3)
  await talk.settle(g, 'm1', 3, 3)
  await talk.describe('two', g)
  await talk.beat(g, 'z', 0, { ...ranged('c'), instanceId: 'i' })
  await talk.settle(g, 'm2', 3, 4)
  await talk.settle(g, 'm1', 3, 4)
  await talk.describe('three', g)
  const u = 'uniform'
  for (const [index, name] of ['m1', 'm2', 'm3', 'm4', 'm5'].entries()) {
    await talk.beat(u, name, 0, joining('a'))
    for (const [before, other] of ['m1', 'm2', 'm3', 'm4', 'm5'].slice(0, index + 1).entries()) {
      await talk.settle(u, other, before === index ? index + 2 : index + 1, index + 2)
    }
    await talk.describe(`with ${name}`, u)
  }
}

async function expressions(talk: Talk): Promise<void> {
  const g = 'expressions'
  await talk.beat(g, 'm1', 0, byRegex('a|z+'))
  await talk.untilEpoch(g, 2)
  await talk.describe('resolved', g)
  await talk.settle(g, 'm1', 1, 2)
  await talk.beat(g, 'm2', 0, byRegex('a|z+'), 'a known expression')
  await talk.describe('two', g)
  await talk.settle(g, 'm1', 2, 3)
  await talk.settle(g, 'm2', 3, 3)
  await talk.beat(g, 'm1', 3, { subscribedTopicRegex: 'c|x' }, 'another expression')
  // Expressions are resolved once in ten seconds, when somebody is heard of.
  await talk.settle(g, 'm1', 3, 4, [])
  await talk.describe('another', g)
  await talk.beat(g, 'm2', 3, { subscribedTopicRegex: '' }, 'none')
  await talk.describe('none', g)
  await talk.beat(g, 'm2', 3, { subscribedTopicRegex: '(' }, 'bad')
  await talk.beat(g, 'm1', -1)
  await talk.records(g)
  await talk.beat('internal', 'm1', 0, byRegex('__consumer_.*'))
  await talk.untilEpoch('internal', 2)
  await talk.records('internal')
}

async function growth(talk: Talk): Promise<void> {
  const g = 'growth'
  await talk.create('d', 1)
  await talk.beat(g, 'm1', 0, joining('d', 'missing'))
  const client = await WireClient.open(talk.said.port)
  await client.ask(CreatePartitionsRequest, CreatePartitionsResponse, 3, {
    topics: [{ name: 'd', count: 3, assignments: null }],
    timeoutMs: patienceMs,
  })
  client.close()
  await talk.untilKnown('d', 3)
  await talk.describe('before a heartbeat', g)
  await talk.beat(g, 'm1', 2, {}, 'more partitions')
  await talk.create('missing', 1)
  await talk.beat(g, 'm1', 3, {}, 'a topic has come')
  await talk.records(g)
}

async function classicMembers(talk: Talk): Promise<void> {
  const g = 'mixed'
  await talk.beat(g, 'm1', 0, joining('a'))
  const { memberId } = await talk.join(g, '', {}, 'without an id')
  talk.said.call(memberId, 'CLASSIC')
  await talk.describe('with an id given away', g)
  await talk.join(g, '', { protocolType: 'connect' }, 'other type')
  await talk.join(g, memberId, { protocols: [] }, 'without protocols')
  await talk.join(g, memberId, {}, 'again')
  await talk.describe('classic and consumer', g)
  await talk.said.ask(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [g] }, 'a consumer group')
  await talk.said.ask(DescribeGroupsRequest, DescribeGroupsResponse, 5, { groups: [g] }, 'a consumer group')
  await talk.heartbeat(g, memberId, 3, 'classic')
  await talk.sync(g, memberId, 2, {}, 'old generation')
  await talk.sync(g, memberId, 3, { protocolName: 'other' }, 'other protocol')
  await talk.sync(g, memberId, 3, {}, 'before anything is free')
  await talk.settle(g, 'm1', 2, 3)
  await talk.heartbeat(g, memberId, 3, 'when it is free')
  await talk.join(g, memberId, {}, 'again')
  await talk.sync(g, memberId, 3, {}, 'to get it')
  await talk.heartbeat(g, memberId, 3, 'stable')
  await talk.heartbeat(g, memberId, 2, 'old generation')
  await talk.heartbeat(g, 'm1', 3, 'not classic')
  await talk.commit(g, memberId, 3, {}, 'classic', 8)
  await talk.commit(g, memberId, 2, {}, 'classic, old generation', 8)
  await talk.beat(g, 'm1', 3, { subscribedTopicNames: ['a', 'nowhere'] })
  await talk.heartbeat(g, memberId, 3, 'is to rebalance')
  await talk.sync(g, memberId, 3, {}, 'is to rebalance')
  for (const leaving of [[memberId, 'nobody'], ['m1']]) {
    await talk.said.ask(LeaveGroupRequest, LeaveGroupResponse, 5, {
      groupId: g,
      members: leaving.map((each) => ({ memberId: each, groupInstanceId: null, reason: null })),
    })
    await talk.describe('left', g)
  }
  await talk.beat(g, 'm4', 0, joining('a'))
  const second = await talk.join(g, '', { groupInstanceId: 'i' }, 'static, older version', 5)
  talk.said.call(second.memberId, 'SECOND')
  await talk.describe('static', g)
  await talk.beat(g, 'm4', -1, {}, 'the last one that is no classic member')
  await talk.describe('downgraded', g)
  await talk.said.ask(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [g] }, 'downgraded')
  await talk.heartbeat(g, second.memberId, second.generationId, 'downgraded')
  const third = await talk.join(g, '', { groupInstanceId: 'i' }, 'after the downgrade')
  talk.said.call(third.memberId, 'THIRD')
  await talk.said.ask(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [g] }, 'joined anew')
  await talk.records(g)
}

async function upgrade(talk: Talk): Promise<void> {
  const g = 'upgrade'
  const { memberId } = await talk.join(g, '', {}, 'classic', 3)
  talk.said.call(memberId, 'UPGRADED')
  await talk.sync(g, memberId, 1, { assignments: [{ memberId, assignment: assignment('a', 0, 1, 2, 3) }] })
  await talk.said.ask(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [g] }, 'classic')
  await talk.describe('classic', g)
  await talk.commit(g, memberId, 1, {}, 'classic', 8)
  await talk.beat(g, 'm1', 0, joining('a'), 'a consumer comes')
  await talk.describe('upgraded', g)
  await talk.heartbeat(g, memberId, 1, 'upgraded')
  await talk.join(g, memberId, { protocols: [{ name: 'range', metadata: owning('a', 0, 1, 2, 3) }] }, 'still owns all')
  await talk.sync(g, memberId, 1, {}, 'is to revoke')
  await talk.heartbeat(g, memberId, 1, 'has revoked')
  await talk.join(g, memberId, {}, 'has revoked')
  await talk.sync(g, memberId, 2)
  await talk.heartbeat(g, memberId, 2)
  await talk.settle(g, 'm1', 2, 2)
  await talk.describe('both', g)
  await talk.fetch(g, null, -1)
  await talk.beat(g, memberId, 2, {}, 'a classic member that has changed its mind')
  await talk.describe('no classic one', g)
  await talk.join(g, memberId, {}, 'and again')
  await talk.describe('a classic one', g)
  await talk.said.ask(LeaveGroupRequest, LeaveGroupResponse, 5, {
    groupId: g,
    members: [{ memberId, groupInstanceId: null, reason: null }],
  })
  await talk.describe('the classic one has left', g)
  await talk.records(g)
  const other = 'no-upgrade'
  const connect = await talk.join(other, '', { protocolType: 'connect' }, 'not a consumer', 3)
  talk.said.call(connect.memberId, 'CONNECT')
  await talk.sync(other, connect.memberId, 1, { protocolType: 'connect' })
  await talk.beat(other, 'm1', 0, joining('a'), 'a consumer comes')
  await talk.beat(other, 'm1', 2, {}, 'a heartbeat to a classic group')
  await talk.said.ask(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: [other] })
}

async function emptyGroups(talk: Talk): Promise<void> {
  await talk.commit('simple', '', -1, {}, 'a simple group')
  await talk.beat('simple', 'm1', 0, joining('a'), 'an empty classic group')
  await talk.describe('of a simple group', 'simple')
  await talk.fetch('simple', 'm1', 2)
  await talk.beat('simple', 'm1', -1)
  const { memberId } = await talk.join('simple', '', {}, 'an empty consumer group')
  talk.said.call(memberId, 'SIMPLE')
  await talk.describe('with an id given away', 'simple')
  const joined = await talk.join('simple', memberId, {}, 'an empty consumer group')
  await talk.said.ask(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: ['simple'] })
  await talk.said.ask(LeaveGroupRequest, LeaveGroupResponse, 5, {
    groupId: 'simple',
    members: [{ memberId: joined.memberId, groupInstanceId: null, reason: null }],
  })
  await talk.fetch('simple', null, -1)
  await talk.records('simple')
}

async function configs(talk: Talk): Promise<void> {
  const set = (name: string, value: string) =>
    talk.said.ask(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, {
      resources: [{ resourceType: 32, resourceName: 'configured', configs: [{ name, configOperation: 0, value }] }],
    })
  await set('consumer.heartbeat.interval.ms', '6000')
  await set('consumer.session.timeout.ms', '50000')
  await set('consumer.session.timeout.ms', '1000')
  await set('consumer.assignment.interval.ms', '20000')
  const client = await WireClient.open(talk.said.port)
  const keys = ['consumer.heartbeat.interval.ms', 'consumer.session.timeout.ms', 'consumer.assignment.interval.ms']
  const { results } = await client.ask(DescribeConfigsRequest, DescribeConfigsResponse, 4, {
    resources: [{ resourceType: 32, resourceName: 'configured', configurationKeys: keys }],
    includeSynonyms: true,
  })
  client.close()
  talk.said.note('configs', results)
  await talk.beat('configured', 'm1', 0, joining('a'))
}

async function administration(talk: Talk): Promise<void> {
  const list = async (version: number, fields: Partial<ListGroupsRequest>, label: string): Promise<void> => {
    const client = await WireClient.open(talk.said.port)
    const { errorCode, groups } = await client.ask(ListGroupsRequest, ListGroupsResponse, version, fields)
    client.close()
    talk.said.note(`ListGroups v${version} ${label}`, [errorCode, groups])
  }
  await list(3, {}, '')
  await list(4, {}, '')
  await list(5, {}, '')
  await list(5, { typesFilter: ['Consumer'] }, 'consumer')
  await list(5, { typesFilter: ['classic'] }, 'classic')
  await list(5, { statesFilter: ['Reconciling', 'assigning'] }, 'not yet stable')
  await list(4, { statesFilter: ['empty'] }, 'empty')
  await talk.said.ask(DescribeGroupsRequest, DescribeGroupsResponse, 6, { groups: ['dynamic', 'range'] }, 'consumer groups')
  await talk.said.ask(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: ['dynamic', 'range', 'simple'] })
  await talk.records('dynamic')
}
