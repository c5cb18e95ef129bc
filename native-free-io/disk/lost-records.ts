import type { Settings } from '../../src/config/settings.ts'
import type { BrokerId, ControllerClient } from '../../src/controller/commands.ts'
import type { MetadataFollower } from '../../src/metadata/metadata-follower.ts'
import { laneOf } from '../../src/ports/lanes.ts'
import type { PartitionId } from '../../src/ports/partitions.ts'
import type { LaneProducers, SavedProducers } from '../../src/ports/producers.ts'
import type { LanePartitions } from '../../src/storage/partitions.ts'
import { walMark } from '../../src/storage/wal-marks.ts'
import { errors } from '../../src/wire/errors.ts'
import type { Log } from '../process/logger.ts'
import { StartRefused } from '../process/start-refused.ts'
import type { Pipeline } from '../threads/pipeline.ts'
import type { PipelineLane } from '../threads/pipeline-lane.ts'
import type { FoundedNode } from './founding-parts.ts'
import { producersAdvice } from './producers-file.ts'

/** Number of offsets that a partition skips when an unknown number of records is lost: more than a log can have contained. */
const lostOffsets = 2n ** 40n

/**
 * The lanes that have lost acknowledged records: recovery ended before a position that was durable according to the metadata log, or the log
 * did not exist. Throws unless the loss is accepted.
 */
export function lostLanes(founded: FoundedNode, { lanes }: Pick<Pipeline, 'lanes'>, settings: Settings, log: Log): readonly PipelineLane[] {
  const accepts = settings['s3.wal.loss.accept']
  const lost = lanes.all.flatMap((lane) => {
    const found = lossOf(founded, lane)
    return found === undefined ? [] : [{ lane, ...found }]
  })
  if (lost.length === 0) {
    if (accepts) log.warn('s3.wal.loss.accept=true has no effect: the write-ahead log is complete')
    return []
  }
  if (!accepts) {
    // Of one lane alone, messages do not contain its number.
    const whys = lost.map(({ lane, why }) => (lanes.all.length === 1 ? why : `lane ${lane.index}: ${why}`)).join('; ')
    const bytes = lost.reduce((sum, each) => sum + each.bytes, 0)
    throw new StartRefused(
      `s3.wal.path: the end of the write-ahead log is missing: ${whys}; restore it; or start once with --override s3.wal.loss.accept=true, which discards at least ${bytes} bytes of acknowledged records`,
    )
  }
  for (const { lane, bytes, why } of lost) {
    const which = lanes.all.length === 1 ? {} : { lane: lane.index }
    log.error({ bytes, why, ...which }, 's3.wal.loss.accept=true: acknowledged records are lost, at least this many bytes')
  }
  return lost.map(({ lane }) => lane)
}

function lossOf(
  { losses, image }: FoundedNode,
  { index, recovery }: PipelineLane,
): { readonly why: string; readonly bytes: number } | undefined {
  const { position, damage } = recovery
  const mark = image.storage.wals.get(index)
  const loss = losses[index]
  const known = Math.max(mark?.durable ?? 0, damage?.durable ?? 0)
  const cause = loss?.why ?? damage?.why
  if (cause === undefined && position >= known) return undefined
  const from = Math.max(loss === undefined ? position : 0, mark?.stored ?? 0)
  return {
    bytes: loss?.bytes ?? Math.max(0, known - from),
    why: cause ?? `it ends at position ${position}, and was durable up to ${known}`,
  }
}

/** Every partition of these lanes continues after all offsets that it may have acknowledged; durable when this resolves. */
export async function recordLoss(
  { lanes }: Pick<Pipeline, 'lanes'>,
  lostIn: readonly PipelineLane[],
  { controller, follower, broker }: { controller: ControllerClient; follower: MetadataFollower; broker: BrokerId },
  partitions: LanePartitions,
  log: Log,
): Promise<void> {
  const lost: { partitionId: PartitionId; start: bigint; end: bigint }[] = []
  for (const partitionId of follower.image.cluster.partitions.keys()) {
    if (!lostIn.includes(lanes.of(partitionId))) continue
    const { highWatermark: start } = await partitions.offsets(partitionId)
    lost.push({ partitionId, start, end: start + lostOffsets })
  }
  const { error } = await controller.request({ type: 'acceptLoss', broker, lost, wals: lostIn.map((lane) => walMark(lane)) })
  if (error !== errors.NONE) throw new Error(`the controller rejected the loss: ${error.name}`)
  for (const { partitionId, start, end } of lost) {
    await lanes.of(partitionId).call({ type: 'lose', partitionId, range: { start: Number(start), end: Number(end) } })
  }
  log.warn(
    { partitions: lost.length, offsets: Number(lostOffsets) },
    'every partition skips this many offsets, so that no offset is assigned twice',
  )
}

/**
 * The producers of the last snapshot, by lane, each with the position from which the lane's log is retained. A snapshot of another number of
 * lanes contains the producers of all partitions. Throws if the snapshot is missing, or too old.
 */
export async function producersOf(
  { logs, identity, image }: FoundedNode,
  { lanes }: Pick<Pipeline, 'lanes'>,
  acceptsLoss: boolean,
): Promise<readonly LaneProducers[]> {
  const saved = await logs.producers.load()
  const mustExist = image.storage.endedIncarnation > 0 || lanes.all.some(({ stored }) => stored > 0)
  const problem =
    saved === undefined
      ? mustExist && 'is missing, although records were stored in objects'
      : snapshotProblem(saved, identity.foundingId, lanes.all)
  if (problem !== false && !acceptsLoss) throw new StartRefused(`producers.snapshot ${problem}: ${producersAdvice}`)
  const known = problem === false ? (saved?.lanes ?? []).flatMap(({ partitions }) => partitions) : []
  return lanes.all.map(({ index, stored }) => ({
    position: stored,
    partitions: known.filter(([partitionId]) => laneOf(partitionId, lanes.all.length) === index),
  }))
}

function snapshotProblem(saved: SavedProducers, foundingId: string, lanes: readonly PipelineLane[]): string | false {
  if (saved.foundingId !== null && saved.foundingId !== foundingId) {
    return `belongs to founding ${saved.foundingId}, and this is founding ${foundingId}`
  }
  const old = lanes.find(({ index, stored }) => (saved.lanes[index]?.position ?? 0) < stored)
  if (old === undefined) return false
  const log = lanes.length === 1 ? 'the write-ahead log' : `the write-ahead log of lane ${old.index}`
  return `is a copy from position ${saved.lanes[old.index]?.position ?? 0} of ${log}, which was stored up to ${old.stored}`
}
