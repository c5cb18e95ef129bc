import type { GroupCoordinator } from '../group/coordinator.ts'
import type { Group } from '../group/state.ts'
import type { GroupCounts } from '../group/step.ts'
import type { Registry, Sample } from '../metrics/registry.ts'

/** Event counts since the node started, under the names of Kafka's sensors. */
const counters: readonly (readonly [name: string, count: keyof GroupCounts, help: string])[] = [
  ['group_completed_rebalance', 'classicRebalances', 'Generations of classic groups.'],
  ['consumer_group_rebalance', 'consumerRebalances', 'Epochs of consumer groups.'],
  ['offset_commit', 'offsetCommits', 'Offsets committed.'],
  ['offset_expiration', 'offsetExpirations', 'Offsets that expired.'],
  ['offset_deletion', 'offsetDeletions', 'Offsets deleted by request.'],
]

const states = {
  classic: ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable'],
  consumer: ['Empty', 'Assigning', 'Reconciling', 'Stable'],
} as const

/** Covers the groups of loaded partitions of the offsets topic. A partition is loaded at the first request for one of its groups. */
export function addGroupMetrics(registry: Registry, coordinator: GroupCoordinator): void {
  for (const [name, count, help] of counters) {
    registry.computed(
      { name: `kafka_server_group_coordinator_metrics_${name}_total`, help, type: 'counter' },
      () => coordinator.counts[count],
    )
  }
  const allGroups = (): Group[] => coordinator.states.flatMap(({ groups }) => [...groups.values()])
  const gauge = (name: string, help: string, read: () => readonly Sample[]): void => registry.computed({ name, help, type: 'gauge' }, read)
  const countOf = (holds: (group: Group) => boolean): number => allGroups().filter(holds).length
  gauge('kafka_server_group_coordinator_metrics_group_count', 'Groups by protocol.', () =>
    (['classic', 'consumer'] as const).map((type) => ({ labels: { protocol: type }, value: countOf((group) => group.type === type) })),
  )
  for (const type of ['classic', 'consumer'] as const) {
    gauge(`kafka_server_group_coordinator_metrics_${type}_group_count`, `Groups of the ${type} protocol by state.`, () =>
      states[type].map((state) => ({ labels: { state }, value: countOf((group) => group.type === type && group.state === state) })),
    )
  }
  gauge('kafka_consumergroup_members', 'Members of each group.', () =>
    allGroups().map(({ groupId, members }) => ({ labels: { consumergroup: groupId }, value: members.size })),
  )
  gauge('kafka_consumergroup_current_offset', 'The offset that each group has committed.', () =>
    coordinator.states.flatMap(({ groups, offsets }) =>
      [...groups.keys()].flatMap((consumergroup) =>
        [...offsets.of(consumergroup)].flatMap(([topic, partitions]) =>
          Array.from(partitions, ([partition, { offset }]) => ({
            labels: { consumergroup, topic, partition: String(partition) },
            value: Number(offset),
          })),
        ),
      ),
    ),
  )
}
