import { MetricBlock } from '../../src/metrics/rows.ts'
import type { LaneData, Started } from '../../src/network/thread-messages.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { replay } from '../../src/partition/replay.ts'
import { type Counters, counterBlockBytes, stages } from '../../src/pipeline/counters.ts'
import { kernel } from '../../src/pipeline/kernel/kernel.ts'
import { laneHeader, narrow } from '../../src/pipeline/lane-words.ts'
import { Appender } from '../../src/pipeline/sequencing/appender.ts'
import { LogCache } from '../../src/pipeline/sequencing/log-cache.ts'
import { Repacker } from '../../src/pipeline/sequencing/repacker.ts'
import { Sequencer } from '../../src/pipeline/sequencing/sequencer.ts'
import type { PartitionId } from '../../src/ports/partitions.ts'
import { RingConsumer, RingProducer } from '../../src/ring/ring.ts'
import { WakeSignal } from '../../src/ring/wake-signal.ts'
import { SegmentEnds } from '../../src/wal/segments.ts'
import { recover } from '../../src/wal/wal-recovery.ts'
import { WalFile } from '../disk/wal-file.ts'
import type { Arena } from './arena.ts'
import { nodeCodecs } from './codecs.ts'

export interface OpenedLane {
  readonly sequencer: Sequencer
  readonly counters: Counters<'sequencer'>
  readonly started: Started
}

/** Large reads are acceptable: nothing else uses the disk during the recovery of a log. */
const recoveryReadBytes = 1 << 20

/**
 * Recovers the log of a lane into its partitions, and creates the sequencer that continues from there. Called in the sequencer's thread.
 */
export function openLane({ plan, index, wal, lost, recovery }: LaneData, arena: Arena): OpenedLane {
  const { words, view, memory } = arena
  const lane = plan.lanes[index]!
  const machine = kernel(memory)
  const began = performance.now()
  const partitions = new Map<PartitionId, Partition>()
  const buffers = { ...arena, crc: machine.crc, superblock: lane.spareBlock, zeros: plan.zeros }
  const ends = wal.state.segments && new SegmentEnds(wal.state.segments, wal.state)
  const file = wal.path === null ? undefined : WalFile.attach(wal.path, wal, buffers)
  const recovered = recover(
    {
      ...wal.state,
      ...recovery,
      window: lane.log.bytes,
      base: lane.log.base,
      view,
      crc: machine.crc,
      sumBatches: true,
      readBytes: recoveryReadBytes,
      // The main thread appends nothing before the log is open.
      searchBase: file === undefined ? undefined : lane.staging.base,
      // Without a file, the log cache has already been filled.
      read: (address, bytes, position) => file?.read(address, bytes, position),
    },
    (batch) => replay(partitions, view, batch, lost),
    (at, incarnation) => ends?.note(at, incarnation),
  )
  file?.close()
  const { position, oldest, previous, records, tornBytes, damage } = recovered
  const log = { incarnation: wal.state.incarnation, secret: wal.state.secret, previous: Math.max(0, previous) }
  const { capacity, trimmed } = wal.state
  const place = { ...lane.log, capacity, position, oldest, trimmed, unflushedMax: wal.unflushedBytesMax }
  const logMemory: LogCache = new LogCache(place, (from, to) => appender.jump(from, to))
  const repacker = new Repacker(arena.bytes, nodeCodecs)
  const appender = new Appender({ kernel: machine, view, memory: logMemory, repacker, scratch: lane.scratch, wal: log, ends })
  const counters = new MetricBlock(stages.sequencer, new Float64Array(memory.buffer, lane.sequencerCounters, counterBlockBytes / 8))
  Atomics.store(words, lane.header + laneHeader.published, narrow(position))
  Atomics.store(words, lane.header + laneHeader.durable, narrow(position))
  Atomics.store(words, lane.header + laneHeader.writerIdle, 1)
  const sequencer = new Sequencer({
    words,
    lane: lane.header,
    memory: logMemory,
    appender,
    partitions,
    ends,
    clients: plan.network.map(({ rings, signal }) => {
      const { appends, reads, answers } = rings[index]!
      return {
        appends: new RingConsumer(words, appends),
        reads: new RingConsumer(words, reads),
        answers: new RingProducer(words, answers),
        signal: new WakeSignal(words, signal),
      }
    }),
    persistence: new WakeSignal(words, lane.persistenceSignal),
    counters,
  })
  const recoveryMs = performance.now() - began
  return { sequencer, counters, started: { type: 'started', position, records, tornBytes, damage, recoveryMs } }
}
