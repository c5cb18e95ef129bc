import { fileURLToPath } from 'node:url'
import { lostLanes, producersOf } from '../../native-free-io/disk/lost-records.ts'
import { NodeProducers } from '../../native-free-io/disk/node-producers.ts'
import { crashPoint } from '../../native-free-io/process/crash-point.ts'
import { nodeTime } from '../../native-free-io/process/node-time.ts'
import { StartRefused } from '../../native-free-io/process/start-refused.ts'
import type { StoreHealth } from '../../native-free-io/store/store-health.ts'
import { createBlockMemory } from '../../native-free-io/threads/block-memory.ts'
import { ObjectWorkers } from '../../native-free-io/threads/object-workers.ts'
import type { Pipeline } from '../../native-free-io/threads/pipeline.ts'
import type { PipelineLane } from '../../native-free-io/threads/pipeline-lane.ts'
import { decodingModule } from '../../native-free-io/threads/validation-module.ts'
import type { Settings } from '../../src/config/settings.ts'
import { storeName } from '../../src/config/store-uri.ts'
import { cleanupSettings } from '../../src/config/topic-configs.ts'
import { storageView } from '../../src/controller/storage-metadata.ts'
import { faultText } from '../../src/object-store/store-faults.ts'
import { ObjectKeys } from '../../src/objects/object-key.ts'
import type { CleanerSettings } from '../../src/storage/log-cleaner.ts'
import { MetadataOutdated } from '../../src/storage/object-gc.ts'
import { ObjectStorage, storageRules } from '../../src/storage/object-storage.ts'
import { LanePartitions } from '../../src/storage/partitions.ts'
import { TimeSearch } from '../../src/storage/time-search.ts'
import type { Founded, NodeInputs } from './found.ts'
import { workers } from './open-pipeline.ts'

/** Maximum memory for the keys of one compaction, as in Kafka, regardless of the setting. */
const cleanerBytesMax = 2 ** 31 - 1

/** Null: no compaction by key. The other settings may change while the node runs. */
const cleanerSettings = (settings: Settings): CleanerSettings | null =>
  settings['log.cleaner.enable']
    ? {
        backoffMs: () => Number(settings['log.cleaner.backoff.ms']),
        bufferBytes: () => Math.min(Number(settings['log.cleaner.dedupe.buffer.size']), cleanerBytesMax),
        limitsOf: (configs) => cleanupSettings(configs, settings),
      }
    : null

export interface OpenedStorage {
  readonly jobs: ObjectWorkers
  readonly storage: ObjectStorage
  readonly partitions: LanePartitions
  readonly producers: NodeProducers
  /** Lanes that have lost acknowledged records, which an operator has accepted. */
  readonly lost: readonly PipelineLane[]
}

/** Opens the storage engine on the objects of the metadata image. It changes nothing before it is started. */
export async function openStorage(
  { configs: { settings }, log, fail }: NodeInputs,
  founded: Founded,
  pipeline: Pipeline,
  health: StoreHealth,
): Promise<OpenedStorage> {
  const { identity, image, location, budget, deleteRetentionMs, logs } = founded
  const firstObjectId = image.cluster.founding?.firstObjectId ?? image.storage.nextObjectId
  const keys = new ObjectKeys({ ...identity, firstObjectId })
  const lost = lostLanes(founded, pipeline, settings, log)
  const saved = await producersOf(founded, pipeline, settings['s3.wal.loss.accept'])
  const producers = new NodeProducers(logs.producers, identity.foundingId, saved)
  const blocks = createBlockMemory(settings['s3.block.cache.size'])
  const worker = fileURLToPath(new URL(`object${workers.extension}`, workers.folder))
  const jobs = new ObjectWorkers({ worker, location, keys, budget, blocks: blocks.memory, lanes: pipeline.lanes })
  pipeline.notifyAll({ type: 'blocks', memory: blocks.memory })
  const storage = new ObjectStorage({
    keys,
    lanes: pipeline.lanes,
    jobs,
    memory: blocks,
    image: storageView(image),
    time: nodeTime,
    rules: storageRules(location, {
      thresholdBytes: settings['s3.wal.upload.threshold'],
      intervalMs: settings['s3.wal.upload.interval.ms'],
    }),
    deleteRetentionMs,
    producers,
    confirm: logs.confirm,
    cleaner: cleanerSettings(settings),
    onEvent: {
      stored: (objectId, bytes) => log.debug({ objectId, bytes }, 'stored an object'),
      removed: (why, count) => log.debug({ why, count }, 'removed objects'),
      compacted: (replaced, outputs, bytes) => log.debug({ replaced, outputs, bytes }, 'compacted objects'),
      cleaned: (partitionId, read, written) => log.debug({ partitionId, read, written }, 'compacted a partition by key'),
      fault: (fault) => {
        health.noticed(fault)
        log.warn({ store: storeName(location) }, `the object store fails: ${faultText(fault)}`)
      },
      missing: (error) => log.error(error.message),
      pressed: () => pipeline.notifyAll({ type: 'pressed' }),
      step: crashPoint,
      failed: (error) => fail('the object storage', error instanceof MetadataOutdated ? new StartRefused(error.message) : error),
    },
  })
  const times = new TimeSearch({
    decoder: decodingModule(),
    largeWindow: pipeline.largeWindow,
    monotonic: nodeTime.monotonic,
    nextTurn: () => new Promise(setImmediate),
  })
  const known = new Map(saved.flatMap(({ partitions }) => partitions))
  return { jobs, storage, partitions: new LanePartitions(pipeline.lanes, storage, known, times), producers, lost }
}
