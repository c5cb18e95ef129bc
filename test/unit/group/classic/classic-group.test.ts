import { describe, expect, test } from 'vitest'
import type { JoinResponse } from '../../../../src/group/messages.ts'
import { GroupWorld, protocols, rebalanceMs, sessionMs, subscription } from '../group-world.ts'

const textOf = ({ error, generation, leader, members, memberId }: JoinResponse): string =>
  `${error.name} ${generation} ${leader === memberId ? 'leads' : 'follows'} ${members.length}`

describe('classic group: joining', () => {
  test('a first member is the leader, and its group is stable after its SyncGroup', () => {
    const world = new GroupWorld()
    const ticket = world.join()
    expect(world.answered(ticket)).toBeUndefined()
    world.pass(0)
    const response = world.joined(ticket)
    expect(response).toMatchObject({
      error: { name: 'NONE' },
      generation: 1,
      leader: 'c-1',
      memberId: 'c-1',
      protocolType: 'consumer',
      protocolName: 'range',
    })
    expect(response.members).toEqual([{ memberId: 'c-1', instanceId: null, metadata: subscription('t') }])
    expect(world.describe().state).toBe('CompletingRebalance')
    expect(world.synced(world.sync('c-1', 1, { 'c-1': 'all' }))).toBe('NONE all')
    expect(world.describe()).toMatchObject({
      state: 'Stable',
      protocolName: 'range',
      members: [{ memberId: 'c-1', assignment: Buffer.from('all') }],
    })
  })

  test('a client that supports KIP-394 receives its id first, and a pending id delays the rebalance until its session ends', () => {
    const world = new GroupWorld()
    const [leader] = world.stable(1)
    const response = world.joined(world.join({ supportsMemberIdRequired: true }))
    expect(response).toMatchObject({ error: { name: 'MEMBER_ID_REQUIRED' }, memberId: 'c-2', generation: -1 })
    expect(world.heartbeat(leader!, 1)).toBe('NONE')
    const again = world.join({ memberId: leader! })
    expect(world.answered(again)).toBeUndefined()
    world.pass(sessionMs - 1)
    expect(world.answered(again)).toBeUndefined()
    world.pass(1)
    expect(textOf(world.joined(again))).toBe('NONE 2 leads 1')
  })

  test('a client that joins with its pending id is a member', () => {
    const world = new GroupWorld()
    world.stable(1)
    const { memberId } = world.joined(world.join({ supportsMemberIdRequired: true }))
    const second = world.join({ memberId, supportsMemberIdRequired: true })
    const first = world.join({ memberId: 'c-1' })
    expect([textOf(world.joined(first)), textOf(world.joined(second))]).toEqual(['NONE 2 leads 2', 'NONE 2 follows 0'])
  })

  test.each<[string, Parameters<GroupWorld['join']>[0], string]>([
    ['an unknown id', { memberId: 'nobody' }, 'UNKNOWN_MEMBER_ID'],
    ['another type of protocol', { protocolType: 'connect' }, 'INCONSISTENT_GROUP_PROTOCOL'],
    ['no protocol in common', { protocols: protocols('roundrobin') }, 'INCONSISTENT_GROUP_PROTOCOL'],
    ['a session that is too short', { sessionTimeoutMs: 5999 }, 'INVALID_SESSION_TIMEOUT'],
    ['a session that is too long', { sessionTimeoutMs: 1_800_001 }, 'INVALID_SESSION_TIMEOUT'],
    ['an unknown instance', { memberId: 'c-1', instanceId: 'i' }, 'UNKNOWN_MEMBER_ID'],
  ])('%s is rejected', (_, fields, error) => {
    const world = new GroupWorld()
    world.stable(1)
    expect(world.joined(world.join(fields)).error.name).toBe(error)
    expect(world.describe().state).toBe('Stable')
  })

  test('a join with a member id or without protocols creates no group', () => {
    const world = new GroupWorld()
    expect(world.joined(world.join({ memberId: 'x' })).error.name).toBe('UNKNOWN_MEMBER_ID')
    expect(world.describe().error.name).toBe('GROUP_ID_NOT_FOUND')
    expect(world.joined(world.join({ protocols: [] })).error.name).toBe('INCONSISTENT_GROUP_PROTOCOL')
  })

  test('a follower that joins again unchanged receives the current state; a change, or the leader, starts a rebalance', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    expect(textOf(world.joined(world.join({ memberId: follower! })))).toBe('NONE 2 follows 0')
    expect(world.describe().state).toBe('Stable')
    world.join({ memberId: follower!, protocols: [{ name: 'range', metadata: subscription('t', 'u') }] })
    expect([world.describe().state, world.heartbeat(leader!, 2)]).toEqual(['PreparingRebalance', 'REBALANCE_IN_PROGRESS'])
    expect(textOf(world.joined(world.join({ memberId: leader! })))).toBe('NONE 3 leads 2')
    world.join({ memberId: leader! })
    expect(world.describe().state).toBe('CompletingRebalance')
  })

  test('a member that joins twice is answered twice', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    world.join({ memberId: leader! })
    const early = world.join({ memberId: leader! })
    const late = world.join({ memberId: leader! })
    expect(world.joined(early).error.name).toBe('REBALANCE_IN_PROGRESS')
    world.join({ memberId: follower! })
    expect(textOf(world.joined(late))).toBe('NONE 3 leads 2')
  })

  test('the protocol with most votes among those that all support is selected', () => {
    const world = new GroupWorld({ initialDelayMs: 1000 })
    const tickets = [protocols('a', 'b', 'x'), protocols('b', 'a'), protocols('y', 'b', 'a')].map((each) => world.join({ protocols: each }))
    world.pass(100_000)
    expect(tickets.map((ticket) => world.joined(ticket).protocolName)).toEqual(['b', 'b', 'b'])
  })

  test('a full group rejects further members with GROUP_MAX_SIZE_REACHED', () => {
    const world = new GroupWorld({ membersMax: 2 })
    world.stable(2)
    const response = world.joined(world.join())
    expect([response.error.name, response.memberId]).toEqual(['GROUP_MAX_SIZE_REACHED', ''])
    world.join({ memberId: 'c-1' })
    world.join({ memberId: 'c-2' })
    expect(world.describe().members).toHaveLength(2)
  })
})

