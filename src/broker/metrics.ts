import type { Registry } from '../metrics/registry.ts'
import type { MetricRow } from '../metrics/rows.ts'
import type { ClusterView } from './cluster-view.ts'

/** Kafka's metric names for counters of the stages. Each has exactly the meaning that it has in Kafka; others are left out. */
const sameAsStage: readonly (readonly [name: string, stageMetric: string, help: string])[] = [
  ['brokertopicmetrics_messagesin_total', 'millrace_stage_sequencer_records_total', 'Records appended.'],
  ['brokertopicmetrics_bytesin_total', 'millrace_stage_sequencer_bytes_total', 'Bytes of record batches appended.'],
  ['brokertopicmetrics_totalproducerequests_total', 'millrace_stage_network_produce_requests_total', 'Produce requests.'],
  ['brokertopicmetrics_totalfetchrequests_total', 'millrace_stage_network_fetch_requests_total', 'Fetch requests.'],
  ['brokertopicmetrics_failedproducerequests_total', 'millrace_stage_sequencer_refused_total', 'Record batches rejected.'],
]

const gauge = (name: string, help: string): MetricRow => ({ name, help, type: 'gauge' })

/** Metadata and stage counters under the names of Kafka's own metrics and of kafka_exporter. */
export function addBrokerMetrics(registry: Registry, cluster: ClusterView): void {
  for (const [name, stageMetric, help] of sameAsStage) {
    registry.computed({ name: `kafka_server_${name}`, help, type: 'counter' }, () => registry.sum(stageMetric))
  }
  const connections = (): number =>
    registry.sum('millrace_stage_network_connections_total') - registry.sum('millrace_stage_network_disconnections_total')
  registry.computed(gauge('kafka_server_socket_server_metrics_connection_count', 'Connections of clients.'), connections)

  const { image } = cluster
  const unserved = (): number => [...image.partitions.keys()].filter((partitionId) => !cluster.isServed(partitionId)).length
  registry.computed(gauge('kafka_server_replicamanager_partitioncount', 'Partitions on this node.'), () => image.partitions.size)
  registry.computed(
    gauge('kafka_server_replicamanager_leadercount', 'Partitions that this node leads.'),
    () => image.partitions.size - unserved(),
  )
  registry.computed(gauge('kafka_server_replicamanager_underreplicatedpartitions', 'None: there are no replicas to lag.'), () => 0)
  registry.computed(gauge('kafka_controller_kafkacontroller_activecontrollercount', 'Active controllers in this process.'), () => 1)
  registry.computed(gauge('kafka_controller_kafkacontroller_offlinepartitionscount', 'Partitions without a leader.'), unserved)
  registry.computed(gauge('kafka_controller_kafkacontroller_globaltopiccount', 'Topics.'), () => image.topics.size)
  registry.computed(
    gauge('kafka_controller_kafkacontroller_globalpartitioncount', 'Partitions of all topics.'),
    () => image.partitions.size,
  )
  registry.computed(gauge('kafka_brokers', 'Brokers in the cluster.'), () => 1)
  registry.computed(gauge('kafka_topic_partitions', 'Partitions of each topic.'), () =>
    [...image.topics.values()].map(({ name, partitionIds }) => ({ labels: { topic: name }, value: partitionIds.length })),
  )
}
