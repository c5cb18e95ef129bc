import { expect, test } from 'vitest'
import { assignmentBytes } from '../../../../src/group/classic/embedded-protocol.ts'
import type { ConsumerHeartbeatResponse } from '../../../../src/group/messages.ts'
import { consumerLimits, GroupWorld, idOf, nameOf, protocols, rebalanceMs, subscription } from '../group-world.ts'

function withTopic(changed = {}, partitions = 4): GroupWorld {
  const world = new GroupWorld(changed)
  world.topic('t', partitions)
  return world
}

/** Error or epoch, and the partitions of each topic where they are in the response. */
function shown({ error, memberEpoch, assignment }: ConsumerHeartbeatResponse): string {
  if (error.name !== 'NONE') return error.name
  const rows = assignment?.map(({ topicId, partitions }) => `${nameOf(topicId)}:${partitions.join()}`)
  return `${memberEpoch}${rows === undefined ? '' : ` [${rows.join(' ')}]`}`
}

const own = (...partitions: number[]) => ({ owned: partitions.length > 0 ? [{ topicId: idOf('t'), partitions }] : [] })
const state = (world: GroupWorld): string => world.run({ type: 'describeConsumer', groupId: 'g' }).state

test('consumer group: the first member gets all partitions at once, and a heartbeat without changes returns no assignment', () => {
  const world = withTopic()
  expect(shown(world.enter('a'))).toBe('2 [t:0,1,2,3]')
  expect(shown(world.beat('a', 2))).toBe('2')
  expect(state(world)).toBe('Stable')
})

test('consumer group: a partition goes to another member only after its owner has confirmed the revocation', () => {
  const world = withTopic()
  world.enter('a')
  expect(shown(world.enter('b'))).toBe('3 []')
  expect(shown(world.beat('b', 3))).toBe('3')
  expect(shown(world.beat('a', 2))).toBe('2 [t:0,1]')
  expect(shown(world.beat('b', 3))).toBe('3')
  expect(shown(world.beat('a', 2, own(0, 1, 2)))).toBe('2')
  expect(shown(world.beat('a', 2, own(0, 1)))).toBe('3')
  expect(shown(world.beat('b', 3))).toBe('3 [t:2,3]')
  expect(state(world)).toBe('Stable')
})

test('consumer group: a member that did not receive its new epoch may send the old one, if it owns no more than its assignment', () => {
  const world = withTopic()
  world.enter('a')
  world.enter('b')
  world.beat('a', 2)
  world.beat('a', 2, own(0, 1))
  expect(shown(world.beat('a', 2, own(0)))).toBe('3')
  expect(shown(world.beat('a', 2, own(0, 3)))).toBe('FENCED_MEMBER_EPOCH')
  expect(shown(world.beat('a', 2))).toBe('FENCED_MEMBER_EPOCH')
  expect(shown(world.beat('a', 4))).toBe('FENCED_MEMBER_EPOCH')
  expect(shown(world.enter('a'))).toBe('3 [t:0,1]')
})

test('consumer group: a member without heartbeats is removed after its session, and a later heartbeat of another one gets its partitions', () => {
  const world = withTopic()
  world.enter('a')
  world.enter('b')
  world.pass(consumerLimits.sessionTimeoutMs / 2)
  world.beat('b', 3)
  world.pass(consumerLimits.sessionTimeoutMs / 2)
  expect(shown(world.beat('a', 2))).toBe('UNKNOWN_MEMBER_ID')
  expect(shown(world.beat('b', 3))).toBe('4 [t:0,1,2,3]')
})

test('consumer group: a member that does not revoke within its rebalance timeout is removed, although it sends heartbeats', () => {
  const world = withTopic()
  world.enter('a')
  world.enter('b')
  for (let i = 0; i < 4; i++) {
    expect(shown(world.beat('a', 2, own(0, 1, 2, 3)))).toMatch(/^2/)
    world.pass(rebalanceMs / 4)
  }
  expect(shown(world.beat('a', 2, own(0, 1, 2, 3)))).toBe('UNKNOWN_MEMBER_ID')
})