describe('classic group: the first rebalance', () => {
  test('waits for more members, and longer while they join, up to the rebalance timeout', () => {
    const world = new GroupWorld({ initialDelayMs: 3000 })
    const first = world.join({ rebalanceTimeoutMs: 7000 })
    world.pass(2000)
    world.join({ rebalanceTimeoutMs: 7000 })
    world.pass(2000)
    expect(world.answered(first)).toBeUndefined()
    world.join({ rebalanceTimeoutMs: 7000 })
    world.pass(2000)
    expect(world.answered(first)).toBeUndefined()
    world.pass(1000)
    expect(textOf(world.joined(first))).toBe('NONE 1 leads 3')
  })

  test('ends after one delay when no other member joins', () => {
    const world = new GroupWorld({ initialDelayMs: 3000 })
    const first = world.join()
    world.pass(2999)
    expect(world.answered(first)).toBeUndefined()
    world.pass(1)
    expect(textOf(world.joined(first))).toBe('NONE 1 leads 1')
  })

  test('of a group whose members all left while it waited leaves an empty group of the next generation', () => {
    const world = new GroupWorld({ initialDelayMs: 3000 })
    const ticket = world.join()
    expect(world.leave('c-1')).toEqual(['NONE'])
    expect(world.joined(ticket).error.name).toBe('UNKNOWN_MEMBER_ID')
    world.pass(3000)
    expect([world.describe().state, world.generation]).toEqual(['Empty', 1])
  })
})

