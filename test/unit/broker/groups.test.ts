import { describe, expect, test } from 'vitest'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/wire/api/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/wire/api/09-offset-fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/wire/api/10-find-coordinator.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/wire/api/11-join-group.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/wire/api/12-heartbeat.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/wire/api/14-sync-group.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../../src/wire/api/16-list-groups.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/wire/api/19-create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../../src/wire/api/20-delete-topics.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../../src/wire/api/68-consumer-group-heartbeat.ts'
import { zeroUuid } from '../../../src/wire/schema.ts'
import { MemoryLog, settingsOf } from '../controller/world.ts'
import { settled } from '../coordinator/fake-time.ts'
import { MemoryPartitionLog } from '../coordinator/memory-partition-log.ts'
import { protocols } from '../group/group-world.ts'
import { type BrokerWorld, brokerWorld } from './broker-world.ts'

const settings = settingsOf('group.initial.rebalance.delay.ms=0', 'offsets.topic.num.partitions=4', 'offsets.commit.timeout.ms=5000')

/** A broker with topic `t` that serves group requests. */
async function groupsWorld(kept: { log?: MemoryLog; partitionLog?: MemoryPartitionLog } = {}): Promise<BrokerWorld> {
  const world = await brokerWorld({ settings, ...kept })
  await create(world, 't')
  await world.call(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: 'g' })
  return world
}

const create = (world: BrokerWorld, name: string) =>
  world.call(CreateTopicsRequest, CreateTopicsResponse, 7, {
    topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
  })

const remove = (world: BrokerWorld, name: string) =>
  world.call(DeleteTopicsRequest, DeleteTopicsResponse, 6, { topics: [{ name, topicId: zeroUuid }] })

/** A simple consumer's. Returns the error. */
async function commit(world: BrokerWorld, committedOffset: bigint, groupId = 'g'): Promise<number> {
  const partitions = [{ partitionIndex: 0, committedOffset, committedLeaderEpoch: -1, committedMetadata: null }]
  const topics = [{ name: 't', topicId: zeroUuid, partitions }]
  const answer = await world.call(OffsetCommitRequest, OffsetCommitResponse, 9, { groupId, topics, generationIdOrMemberEpoch: -1 })
  return answer.topics[0]!.partitions[0]!.errorCode
}

/** Error and offset of partition 0. */
async function fetch(world: BrokerWorld, groupId = 'g'): Promise<readonly [number, bigint | undefined]> {
  const answer = await world.call(OffsetFetchRequest, OffsetFetchResponse, 5, { groupId, topics: [{ name: 't', partitionIndexes: [0] }] })
  return [answer.errorCode, answer.topics[0]?.partitions[0]?.committedOffset]
}

const joining = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 30_000, protocolType: 'consumer', protocols: protocols('range') }

/** Joins with an old version, which needs one request. */
async function join(world: BrokerWorld): Promise<string> {
  const waiting = world.call(JoinGroupRequest, JoinGroupResponse, 3, { groupId: 'g', ...joining })
  await settled()
  await world.time.pass(0)
  return (await waiting).memberId
}

describe('group coordinator: durability', () => {
  test('an answer waits for its record, and commits that arrive meanwhile share one', async () => {
    const world = await groupsWorld()
    world.partitionLog.held = []
    const answers: number[] = []
    const waiting = Array.from({ length: 10 }, (_, i) => commit(world, BigInt(i)).then((error) => answers.push(error)))
    await settled()
    expect([answers, world.partitionLog.appends]).toEqual([[], 1])
    world.partitionLog.release()
    await settled()
    expect([answers, world.partitionLog.appends]).toEqual([[0], 2])
    world.partitionLog.release()
    await Promise.all(waiting)
    expect([answers, world.partitionLog.appends]).toEqual([Array(10).fill(0), 2])
  })

  test('fetched offsets are durable', async () => {
    const world = await groupsWorld()
    world.partitionLog.held = []
    const committing = commit(world, 7n)
    const fetching = fetch(world)
    await settled()
    world.partitionLog.release()
    expect([await committing, await fetching]).toEqual([0, [0, 7n]])
  })

  test('a request that waits too long gets COORDINATOR_NOT_AVAILABLE, and can be retried', async () => {
    const world = await groupsWorld()
    world.partitionLog.held = []
    const waiting = commit(world, 7n)
    await settled()
    await world.time.pass(5000)
    expect(await waiting).toBe(15)
    world.partitionLog.release()
    world.partitionLog.held = undefined
    await settled()
    expect(await commit(world, 8n)).toBe(0)
    expect(await fetch(world)).toEqual([0, 8n])
  })
})

