import { expect, test } from 'vitest'
import { addGroupMetrics } from '../../../src/broker/group-metrics.ts'
import { Registry } from '../../../src/metrics/registry.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/wire/api/08-offset-commit.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/wire/api/10-find-coordinator.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../../src/wire/api/68-consumer-group-heartbeat.ts'
import { zeroUuid } from '../../../src/wire/schema.ts'
import { brokerWorld } from './broker-world.ts'

test('group metrics: groups are counted by protocol and state, and their committed offsets are shown', async () => {
  const world = await brokerWorld()
  const registry = new Registry()
  addGroupMetrics(registry, world.groups)
  await world.call(FindCoordinatorRequest, FindCoordinatorResponse, 4, { coordinatorKeys: ['g'], keyType: 0 })
  await world.call(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, {
    groupId: 'g',
    memberId: 'm',
    memberEpoch: 0,
    rebalanceTimeoutMs: 1000,
    subscribedTopicNames: ['__consumer_offsets'],
    topicPartitions: [],
  })
  const partitions = [{ partitionIndex: 3, committedOffset: 7n, committedLeaderEpoch: -1, committedMetadata: '' }]
  await world.call(OffsetCommitRequest, OffsetCommitResponse, 9, {
    groupId: 'g',
    memberId: 'm',
    generationIdOrMemberEpoch: 2,
    topics: [{ name: '__consumer_offsets', topicId: zeroUuid, partitions }],
  })
  const lines = registry.text().split('\n')
  expect(lines).toContain('kafka_server_group_coordinator_metrics_group_count{protocol="consumer"} 1')
  expect(lines).toContain('kafka_server_group_coordinator_metrics_consumer_group_count{state="Stable"} 1')
  expect(lines).toContain('kafka_server_group_coordinator_metrics_consumer_group_rebalance_total 1')
  expect(lines).toContain('kafka_server_group_coordinator_metrics_offset_commit_total 1')
  expect(lines).toContain('kafka_consumergroup_members{consumergroup="g"} 1')
  expect(lines).toContain('kafka_consumergroup_current_offset{consumergroup="g",topic="__consumer_offsets",partition="3"} 7')
})