describe('classic group: rebalancing', () => {
  test('completes without members that did not rejoin in time', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    const ticket = world.join({ memberId: follower!, protocols: [{ name: 'range', metadata: subscription('u') }] })
    world.pass(sessionMs - 1)
    expect(world.heartbeat(leader!, 2)).toBe('REBALANCE_IN_PROGRESS')
    world.pass(sessionMs)
    world.pass(rebalanceMs)
    expect(textOf(world.joined(ticket))).toBe('NONE 3 leads 1')
    expect(world.heartbeat(leader!, 2)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('waiting members are not removed while others have not joined yet', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    const ticket = world.join({ memberId: leader! })
    for (let waited = 0; waited < rebalanceMs - sessionMs; waited += sessionMs / 2) {
      world.pass(sessionMs / 2)
      expect(world.heartbeat(follower!, 2)).toBe('REBALANCE_IN_PROGRESS')
    }
    expect(world.answered(ticket)).toBeUndefined()
    world.join({ memberId: follower! })
    expect(textOf(world.joined(ticket))).toBe('NONE 3 leads 2')
  })

  test('a member that waits for its assignment must join again when a new member joins', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    const tickets = [leader!, follower!].map((memberId) => world.join({ memberId }))
    tickets.map((ticket) => world.joined(ticket))
    const waiting = world.sync(follower!, 3)
    expect(world.synced(waiting)).toBeUndefined()
    world.join()
    expect(world.synced(waiting)).toBe('REBALANCE_IN_PROGRESS ')
    expect(world.synced(world.sync(leader!, 3))).toBe('REBALANCE_IN_PROGRESS ')
  })

  test('members without a SyncGroup are removed after the rebalance timeout', () => {
    const world = new GroupWorld()
    const first = world.join()
    world.pass(0)
    world.joined(first)
    for (let waited = 0; waited < rebalanceMs; waited += sessionMs / 2) {
      expect(world.heartbeat('c-1', 1)).toBe('NONE')
      world.pass(sessionMs / 2)
    }
    expect([world.describe().state, world.describe().members]).toEqual(['Empty', []])
  })

  test('a leader that left is replaced by a member that joined', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    expect(world.leave(leader!)).toEqual(['NONE'])
    expect(textOf(world.joined(world.join({ memberId: follower! })))).toBe('NONE 3 leads 1')
  })
})

describe('classic group: syncing', () => {
  test('each member gets its part when the leader sends it, and later members at once', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    for (const memberId of [follower!, leader!]) world.join({ memberId, protocols: [{ name: 'range', metadata: subscription('v') }] })
    const early = world.sync(follower!, 3)
    expect(world.synced(early)).toBeUndefined()
    expect(world.synced(world.sync(leader!, 3, { [leader!]: 'a', nobody: 'x' }))).toBe('NONE a')
    expect(world.synced(early)).toBe('NONE ')
    expect(world.synced(world.sync(leader!, 3))).toBe('NONE a')
  })

  test.each<[string, Parameters<GroupWorld['sync']>, string]>([
    ['an unknown member', ['nobody', 1], 'UNKNOWN_MEMBER_ID '],
    ['another generation', ['c-1', 2], 'ILLEGAL_GENERATION '],
    ['another protocol', ['c-1', 1, {}, { protocolName: 'roundrobin' }], 'INCONSISTENT_GROUP_PROTOCOL '],
    ['another type', ['c-1', 1, {}, { protocolType: 'connect' }], 'INCONSISTENT_GROUP_PROTOCOL '],
    ['nothing about the protocol', ['c-1', 1, {}, { protocolType: null, protocolName: null }], 'NONE part 0'],
    ['another group', ['c-1', 1, {}, { groupId: 'other' }], 'UNKNOWN_MEMBER_ID '],
  ])('%s: the answer', (_, call, answer) => {
    const world = new GroupWorld()
    world.stable(1)
    expect(world.synced(world.sync(...call))).toBe(answer)
  })

  test('an assignment that cannot be written is no assignment', () => {
    const world = new GroupWorld({ recordBytesMax: 1000 })
    const ticket = world.join()
    world.pass(0)
    world.joined(ticket)
    expect(world.synced(world.sync('c-1', 1, { 'c-1': 'x'.repeat(1000) }))).toBe('UNKNOWN_SERVER_ERROR ')
    expect(world.describe().state).toBe('PreparingRebalance')
  })
})

