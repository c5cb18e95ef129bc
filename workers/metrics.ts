import type { Pipeline } from '../native-free-io/pipeline.ts'
import { addProcessMetrics } from '../native-free-io/process-metrics.ts'
import type { Controller } from '../src/controller/controller.ts'
import { Registry } from '../src/metrics/registry.ts'

/** What Kafka counts under other names than the stages do. */
const alike: readonly (readonly [name: string, help: string, stageRow: string])[] = [
  ['kafka_server_brokertopicmetrics_messagesin_total', 'Records appended.', 'millrace_stage_sequencer_records_total'],
  ['kafka_server_brokertopicmetrics_bytesin_total', 'Bytes of the record batches appended.', 'millrace_stage_sequencer_bytes_total'],
  ['kafka_server_brokertopicmetrics_bytesout_total', 'Bytes handed to clients.', 'millrace_stage_network_bytes_out_total'],
  ['kafka_server_brokertopicmetrics_totalproducerequests_total', 'Produce requests.', 'millrace_stage_network_produce_requests_total'],
  ['kafka_server_brokertopicmetrics_totalfetchrequests_total', 'Fetch requests.', 'millrace_stage_network_fetch_requests_total'],
]

/** Everything that /metrics tells of a node. */
export function nodeMetrics({ pipeline, controller }: { readonly pipeline: Pipeline; readonly controller: Controller }): Registry {
  const registry = new Registry()
  addProcessMetrics(registry)
  for (const { table, values } of pipeline.counters) registry.block(table, values)
  for (const [name, help, row] of alike) registry.computed({ name, help, type: 'counter' }, () => registry.sum(row))
  const gauge = (name: string, help: string, read: () => number): void => registry.computed({ name, help, type: 'gauge' }, read)
  const { image } = controller
  gauge('kafka_server_socket_server_metrics_connection_count', 'Open connections.', () => {
    const opened = registry.sum('millrace_stage_network_connections_total')
    return opened - registry.sum('millrace_stage_network_disconnections_total')
  })
  gauge('kafka_server_replicamanager_partitioncount', 'Partitions of this node.', () => image.streams.size)
  gauge('kafka_server_replicamanager_leadercount', 'Partitions that this node leads.', () => image.streams.size)
  gauge('kafka_controller_kafkacontroller_activecontrollercount', '1 on the active controller.', () => 1)
  gauge('kafka_controller_kafkacontroller_globaltopiccount', 'Topics.', () => image.topics.size)
  gauge('millrace_log_durable_bytes', 'Position up to which the write-ahead log is durable.', () => pipeline.durable)
  gauge('millrace_log_undurable_bytes', 'Bytes sequenced and not durable yet.', () => pipeline.published - pipeline.durable)
  gauge('millrace_log_unstored_bytes', 'Bytes that only the write-ahead log holds.', () => pipeline.durable - pipeline.stored)
  gauge('millrace_log_capacity_bytes', 'Size of the write-ahead log.', () => pipeline.wal.state.capacity)
  gauge('millrace_objects', 'Objects in the store.', () => image.objects.size)
  gauge('millrace_object_bytes', 'Bytes of the objects in the store.', () => {
    let bytes = 0
    for (const object of image.objects.values()) bytes += object.bytes
    return bytes
  })
  return registry
}