test('consumer group: heartbeats compute assignments no more often than the interval allows', () => {
  const world = withTopic({ consumer: () => ({ ...consumerLimits, assignmentIntervalMs: 1000 }) })
  expect(shown(world.enter('a'))).toBe('2 [t:0,1,2,3]')
  expect(shown(world.enter('b'))).toBe('2 []')
  expect(state(world)).toBe('Assigning')
  world.pass(999)
  expect(shown(world.beat('a', 2))).toBe('2')
  world.pass(1)
  expect(shown(world.beat('a', 2))).toBe('2 [t:0,1]')
  expect(state(world)).toBe('Reconciling')
})

test('consumer group: a member that revokes more before there is a new assignment is not ahead of its group', () => {
  const world = withTopic({ consumer: () => ({ ...consumerLimits, assignmentIntervalMs: 1000 }) }, 1)
  world.topic('u', 1)
  world.topic('v', 1)
  const has = (...topics: string[]) => ({ owned: topics.map((topic) => ({ topicId: idOf(topic), partitions: [0] })) })
  expect(shown(world.enter('a', ['t', 'u', 'v']))).toBe('2 [t:0 u:0 v:0]')
  expect(shown(world.beat('a', 2, { topics: ['t', 'u'], ...has('t', 'u', 'v') }))).toBe('2 [t:0 u:0]')
  expect(shown(world.beat('a', 2, { topics: ['t'], ...has('t', 'u') }))).toBe('2 [t:0]')
  expect(shown(world.beat('a', 2, has('t')))).toBe('2')
  world.pass(1000)
  expect(shown(world.beat('a', 2, has('t')))).toBe('4')
})

test('consumer group: a static member that leaves temporarily keeps its partitions for its replacement', () => {
  const world = withTopic()
  const as = { instanceId: 'i' }
  world.enter('a', ['t'], as)
  expect(shown(world.enter('b', ['t'], as))).toBe('UNRELEASED_INSTANCE_ID')
  expect(shown(world.beat('a', -2))).toBe('INVALID_REQUEST')
  expect(shown(world.beat('a', -2, as))).toBe('-2')
  expect(shown(world.enter('c'))).toBe('3 []')
  expect(shown(world.enter('b', ['t'], as))).toBe('3 [t:0,1]')
  expect(shown(world.beat('a', 2, as))).toBe('FENCED_INSTANCE_ID')
  expect(shown(world.beat('c', 3))).toBe('3 [t:2,3]')
})

test('consumer group: a static member that does not return within its session is removed', () => {
  const world = withTopic()
  const as = { instanceId: 'i' }
  world.enter('a', ['t'], as)
  world.beat('a', -2, as)
  world.pass(consumerLimits.sessionTimeoutMs)
  expect(state(world)).toBe('Empty')
})

test('consumer group: created, extended and deleted topics start a new epoch with the next heartbeat', () => {
  const world = withTopic({}, 1)
  expect(shown(world.enter('a', ['t', 'u']))).toBe('2 [t:0]')
  world.topic('t', 2)
  expect(shown(world.beat('a', 2))).toBe('3 [t:0,1]')
  world.topic('u', 1)
  expect(shown(world.beat('a', 3))).toBe('4 [t:0,1 u:0]')
  world.topics.delete('u')
  world.step({ type: 'topicDeleted', now: world.now, topic: 'u' })
  expect(shown(world.beat('a', 4))).toBe('4 [t:0,1]')
  expect(shown(world.beat('a', 4, own(0, 1)))).toBe('5')
  world.topic('v', 1)
  expect(shown(world.beat('a', 5))).toBe('5')
})

test('consumer group: a member reads the topics that its expression matches, also those that are created later', () => {
  const world = withTopic()
  expect(shown(world.enter('a', [], { expression: 't|new-.*' }))).toBe('1 []')
  expect(shown(world.beat('a', 1))).toBe('2 [t:0,1,2,3]')
  world.topic('new-1', 1)
  expect(shown(world.beat('a', 2))).toBe('2')
  world.pass(10_000)
  expect(shown(world.beat('a', 2))).toBe('2')
  expect(shown(world.beat('a', 2))).toBe('3 [t:0,1,2,3 new-1:0]')
  expect(shown(world.beat('a', 3, { expression: '(' }))).toBe('INVALID_REGULAR_EXPRESSION')
})

test('consumer group: a group rejects members above its maximum size, and unsupported assignors', () => {
  const world = withTopic({ consumersMax: 1 })
  world.enter('a')
  expect(shown(world.enter('b'))).toBe('GROUP_MAX_SIZE_REACHED')
  expect(shown(world.enter('a'))).toBe('2 [t:0,1,2,3]')
  expect(shown(world.enter('a', ['t'], { assignor: 'sticky' }))).toBe('UNSUPPORTED_ASSIGNOR')
})