describe('classic group: sessions', () => {
  test('a member without requests for its session timeout is removed, and the others rebalance', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    world.pass(sessionMs / 2)
    expect(world.heartbeat(leader!, 2)).toBe('NONE')
    world.pass(sessionMs / 2)
    expect(world.heartbeat(leader!, 2)).toBe('REBALANCE_IN_PROGRESS')
    expect(world.heartbeat(follower!, 2)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('a commit extends the session', () => {
    const world = new GroupWorld()
    const [leader] = world.stable(1)
    world.pass(sessionMs - 1)
    expect(world.commit({ memberId: leader!, generation: 1 })).toBe('NONE')
    world.pass(sessionMs - 1)
    expect(world.heartbeat(leader!, 1)).toBe('NONE')
  })

  test('heartbeats of another generation and of unknown members are rejected', () => {
    const world = new GroupWorld()
    const [leader] = world.stable(1)
    expect([world.heartbeat(leader!, 0), world.heartbeat('x', 1), world.heartbeat(leader!, 1, 'i')]).toEqual([
      'ILLEGAL_GENERATION',
      'UNKNOWN_MEMBER_ID',
      'UNKNOWN_MEMBER_ID',
    ])
    expect(new GroupWorld().heartbeat('x', 1)).toBe('UNKNOWN_MEMBER_ID')
  })

  test('a new member whose client disconnected before it received its id is removed', () => {
    const world = new GroupWorld()
    world.stable(1)
    const lost = world.join()
    for (let waited = 0; waited < 400_000; waited += 5000) {
      world.heartbeat('c-1', world.generation)
      world.pass(5000)
    }
    expect(world.answered(lost)).toBeDefined()
    expect(world.describe().members.map(({ memberId }) => memberId)).not.toContain('c-2')
  })
})

describe('classic group: leaving', () => {
  test('each of several is answered for itself, and the last one leaves an empty group', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    expect(world.leave(leader!, 'nobody', follower!)).toEqual(['NONE', 'UNKNOWN_MEMBER_ID', 'NONE'])
    expect([world.describe().state, world.generation]).toEqual(['Empty', 3])
    expect(world.run({ type: 'leave', groupId: 'other', members: [{ memberId: 'x', instanceId: null }] }).members[0]!.error.name).toBe(
      'UNKNOWN_MEMBER_ID',
    )
  })

  test('a pending id can leave', () => {
    const world = new GroupWorld()
    world.stable(1)
    const { memberId } = world.joined(world.join({ supportsMemberIdRequired: true }))
    expect(world.leave(memberId)).toEqual(['NONE'])
    expect(textOf(world.joined(world.join({ memberId: 'c-1' })))).toBe('NONE 2 leads 1')
  })
})

describe('classic group: static members', () => {
  const stable = (): GroupWorld => {
    const world = new GroupWorld()
    const ticket = world.join({ instanceId: 'i' })
    world.pass(0)
    world.joined(ticket)
    world.sync('i-1', 1, { 'i-1': 'part' }, { instanceId: 'i' })
    return world
  }

  test('one that returns replaces its old member without a rebalance, and its old id is fenced', () => {
    const world = stable()
    const response = world.joined(world.join({ instanceId: 'i' }))
    expect(response).toMatchObject({ error: { name: 'NONE' }, memberId: 'i-2', generation: 1, leader: 'i-2', skipAssignment: true })
    expect(response.members).toHaveLength(1)
    expect(world.describe().state).toBe('Stable')
    expect(world.heartbeat('i-1', 1, 'i')).toBe('FENCED_INSTANCE_ID')
    expect(world.synced(world.sync('i-2', 1, {}, { instanceId: 'i' }))).toBe('NONE part')
    expect(world.joined(world.join({ memberId: 'i-1', instanceId: 'i' })).error.name).toBe('FENCED_INSTANCE_ID')
  })

  test('an older client receives the id of the old leader, so that it does not assign again', () => {
    const world = stable()
    const response = world.joined(world.join({ instanceId: 'i', supportsSkipAssignment: false }))
    expect(response).toMatchObject({ memberId: 'i-2', leader: 'i-1', skipAssignment: false, members: [] })
  })

  test('one that returns with another protocol causes a rebalance', () => {
    const world = new GroupWorld()
    const ticket = world.join({ instanceId: 'i', protocols: protocols('range', 'sticky') })
    world.pass(0)
    world.joined(ticket)
    world.sync('i-1', 1, {}, { instanceId: 'i' })
    const again = world.join({ instanceId: 'i', protocols: protocols('sticky', 'range') })
    expect(world.joined(again)).toMatchObject({ generation: 2, protocolName: 'sticky' })
  })

  test('one that returns during CompletingRebalance starts the rebalance again', () => {
    const world = new GroupWorld()
    const ticket = world.join({ instanceId: 'i' })
    world.pass(0)
    world.joined(ticket)
    const again = world.join({ instanceId: 'i' })
    expect(textOf(world.joined(again))).toBe('NONE 2 leads 1')
    expect(world.synced(world.sync('i-1', 1, {}, { instanceId: 'i' }))).toBe('FENCED_INSTANCE_ID ')
  })

  test('one that waits is fenced at once by its successor', () => {
    const world = new GroupWorld({ initialDelayMs: 3000 })
    const first = world.join({ instanceId: 'i' })
    const second = world.join({ instanceId: 'i' })
    expect(world.joined(first)).toMatchObject({ error: { name: 'FENCED_INSTANCE_ID' }, memberId: 'i-1' })
    world.pass(10_000)
    expect(textOf(world.joined(second))).toBe('NONE 1 leads 1')
  })

  test("one is removed by its instance alone, or by both names, but not by another one's", () => {
    const leave = (world: GroupWorld, memberId: string, instanceId: string): string =>
      world.run({ type: 'leave', groupId: 'g', members: [{ memberId, instanceId }] }).members[0]!.error.name
    expect([leave(stable(), '', 'i'), leave(stable(), 'i-1', 'i'), leave(stable(), 'x', 'i'), leave(stable(), '', 'j')]).toEqual([
      'NONE',
      'NONE',
      'FENCED_INSTANCE_ID',
      'UNKNOWN_MEMBER_ID',
    ])
  })

  test('one that does not join again in time stays until its session ends', () => {
    const world = stable()
    world.join()
    world.pass(sessionMs - 1)
    world.heartbeat('i-1', 1, 'i')
    expect(world.describe().members).toHaveLength(2)
    world.pass(sessionMs)
    expect(world.describe().members.map(({ memberId }) => memberId)).toEqual(['c-2'])
  })
})

describe('classic group: a restart', () => {
  test('keeps members, generation and assignments, and starts a session for each member', () => {
    const world = new GroupWorld()
    const [leader, follower] = world.stable(2)
    const before = world.describe()
    world.restart()
    expect(world.describe()).toEqual(before)
    expect(world.heartbeat(leader!, 2)).toBe('NONE')
    expect(world.synced(world.sync(follower!, 2))).toBe('NONE part 1')
    world.pass(sessionMs)
    expect(world.describe().members).toEqual([])
  })

  test('keeps static members and their instance ids', () => {
    const world = new GroupWorld()
    const ticket = world.join({ instanceId: 'i' })
    world.pass(0)
    world.joined(ticket)
    world.sync('i-1', 1, { 'i-1': 'p' }, { instanceId: 'i' })
    world.restart()
    expect(world.joined(world.join({ instanceId: 'i' }))).toMatchObject({ error: { name: 'NONE' }, generation: 1, memberId: 'i-2' })
    expect(world.heartbeat('i-1', 1, 'i')).toBe('FENCED_INSTANCE_ID')
  })

  test('forgets a generation that had no assignment: its members join again', () => {
    const world = new GroupWorld()
    const ticket = world.join()
    world.pass(0)
    world.joined(ticket)
    world.restart()
    expect(world.heartbeat('c-1', 1)).toBe('UNKNOWN_MEMBER_ID')
    expect(world.describe().state).toBe('Empty')
  })

  test('starts a rebalance of a group that exceeds a reduced maximum size', () => {
    const world = new GroupWorld()
    world.stable(3)
    const smaller = new GroupWorld({ membersMax: 2 })
    smaller.records.push(...world.records)
    smaller.restart()
    expect(smaller.describe().state).toBe('PreparingRebalance')
  })
})
