import type { DiskRoom } from '../native-free-io/disk/disk-room.ts'
import { addProcessMetrics } from '../native-free-io/process/process-metrics.ts'
import type { Pipeline } from '../native-free-io/threads/pipeline.ts'
import type { PipelineLane } from '../native-free-io/threads/pipeline-lane.ts'
import type { ClusterView } from '../src/broker/cluster-view.ts'
import { addGroupMetrics } from '../src/broker/group-metrics.ts'
import { addBrokerMetrics } from '../src/broker/metrics.ts'
import type { GroupCoordinator } from '../src/group/coordinator.ts'
import type { StorageImage } from '../src/metadata/storage-image.ts'
import { Registry } from '../src/metrics/registry.ts'
import { storeTable } from '../src/object-store/request-metrics.ts'
import type { ObjectStorage } from '../src/storage/object-storage.ts'

interface Parts {
  readonly pipeline: Pipeline
  readonly cluster: ClusterView
  /** The committed objects. */
  readonly storageImage: StorageImage
  readonly room: DiskRoom
  readonly storage: ObjectStorage
  /** Counters of each thread that uses a store, in the rows of `storeTable`. */
  readonly meters: readonly Float64Array[]
  readonly groups: GroupCoordinator
}

/** All metrics of a node for /metrics. */
export function nodeMetrics({ pipeline, cluster, storageImage, room, storage, meters, groups }: Parts): Registry {
  const registry = new Registry()
  addProcessMetrics(registry)
  for (const { table, values } of pipeline.counters) registry.block(table, values)
  registry.block(storage.counters.table, storage.counters.values)
  Object.values(storeTable).forEach(({ name, help, type }, index) => {
    registry.computed({ name, help, type }, () => meters.reduce((sum, meter) => sum + meter[index]!, 0))
  })
  addBrokerMetrics(registry, cluster)
  addGroupMetrics(registry, groups)
  const sum = (of: (lane: PipelineLane) => number): number => pipeline.lanes.all.reduce((total, lane) => total + of(lane), 0)
  const gauge = (name: string, help: string, read: () => number): void => registry.computed({ name, help, type: 'gauge' }, read)
  gauge('millrace_log_durable_bytes', 'Position up to which the write-ahead log is durable.', () => sum((lane) => lane.durable))
  gauge('millrace_log_undurable_bytes', 'Bytes sequenced but not durable yet.', () => sum((lane) => lane.published - lane.durable))
  gauge('millrace_log_unstored_bytes', 'Bytes that are only in the write-ahead log, not in objects.', () =>
    sum((lane) => lane.durable - lane.stored),
  )
  gauge('millrace_log_capacity_bytes', 'Capacity of the write-ahead log in bytes.', () => sum((lane) => lane.wal.state.capacity))
  gauge(
    'millrace_disk_full',
    'Number of files that cannot grow because the disk is full: write-ahead log, metadata log, producers.snapshot.',
    () => room.waiting,
  )
  gauge('millrace_objects', 'Objects in the store.', () => storageImage.objects.size)
  gauge('millrace_object_bytes', 'Bytes of all objects in the store.', () => storageImage.objectBytes)
  return registry
}