test('consumer group: replayed records produce the same group, and members continue with their epochs', () => {
  const world = withTopic()
  world.enter('a')
  world.enter('b', ['t'], { instanceId: 'i', rackId: 'r', assignor: 'range' })
  world.beat('a', 2)
  world.enter('c', [], { expression: 't' })
  const before = world.run({ type: 'describeConsumer', groupId: 'g' })
  world.restart()
  expect(world.run({ type: 'describeConsumer', groupId: 'g' })).toEqual(before)
  expect(shown(world.beat('a', 2))).toBe('2')
  world.pass(rebalanceMs)
  expect(shown(world.beat('a', 2))).toBe('UNKNOWN_MEMBER_ID')
})

test('consumer group: topics that changed while the coordinator was down are detected after a restart', () => {
  const world = withTopic()
  world.enter('a')
  world.topics.set('t', 5)
  world.restart()
  expect(shown(world.beat('a', 2))).toBe('3 [t:0,1,2,3,4]')
})

test('consumer group: a commit counts in the epoch of its member, or in one since which it has had the partition', () => {
  const world = withTopic()
  const commit = (memberId: string, generation: number, partition: number, version = 9): string => {
    const offsets = [{ topic: 't', topicId: idOf('t'), partition, offset: 1n, leaderEpoch: 0, metadata: '' }]
    return world.commit({ memberId, generation, version, offsets })
  }
  world.enter('a')
  world.enter('b')
  world.beat('a', 2)
  world.beat('a', 2, own(0, 1))
  expect(commit('a', 3, 0)).toBe('NONE')
  expect(commit('a', 2, 0)).toBe('NONE')
  expect(commit('a', 2, 3)).toBe('STALE_MEMBER_EPOCH')
  expect(commit('a', 1, 0)).toBe('STALE_MEMBER_EPOCH')
  expect(commit('a', 4, 0)).toBe('STALE_MEMBER_EPOCH')
  expect(commit('a', 3, 0, 8)).toBe('UNSUPPORTED_VERSION')
  expect(commit('', -1, 0)).toBe('UNKNOWN_MEMBER_ID')
  world.beat('a', -1)
  world.beat('b', -1)
  expect(commit('', -1, 0)).toBe('NONE')
})

test('consumer group: a classic group becomes a consumer group with its members when a consumer joins', () => {
  const world = withTopic()
  const ticket = world.join()
  world.pass(0)
  const { memberId } = world.joined(ticket)
  const all = assignmentBytes(new Map([[idOf('t'), new Set([0, 1, 2, 3])]]), world.state.topics, subscription('t'))
  world.sync(memberId, 1, {}, { assignments: [{ memberId, assignment: all }] })
  expect(shown(world.enter('b'))).toBe('2 []')
  expect(world.heartbeat(memberId, 1)).toBe('REBALANCE_IN_PROGRESS')
  const joined = world.joined(world.join({ memberId }))
  expect([joined.error.name, joined.generation, joined.leader]).toEqual(['NONE', 2, ''])
  expect(world.heartbeat(memberId, 2)).toBe('NONE')
  expect(shown(world.beat('b', 2))).toBe('2 [t:2,3]')
})

test('consumer group: without a policy for it a classic group stays classic', () => {
  const world = withTopic({ migration: 'DOWNGRADE' })
  world.stable(1)
  expect(shown(world.enter('b'))).toBe('GROUP_ID_NOT_FOUND')
  expect(world.describe().state).toBe('Stable')
})

test('consumer group: a group of which only classic members stay is a classic group again, and its members join anew', () => {
  const world = withTopic()
  world.enter('a')
  const { memberId } = world.joined(world.join())
  expect(state(world)).toBe('Reconciling')
  world.beat('a', -1)
  expect(world.describe().state).toBe('PreparingRebalance')
  expect(world.heartbeat(memberId, 3)).toBe('REBALANCE_IN_PROGRESS')
  const again = world.joined(world.join({ memberId, protocols: protocols('range') }))
  expect([again.error.name, again.generation, again.leader]).toEqual(['NONE', 4, memberId])
  world.restart()
  expect(world.describe().error.name).toBe('NONE')
})