describe('group coordinator: a restart', () => {
  test('keeps offsets and members', async () => {
    const kept = { log: new MemoryLog(), partitionLog: new MemoryPartitionLog() }
    const before = await groupsWorld(kept)
    await commit(before, 7n, 'simple')
    const memberId = await join(before)
    const assignments = [{ memberId, assignment: Buffer.from('part') }]
    await before.call(SyncGroupRequest, SyncGroupResponse, 3, { groupId: 'g', memberId, generationId: 1, assignments })
    const after = await brokerWorld({ settings, ...kept })
    expect(await fetch(after, 'simple')).toEqual([0, 7n])
    const beat = await after.call(HeartbeatRequest, HeartbeatResponse, 4, { groupId: 'g', memberId, generationId: 1 })
    expect(beat.errorCode).toBe(0)
    const { groups } = await after.call(ListGroupsRequest, ListGroupsResponse, 4, {})
    expect(groups.map(({ groupId, groupState }) => `${groupId} ${groupState}`).sort()).toEqual(['g Stable', 'simple Empty'])
  })

  test('a group that loads slowly returns COORDINATOR_LOAD_IN_PROGRESS', async () => {
    const kept = { log: new MemoryLog(), partitionLog: new MemoryPartitionLog() }
    await commit(await groupsWorld(kept), 7n)
    let read = (): void => {}
    kept.partitionLog.reading = new Promise((resolve) => (read = resolve))
    const world = await brokerWorld({ settings, ...kept })
    const early = fetch(world)
    const listing = world.call(ListGroupsRequest, ListGroupsResponse, 4, {})
    await settled()
    await world.time.pass(1000)
    expect([await early, (await listing).errorCode]).toEqual([[14, undefined], 14])
    read()
    await settled()
    expect(await fetch(world)).toEqual([0, 7n])
  })

  test('offsets of a topic that was deleted before their group was loaded are removed', async () => {
    const kept = { log: new MemoryLog(), partitionLog: new MemoryPartitionLog() }
    await commit(await groupsWorld(kept), 7n)
    const world = await brokerWorld({ settings, ...kept })
    await remove(world, 't')
    await create(world, 't')
    expect(await fetch(world)).toEqual([0, -1n])
    const entering = { rebalanceTimeoutMs: 1000, subscribedTopicNames: ['t'], topicPartitions: [] }
    const asked = { groupId: 'g', memberId: 'm', memberEpoch: 0, ...entering }
    const entered = await world.call(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, asked)
    expect(entered.assignment?.topicPartitions).toHaveLength(1)
  })
})

describe('group coordinator: offsets of a topic that was deleted', () => {
  const groupIds = Array.from({ length: 8 }, (_, index) => `group ${index}`)

  test('by a node that died before it had forgotten them are not those of a topic with its name', async () => {
    const kept = { log: new MemoryLog(), partitionLog: new MemoryPartitionLog() }
    await commit(await groupsWorld(kept), 7n)
    const dying = await brokerWorld({ settings, ...kept })
    await remove(dying, 't')
    const world = await brokerWorld({ settings, ...kept })
    // Each world allocates ids in turn, and the first is that of the deleted topic.
    await create(world, 'other')
    await create(world, 't')
    expect(await fetch(world)).toEqual([0, -1n])
    expect(await commit(world, 3n)).toBe(0)
    expect(await fetch(await brokerWorld({ settings, ...kept }))).toEqual([0, 3n])
  })

  test('are forgotten when they are loaded, and those of a topic with its name are not', async () => {
    const kept = { log: new MemoryLog(), partitionLog: new MemoryPartitionLog() }
    const before = await groupsWorld(kept)
    for (const groupId of groupIds) await commit(before, 7n, groupId)
    const world = await brokerWorld({ settings, ...kept })
    await remove(world, 't')
    await create(world, 't')
    // They are in several partitions, which are loaded one after another.
    for (const groupId of groupIds) expect(await commit(world, 3n, groupId)).toBe(0)
    for (const groupId of groupIds) expect(await fetch(world, groupId)).toEqual([0, 3n])
  })
})

describe('group coordinator: deletion', () => {
  test('of a topic deletes its offsets', async () => {
    const world = await groupsWorld()
    await commit(world, 7n)
    await remove(world, 't')
    await create(world, 't')
    expect(await fetch(world)).toEqual([0, -1n])
  })

  test('of the offsets topic deletes the groups, and waiting requests get an error', async () => {
    const world = await groupsWorld()
    await commit(world, 7n, 'simple')
    const waiting = world.call(JoinGroupRequest, JoinGroupResponse, 3, { groupId: 'g', ...joining })
    await settled()
    await remove(world, '__consumer_offsets')
    expect((await waiting).errorCode).toBe(16)
    expect((await fetch(world, 'simple'))[0]).toBe(16)
    await world.call(FindCoordinatorRequest, FindCoordinatorResponse, 3, { key: 'g' })
    expect(await fetch(world, 'simple')).toEqual([0, -1n])
    expect(world.reported).toEqual([])
  })
})

test('group coordinator: a request that waits for a group gets an error when the offsets topic is deleted during the load', async () => {
  const kept = { log: new MemoryLog(), partitionLog: new MemoryPartitionLog() }
  await commit(await groupsWorld(kept), 7n)
  let read = (): void => {}
  kept.partitionLog.reading = new Promise((resolve) => (read = resolve))
  const world = await brokerWorld({ settings, ...kept })
  const waiting = fetch(world)
  await settled()
  await remove(world, '__consumer_offsets')
  read()
  expect((await waiting)[0]).toBe(16)
  expect((await fetch(world))[0]).toBe(16)
  expect(world.reported).toEqual([])
})

test('group coordinator: offsets expire after their time, and a group without offsets or members with them', async () => {
  const world = await groupsWorld()
  world.groups.start()
  await commit(world, 7n)
  await world.time.pass(7 * 24 * 3_600_000 - 1)
  expect(await fetch(world)).toEqual([0, 7n])
  await world.time.pass(600_000)
  expect(await fetch(world)).toEqual([0, -1n])
  expect((await world.call(ListGroupsRequest, ListGroupsResponse, 4, {})).groups).toEqual([])
})
