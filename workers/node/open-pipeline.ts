import { filesMax, ownFiles } from '../../native-free-io/process/file-limit.ts'
import type { Log } from '../../native-free-io/process/logger.ts'
import { threadsFor } from '../../native-free-io/process/stage-threads.ts'
import { type NetworkMessage, Pipeline } from '../../native-free-io/threads/pipeline.ts'
import type { PipelineLane } from '../../native-free-io/threads/pipeline-lane.ts'
import { controllerNames } from '../../src/config/relations.ts'
import type { Settings } from '../../src/config/settings.ts'
import type { ConnectionLimits, ListenerData } from '../../src/network/thread-messages.ts'
import type { Founded, NodeInputs } from './found.ts'

const backlog = 512
const here = import.meta.url

/** The thread entries: in the folder above, or, in the bundled program, in the same. */
export const workers = {
  folder: new URL(/\/workers\/node\/[^/]+$/.test(here) ? '../' : './', here),
  extension: here.endsWith('.ts') ? '.ts' : '.js',
}

/** The listeners of clients. */
export const clientListeners = (settings: Settings): readonly ListenerData[] =>
  settings.listeners.filter(({ name }) => !controllerNames(settings).includes(name))

/** Infinite if the system does not provide the limit. */
export function connectionsByFiles(): number {
  const most = filesMax()
  return Number.isNaN(most) ? Number.POSITIVE_INFINITY : most - ownFiles
}

export const connectionLimits = (settings: Settings): ConnectionLimits => ({
  max: settings['max.connections'],
  filesMax: connectionsByFiles(),
  perHostMax: settings['max.connections.per.ip'],
  hosts: settings['max.connections.per.ip.overrides'],
})

/** Starts the threads of the pipeline, and recovers the write-ahead log. No client is accepted before `listen`. */
export async function openPipeline(
  { configs: { settings }, log, fail }: NodeInputs,
  { logs, image, room }: Founded,
  onNetwork: (thread: number, message: NetworkMessage) => void,
): Promise<Pipeline> {
  const lost = [...image.storage.partitions].map(([partitionId, partition]) => [partitionId, partition.lost] as const)
  const threads = threadsFor(settings)
  const pipeline = await Pipeline.start({
    workers,
    logs: logs.wals.map((wal, lane) => ({
      wal,
      recovery: { mark: image.storage.wals.get(lane), discardsDamage: settings['s3.wal.loss.accept'] },
    })),
    lost: new Map(lost.filter(([, ranges]) => ranges.length > 0)),
    logBytes: settings['s3.wal.cache.size'],
    receiveBytes: settings['queued.max.requests.size.bytes'],
    networkThreads: threads.network,
    inline: threads.isInline && logs.wals.length === 1,
    validation: {
      enabled: settings['compressed.record.validation.enable'],
      threads: threads.validators,
    },
    nodeId: settings['node.id'],
    listeners: clientListeners(settings),
    limits: {
      requestBytesMax: settings['socket.request.max.bytes'],
      fetchBytesMax: settings['fetch.max.bytes'],
      sessionSlots: settings['max.incremental.fetch.session.cache.slots'],
      connections: connectionLimits(settings),
      idleMs: Number(settings['connections.max.idle.ms']),
      backlog,
    },
    onNetwork,
    onFull: (lane, isFull) => {
      const wal = logs.wals[lane]!
      room.note(wal.type === 'file' ? wal.target.path : 's3.wal.path', isFull)
    },
    onFailure: (thread, error) => fail(`the ${thread} thread`, error),
  })
  for (const lane of pipeline.lanes.all) reportRecovery(lane, pipeline.lanes.all.length > 1 ? { lane: lane.index } : {}, log)
  return pipeline
}

/** `which`: the lane, if there are several. */
function reportRecovery({ recovery }: PipelineLane, which: { readonly lane?: number }, log: Log): void {
  const { records, bytes, milliseconds, direct, tornBytes } = recovery
  log.info({ ...which, records, bytes, milliseconds: Math.round(milliseconds) }, 'recovered the write-ahead log')
  if (tornBytes > 0)
    log.warn({ ...which, bytes: tornBytes }, 'the write-ahead log ended in an incomplete write, which was not acknowledged: removed it')
  if (!direct) log.warn(which, 'the file system has no direct I/O: the write-ahead log is written through the page cache, with fdatasync')
}