test('migration: a consumer group rejects classic members when the policy is disabled', () => {
  const world = withTopic({ migration: 'DISABLED' })
  world.enter('a')
  const { error, memberId } = world.joined(world.join())
  expect([error.name, memberId]).toEqual(['INCONSISTENT_GROUP_PROTOCOL', ''])
})

test('migration: a group whose last consumer is removed by LeaveGroup is a classic group again', () => {
  const world = withTopic()
  world.enter('a')
  const { memberId } = world.joined(world.join())
  const members = [{ memberId: 'a', instanceId: null }]
  expect(world.run({ type: 'leave', groupId: 'g', members }).members).toMatchObject([{ memberId: 'a', error: { name: 'NONE' } }])
  expect(world.describe().state).toBe('PreparingRebalance')
  expect(world.heartbeat(memberId, 3)).toBe('REBALANCE_IN_PROGRESS')
})

test('migration: a classic member that is left in a consumer group reads its part until there is a new assignment', () => {
  const world = withTopic({ migration: 'UPGRADE' })
  world.enter('a')
  const { memberId } = world.joined(world.join())
  world.beat('a', 2)
  world.beat('a', 2, { owned: [{ topicId: idOf('t'), partitions: [0, 1] }] })
  const { generation } = world.joined(world.join({ memberId }))
  world.beat('a', -1)
  const ticket = world.sync(memberId, generation)
  expect(world.answers.get(ticket)).toMatchObject({ error: { name: 'NONE' } })
  expect(world.heartbeat(memberId, generation)).toBe('REBALANCE_IN_PROGRESS')
})

test('migration: a classic group whose assignment has user data stays classic', () => {
  const world = withTopic()
  const ticket = world.join()
  world.pass(0)
  const { memberId } = world.joined(ticket)
  const none = assignmentBytes(new Map([[idOf('t'), new Set([0, 1, 2, 3])]]), world.state.topics, subscription('t'))
  const withData = Buffer.concat([none.subarray(0, none.length - 4), Buffer.from([0, 0, 0, 1, 7])])
  world.sync(memberId, 1, {}, { assignments: [{ memberId, assignment: withData }] })
  expect(shown(world.enter('b'))).toBe('GROUP_ID_NOT_FOUND')
})

test('leave-group: members are named in the answer as they were in the request', () => {
  const world = withTopic()
  world.enter('a', ['t'], { instanceId: 'i' })
  const ref = { memberId: '', instanceId: 'i' }
  expect(world.run({ type: 'leave', groupId: 'g', members: [ref, ref] }).members).toMatchObject([
    { ...ref, error: { name: 'NONE' } },
    { ...ref, error: { name: 'NONE' } },
  ])
})

test('consumer group: a classic member that must rejoin and does not is removed', () => {
  const world = withTopic()
  world.enter('a')
  const { memberId } = world.joined(world.join())
  world.sync(memberId, 3)
  world.enter('b')
  for (let waited = 0; waited < rebalanceMs; waited += 5000) {
    expect(world.heartbeat(memberId, 3)).toBe('REBALANCE_IN_PROGRESS')
    world.pass(5000)
  }
  expect(world.heartbeat(memberId, 3)).toBe('UNKNOWN_MEMBER_ID')
})

test('consumer group: an empty group of either type is replaced by the other type, and its offsets stay', () => {
  const world = withTopic()
  world.commit()
  expect(shown(world.enter('a'))).toBe('2 [t:0,1,2,3]')
  expect(world.fetched()).toEqual({ 't-0': 1n })
  world.beat('a', -1)
  world.join()
  expect(world.describe().error.name).toBe('NONE')
  expect(world.fetched()).toEqual({ 't-0': 1n })
  world.restart()
  expect(world.describe().error.name).toBe('NONE')
})

test('consumer group: an empty consumer group can be deleted, and leaves nothing that would be read back', () => {
  const world = withTopic()
  world.enter('a', [], { expression: 't' })
  expect(world.run({ type: 'delete', groupId: 'g' }).name).toBe('NON_EMPTY_GROUP')
  world.beat('a', -1)
  expect(world.run({ type: 'delete', groupId: 'g' }).name).toBe('NONE')
  world.restart()
  expect(world.run({ type: 'describeConsumer', groupId: 'g' }).error.name).toBe('GROUP_ID_NOT_FOUND')
  expect(world.state.groups.size).toBe(0)
})
