import { describe, expect, test } from 'vitest'
import { GroupWorld, limits, sessionMs, subscription, zeroId } from '../group-world.ts'

describe('committed offsets: committing', () => {
  test('from outside creates a simple group, which exists as long as its offsets', () => {
    const world = new GroupWorld()
    expect(world.commit({}, 7n)).toBe('NONE')
    expect(world.fetched()).toEqual({ 't-0': 7n })
    expect(world.describe()).toMatchObject({ state: 'Empty', protocolType: '', members: [] })
    world.pass(limits.offsetsRetentionMs)
    world.step({ type: 'swept', now: world.now })
    expect(world.describe().state).toBe('Dead')
  })

  test.each<[string, Parameters<GroupWorld['commit']>[0], string]>([
    ['a member', { memberId: 'c-1', generation: 1 }, 'NONE'],
    ['no member, while there are members', {}, 'UNKNOWN_MEMBER_ID'],
    ['an unknown member', { memberId: 'x', generation: 1 }, 'UNKNOWN_MEMBER_ID'],
    ['a member of another generation', { memberId: 'c-1', generation: 0 }, 'ILLEGAL_GENERATION'],
    ['a member without a generation', { memberId: 'c-1' }, 'ILLEGAL_GENERATION'],
    ['an unknown instance', { memberId: 'c-1', generation: 1, instanceId: 'i' }, 'UNKNOWN_MEMBER_ID'],
    ['a member of a group that does not exist', { groupId: 'other', memberId: 'c-1', generation: 1 }, 'GROUP_ID_NOT_FOUND'],
    ['the same, of an older client', { groupId: 'other', memberId: 'c-1', generation: 1, version: 8 }, 'ILLEGAL_GENERATION'],
  ])('%s: the answer', (_, fields, answer) => {
    const world = new GroupWorld()
    world.stable(1)
    expect(world.commit(fields)).toBe(answer)
  })

  test('is possible while members gather, not while they wait for an assignment', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    world.join({ memberId: leader! })
    expect(world.commit({ memberId: follower!, generation: 2 })).toBe('NONE')
    world.join({ memberId: follower! })
    expect(world.commit({ memberId: follower!, generation: 3 })).toBe('REBALANCE_IN_PROGRESS')
  })

  test('keeps metadata up to its limit, and no metadata as none', () => {
    const world = new GroupWorld()
    const row = { topic: 't', topicId: zeroId, offset: 1n, leaderEpoch: -1 }
    const response = world.run({
      type: 'commit',
      groupId: 'g',
      memberId: '',
      instanceId: null,
      generation: -1,
      version: 9,
      retentionTimeMs: -1n,
      offsets: [
        { ...row, partition: 0, metadata: 'm'.repeat(4096) },
        { ...row, partition: 1, metadata: 'm'.repeat(4097) },
        { ...row, partition: 2, metadata: null },
      ],
    })
    expect('code' in response ? response : response.map(({ name }) => name)).toEqual(['NONE', 'OFFSET_METADATA_TOO_LARGE', 'NONE'])
    const { offsets } = world.run({ type: 'fetch', groupId: 'g', memberId: null, memberEpoch: -1 })
    expect([...offsets.get('t')!].map(([index, { metadata }]) => [index, metadata.length])).toEqual([
      [0, 4096],
      [2, 0],
    ])
  })

  test('a restart keeps offsets, and deleted offsets stay deleted', () => {
    const world = new GroupWorld()
    world.commit({}, 7n, 't')
    world.commit({}, 8n, 'u')
    world.commit({}, 9n, 't')
    world.step({ type: 'topicDeleted', now: world.now, topic: 'u' })
    world.restart()
    expect(world.fetched()).toEqual({ 't-0': 9n })
  })
})

describe('committed offsets: expiry', () => {
  const sweep = (world: GroupWorld): void => world.step({ type: 'swept', now: world.now })

  test('an empty group keeps its offsets from the time when it became empty', () => {
    const world = new GroupWorld()
    const [leader] = world.stable(1)
    world.commit({ memberId: leader!, generation: 1 })
    for (let waited = 0; waited < limits.offsetsRetentionMs; waited += sessionMs - 1) {
      world.pass(sessionMs - 1)
      world.heartbeat(leader!, 1)
    }
    sweep(world)
    expect(world.fetched()).toEqual({ 't-0': 1n })
    world.leave(leader!)
    world.pass(limits.offsetsRetentionMs - 1)
    sweep(world)
    expect(world.fetched()).toEqual({ 't-0': 1n })
    world.pass(1)
    sweep(world)
    expect([world.fetched(), world.describe().state]).toEqual([{}, 'Dead'])
    world.restart()
    expect(world.describe().state).toBe('Dead')
  })

  test('a group with members forgets only topics that they no longer read', () => {
    const world = new GroupWorld()
    world.commit({}, 1n, 't')
    world.commit({}, 2n, 'old')
    const [leader] = world.stable(1)
    for (let waited = 0; waited < limits.offsetsRetentionMs; waited += sessionMs - 1) {
      world.pass(sessionMs - 1)
      world.heartbeat(leader!, 1)
    }
    sweep(world)
    expect(world.fetched()).toEqual({ 't-0': 1n })
  })

  test('a retention time in the request is effective', () => {
    const world = new GroupWorld()
    world.commit({ retentionTimeMs: 1000n, version: 4 })
    world.restart()
    world.pass(999)
    sweep(world)
    expect(world.fetched()).toEqual({ 't-0': 1n })
    world.pass(1)
    sweep(world)
    expect(world.fetched()).toEqual({})
  })
})

describe('committed offsets: deleting', () => {
  test('a group with members stays; an empty one is deleted with its offsets, permanently', () => {
    const world = new GroupWorld()
    const [leader] = world.stable(1)
    world.commit({ memberId: leader!, generation: 1 })
    expect(world.run({ type: 'delete', groupId: 'g' }).name).toBe('NON_EMPTY_GROUP')
    world.leave(leader!)
    expect(world.run({ type: 'delete', groupId: 'g' }).name).toBe('NONE')
    expect(world.run({ type: 'delete', groupId: 'g' }).name).toBe('GROUP_ID_NOT_FOUND')
    world.restart()
    expect([world.fetched(), world.describe().error.name]).toEqual([{}, 'GROUP_ID_NOT_FOUND'])
  })

  test('offsets are removed for topics that no member of the group reads', () => {
    const world = new GroupWorld()
    world.commit({}, 1n, 't')
    world.commit({}, 2n, 'u')
    world.stable(1)
    const partitions = ['t', 'u', 'v'].map((topic) => ({ topic, partition: 0 }))
    const response = world.run({ type: 'deleteOffsets', groupId: 'g', partitions })
    expect('code' in response ? response : response.map(({ name }) => name)).toEqual(['GROUP_SUBSCRIBED_TO_TOPIC', 'NONE', 'NONE'])
    expect(world.fetched()).toEqual({ 't-0': 1n })
    expect(world.run({ type: 'deleteOffsets', groupId: 'x', partitions })).toMatchObject({ name: 'GROUP_ID_NOT_FOUND' })
  })

  test('of a group with another protocol type, offsets stay while it has members', () => {
    const world = new GroupWorld()
    world.join({ protocolType: 'connect', protocols: [{ name: 'range', metadata: subscription() }] })
    world.pass(0)
    expect(world.run({ type: 'deleteOffsets', groupId: 'g', partitions: [] })).toMatchObject({ name: 'NON_EMPTY_GROUP' })
  })
})
