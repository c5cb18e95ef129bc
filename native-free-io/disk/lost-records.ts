import type { Settings } from '../../src/config/settings.ts'
import type { BrokerId, ControllerClient } from '../../src/controller/commands.ts'
import type { MetadataFollower } from '../../src/metadata/metadata-follower.ts'
import type { PartitionId } from '../../src/ports/partitions.ts'
import type { ProducerSnapshot } from '../../src/ports/producers.ts'
import type { LanePartitions } from '../../src/storage/partitions.ts'
import { walMark } from '../../src/storage/wal-marks.ts'
import { errors } from '../../src/wire/errors.ts'
import type { Log } from '../process/logger.ts'
import { StartRefused } from '../process/start-refused.ts'
import type { Pipeline } from '../threads/pipeline.ts'
import type { FoundedNode } from './founding-parts.ts'
import { producersAdvice } from './producers-file.ts'

/** Number of offsets that a partition skips when an unknown number of records is lost: more than a log can have contained. */
const lostOffsets = 2n ** 40n

/**
 * Whether acknowledged records are lost: recovery ended before a position that was durable according to the metadata log, or the log did
 * not exist. Throws unless the loss is accepted.
 */
export function hasLost({ loss, image }: FoundedNode, pipeline: Pipeline, settings: Settings, log: Log): boolean {
  const { position, damage } = pipeline.lanes.all[0]!.recovery
  const known = Math.max(image.storage.wal?.durable ?? 0, damage?.durable ?? 0)
  const cause = loss?.why ?? damage?.why
  if (cause === undefined && position >= known) {
    if (settings['s3.wal.loss.accept']) log.warn('s3.wal.loss.accept=true has no effect: the write-ahead log is complete')
    return false
  }
  const from = Math.max(loss === undefined ? position : 0, image.storage.wal?.stored ?? 0)
  const bytes = loss?.bytes ?? Math.max(0, known - from)
  const why = cause ?? `it ends at position ${position}, and was durable up to ${known}`
  if (!settings['s3.wal.loss.accept']) {
    throw new StartRefused(
      `s3.wal.path: the end of the write-ahead log is missing: ${why}; restore it; or start once with --override s3.wal.loss.accept=true, which discards at least ${bytes} bytes of acknowledged records`,
    )
  }
  log.error({ bytes, why }, 's3.wal.loss.accept=true: acknowledged records are lost, at least this many bytes')
  return true
}

/** Every partition continues after all offsets that it may have acknowledged; durable when this resolves. */
export async function recordLoss(
  pipeline: Pipeline,
  { controller, follower, broker }: { controller: ControllerClient; follower: MetadataFollower; broker: BrokerId },
  partitions: LanePartitions,
  log: Log,
): Promise<void> {
  const lost: { partitionId: PartitionId; start: bigint; end: bigint }[] = []
  for (const partitionId of follower.image.cluster.partitions.keys()) {
    const { highWatermark: start } = await partitions.offsets(partitionId)
    lost.push({ partitionId, start, end: start + lostOffsets })
  }
  const { error } = await controller.request({ type: 'acceptLoss', broker, lost, wal: walMark(pipeline.lanes.all[0]!) })
  if (error !== errors.NONE) throw new Error(`the controller rejected the loss: ${error.name}`)
  for (const { partitionId, start, end } of lost) {
    await pipeline.lanes.of(partitionId).call({ type: 'lose', partitionId, range: { start: Number(start), end: Number(end) } })
  }
  log.warn(
    { partitions: lost.length, offsets: Number(lostOffsets) },
    'every partition skips this many offsets, so that no offset is assigned twice',
  )
}

/** The producers of the last snapshot. Throws if the snapshot is missing, or too old. */
export async function producersOf(
  { logs, identity }: FoundedNode,
  pipeline: Pipeline,
  acceptsLoss: boolean,
): Promise<Map<PartitionId, readonly ProducerSnapshot[]>> {
  const saved = await logs.producers.load()
  const { stored } = pipeline.lanes.all[0]!
  const problem =
    saved === undefined
      ? stored === 0
        ? undefined
        : 'is missing, although records were stored in objects'
      : saved.foundingId !== null && saved.foundingId !== identity.foundingId
        ? `belongs to founding ${saved.foundingId}, and this is founding ${identity.foundingId}`
        : saved.position < stored
          ? `is a copy from position ${saved.position} of the write-ahead log, which was stored up to ${stored}`
          : undefined
  if (problem === undefined || acceptsLoss) return new Map(problem === undefined ? saved?.partitions : [])
  throw new StartRefused(`producers.snapshot ${problem}: ${producersAdvice}`)
}
