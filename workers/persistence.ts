/** The persistence thread of a lane: writes the published records until a stop, and then the remaining ones. */
import { parentPort, workerData } from 'node:worker_threads'
import { WalFile } from '../native-free-io/disk/wal-file.ts'
import { openArena } from '../native-free-io/threads/arena.ts'
import { MetricBlock } from '../src/metrics/rows.ts'
import type { FromPersistence, LaneData } from '../src/network/thread-messages.ts'
import { counterBlockBytes, stages } from '../src/pipeline/counters.ts'
import { kernel } from '../src/pipeline/kernel/kernel.ts'
import { laneHeader, narrow } from '../src/pipeline/lane-words.ts'
import { Persistence } from '../src/pipeline/persistence/persistence.ts'
import { WakeSignal } from '../src/ring/wake-signal.ts'

const { memory, plan, index, wal, position } = workerData as LaneData & { readonly position: number }
const arena = openArena(memory)
const { words } = arena
const lane = plan.lanes[index]!
// In the first lap, nothing is written after `position` yet; later laps have written the whole log.
const prepared = Math.max(wal.prepared, Math.min(position, wal.state.capacity))
// An S3 WAL has a different persistence thread.
const buffers = { ...arena, crc: kernel(memory).crc, superblock: lane.spareBlock, zeros: plan.zeros }
const file = WalFile.attach(wal.path!, { state: wal.state, prepared }, buffers)
const counters = new MetricBlock(stages.persistence, new Float64Array(memory.buffer, lane.persistenceCounters, counterBlockBytes / 8))
const signal = new WakeSignal(words, lane.persistenceSignal)
const persistence = new Persistence({
  words,
  lane: lane.header,
  memory: lane.log,
  file,
  signals: [
    new WakeSignal(words, lane.sequencerSignal),
    ...plan.network.map((layout) => new WakeSignal(words, layout.signal)),
    new WakeSignal(words, lane.mainSignal),
  ],
  counters,
  position,
})

const looksBeforeSleep = 50
/** A pause of this length is used to prepare the log, as far as it is short. */
const pauseMs = 20
const longPauseMs = 1000
const stepsPerPause = 8
const sleepMs = 1000
const stopped = (): boolean => Atomics.load(words, lane.header + laneHeader.stop) === 2

/** Delay before a write that found no room on the disk is retried. */
const fullMs = 200
let isFull = false
let segment = -1

let looks = 0
let idleSince = performance.now()
/** The last pause left something to prepare. */
let isPreparing = true
while (!stopped() || !(persistence.idle || persistence.isFull)) {
  const written = persistence.turn()
  if (written > 0) {
    looks = 0
    isPreparing = true
    idleSince = performance.now()
    if (file.segment !== segment) {
      segment = file.segment
      parentPort!.postMessage({ type: 'segment', start: segment } satisfies FromPersistence)
    }
  }
  if (persistence.isFull !== isFull) {
    isFull = persistence.isFull
    parentPort!.postMessage({ type: 'full', isFull } satisfies FromPersistence)
  }
  if (isFull) signal.sleep(() => !stopped(), fullMs)
  else if (written === 0 && ++looks > looksBeforeSleep) {
    looks = 0
    counters.add('sleeps', 1)
    signal.sleep(() => persistence.idle && !stopped(), isPreparing ? pauseMs : sleepMs)
    const isLongPause = performance.now() - idleSince >= longPauseMs
    for (let step = 0; step < stepsPerPause && persistence.idle; step++) {
      isPreparing = persistence.prepare(isLongPause)
      if (!isPreparing) break
    }
    Atomics.store(words, lane.header + laneHeader.prepared, narrow(file.prepared))
  }
}
file.close()
parentPort!.close()
