import type { LaneData, Started } from '../src/broker/thread-messages.ts'
import { MetricBlock } from '../src/metrics/rows.ts'
import { Appender } from '../src/pipeline/appender.ts'
import { type Counters, counterBlockBytes, stages } from '../src/pipeline/counters.ts'
import { kernel } from '../src/pipeline/kernel/kernel.ts'
import { laneHeader, narrow } from '../src/pipeline/lane.ts'
import { LogMemory } from '../src/pipeline/log-memory.ts'
import { Repacker } from '../src/pipeline/repacker.ts'
import { Sequencer } from '../src/pipeline/sequencer.ts'
import type { StreamId } from '../src/ports.ts'
import { Bell } from '../src/ring/bell.ts'
import { RingConsumer, RingProducer } from '../src/ring/ring.ts'
import { replay } from '../src/stream/replay.ts'
import type { Stream } from '../src/stream/stream.ts'
import { recover } from '../src/stream/wal-recovery.ts'
import type { Arena } from './arena.ts'
import { nodeCodecs } from './codecs.ts'
import { WalFile } from './wal-file.ts'

export interface OpenedLane {
  readonly sequencer: Sequencer
  readonly counters: Counters<'sequencer'>
  readonly started: Started
}

/** Nobody else needs the disk while a log is recovered. */
const recoveryReadBytes = 1 << 20

/** Recovers the log of a lane into its streams, and makes the sequencer that goes on from there. For the thread that will run it. */
export function openLane({ plan, wal, lost, recovery }: LaneData, arena: Arena): OpenedLane {
  const { words, view, memory } = arena
  const { lane } = plan
  const machine = kernel(memory)
  const began = performance.now()
  const streams = new Map<StreamId, Stream>()
  const buffers = { ...arena, crc: machine.crc, superblock: plan.spareBlock, zeros: plan.zeros }
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
      // Without a file, log memory has been filled from elsewhere.
      read: (position, bytes) => file?.read(lane.log.base + (position % lane.log.bytes), bytes, position),
    },
    (batch) => replay(streams, view, batch, lost),
  )
  file?.close()
  const { position, oldest, previous, records, tornBytes, damage } = recovered
  const log = { incarnation: wal.state.incarnation, secret: wal.state.secret, previous: Math.max(0, previous) }
  const { capacity, trimmed } = wal.state
  const place = { ...lane.log, capacity, position, oldest, trimmed, unflushedMax: wal.unflushedBytesMax }
  const logMemory: LogMemory = new LogMemory(place, (from, to) => appender.jump(from, to))
  const appender = new Appender(machine, view, logMemory, new Repacker(arena.bytes, nodeCodecs), lane.scratch, log)
  const counters = new MetricBlock(stages.sequencer, new Float64Array(memory.buffer, lane.sequencerCounters, counterBlockBytes / 8))
  Atomics.store(words, lane.header + laneHeader.published, narrow(position))
  Atomics.store(words, lane.header + laneHeader.durable, narrow(position))
  Atomics.store(words, lane.header + laneHeader.hungry, 1)
  const sequencer = new Sequencer({
    words,
    lane: lane.header,
    memory: logMemory,
    appender,
    streams,
    clients: plan.network.map((network) => ({
      appends: new RingConsumer(words, network.appends),
      reads: new RingConsumer(words, network.reads),
      answers: new RingProducer(words, network.answers),
      bell: new Bell(words, network.bell),
    })),
    persistence: new Bell(words, lane.persistenceBell),
    counters,
  })
  const recoveryMs = performance.now() - began
  return { sequencer, counters, started: { type: 'started', position, records, tornBytes, damage, recoveryMs } }
}
