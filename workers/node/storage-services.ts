import { crashPoint } from '../../native-free-io/process/crash-point.ts'
import { nodeTime } from '../../native-free-io/process/node-time.ts'
import type { Pipeline } from '../../native-free-io/threads/pipeline.ts'
import type { Service } from '../../src/node/services.ts'
import type { Lanes } from '../../src/ports/lanes.ts'
import type { StorageMetadata } from '../../src/ports/storage-metadata.ts'
import { RetentionTask } from '../../src/storage/retention-task.ts'
import { WalMarks, walMark } from '../../src/storage/wal-marks.ts'
import type { Founded, NodeInputs } from './found.ts'
import type { OpenedStorage } from './open-storage.ts'
import { every } from './timers.ts'

const producerSweepMs = 60_000
/** Maximum time in a stop for uploads of records that are only in the WAL. */
const drainMs = 20_000
/** Maximum time in a stop for the last mark in the metadata log. */
const lastMarkMs = 3000

/** The folder, the logs, the pipeline and the storage engine. `hasServed`: clients may have written records. */
export function storageServices(
  { configs: { settings }, log, fail }: NodeInputs,
  { logs, release }: Founded,
  pipeline: Pipeline,
  { storage, jobs }: OpenedStorage,
  { metadata, hasServed }: { readonly metadata: StorageMetadata; readonly hasServed: () => boolean },
): readonly Service[] {
  const { lanes } = pipeline
  const marks = new WalMarks(lanes, metadata, nodeTime, (error) => fail('the metadata log', error))
  const retention = new RetentionTask({
    settings,
    metadata,
    lanes,
    objects: storage.objects,
    time: nodeTime,
    onStep: crashPoint,
    onCut: (partitionId, offset) => log.debug({ partitionId, offset }, 'removed records by retention'),
    onFailure: (error) => fail('retention', error),
  })
  return [
    { name: 'data folder', stop: release },
    { name: 'logs', stop: () => logs.close() },
    { name: 'object workers', stop: () => jobs.close() },
    { name: 'pipeline threads', stop: () => pipeline.close() },
    // An unavailable store must not delay the stop: durable records are kept in any case.
    {
      name: 'last marks of the WAL',
      stop: () => within(lastMarkMs, Promise.all(lanes.all.map((lane) => metadata.markWal(walMark(lane))))),
    },
    { name: 'pipeline', stop: () => pipeline.stop() },
    {
      name: 'marks of the WAL',
      start: () => (logs.wals.some(({ type }) => type === 'file') ? marks.start() : undefined),
      stop: () => marks.stop(),
    },
    { name: 'storage engine', start: () => storage.start(metadata), stop: () => storage.stop() },
    { name: 'uploads at the stop', stop: () => (hasServed() ? storage.drain(drainMs) : undefined) },
    { name: 'retention', start: () => retention.start(), stop: () => retention.stop() },
    producerExpiry(lanes, () => Date.now() - settings['producer.id.expiration.ms']),
  ]
}

/** Removes the state of producers that have been idle. `before`: milliseconds since 1970. */
function producerExpiry(lanes: Lanes, before: () => number): Service {
  let end = (): void => {}
  return {
    name: 'expiry of producers',
    start() {
      end = every(producerSweepMs, () => {
        for (const lane of lanes.all) void lane.call({ type: 'expireProducers', before: before() })
      })
    },
    stop: () => end(),
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
