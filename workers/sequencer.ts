/** The sequencer thread of a lane: recovers the log, then validates and sequences until it is told to stop. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { openArena } from '../native-free-io/arena.ts'
import { WalFile } from '../native-free-io/wal-file.ts'
import type { LaneData, Started } from '../src/broker/thread-messages.ts'
import { Appender } from '../src/pipeline/appender.ts'
import type { Asked } from '../src/pipeline/commands.ts'
import { Counters } from '../src/pipeline/counters.ts'
import { kernel } from '../src/pipeline/kernel/kernel.ts'
import { laneHeader, narrow } from '../src/pipeline/lane.ts'
import { LogMemory } from '../src/pipeline/log-memory.ts'
import { Sequencer } from '../src/pipeline/sequencer.ts'
import type { StreamId } from '../src/ports.ts'
import { Bell } from '../src/ring/bell.ts'
import { RingConsumer, RingProducer } from '../src/ring/ring.ts'
import { replay } from '../src/stream/replay.ts'
import type { Stream } from '../src/stream/stream.ts'
import { recover } from '../src/stream/wal-recovery.ts'

const { memory, plan, wal } = workerData as LaneData
const port = parentPort!
const arena = openArena(memory)
const { words, view } = arena
const { lane } = plan
const machine = kernel(memory)
const file = WalFile.attach(wal.path, wal.state, { ...arena, crc: machine.crc, superblock: plan.superblock, zeros: plan.zeros })

const began = performance.now()
const streams = new Map<StreamId, Stream>()
const recovered = recover(
  {
    ...wal.state,
    window: lane.log.bytes,
    base: lane.log.base,
    view,
    crc: machine.crc,
    read: (position, bytes) => file.read(lane.log.base + (position % lane.log.bytes), bytes, position),
  },
  (batch) => replay(streams, view, batch),
)
file.close()

const logMemory: LogMemory = new LogMemory(
  { ...lane.log, capacity: wal.state.capacity, position: recovered.position, oldest: recovered.oldest, trimmed: wal.state.trimmed },
  (from, to) => appender.jump(from, to),
)
const log = { incarnation: wal.state.incarnation, previous: Math.max(0, recovered.previous) }
const appender = new Appender(machine, view, logMemory, lane.scratch, log)
const floats = (address: number): Float64Array => new Float64Array(memory.buffer, address, 32)
const counters = new Counters('sequencer', floats(lane.sequencerCounters))
const bell = new Bell(words, lane.sequencerBell)
const sequencer = new Sequencer({
  words,
  lane: lane.header,
  memory: logMemory,
  appender,
  streams,
  clients: plan.network.map((place) => ({
    appends: new RingConsumer(words, place.appends),
    reads: new RingConsumer(words, place.reads),
    answers: new RingProducer(words, place.answers),
    bell: new Bell(words, place.bell),
  })),
  persistence: new Bell(words, lane.persistenceBell),
  counters,
})

const started: Started = {
  type: 'started',
  position: recovered.position,
  records: recovered.records,
  recoveryMs: performance.now() - began,
}
Atomics.store(words, lane.header + laneHeader.published, narrow(recovered.position))
Atomics.store(words, lane.header + laneHeader.durable, narrow(recovered.position))
Atomics.store(words, lane.header + laneHeader.hungry, 1)
port.postMessage(started)

/** A look at an empty ring is cheap, a sleep is not. */
const looksBeforeSleep = 50
const sleepMs = 1000
const stalledMs = 1
let heard = 0

const commanded = (): boolean => Atomics.load(words, lane.header + laneHeader.commands) !== heard
const stopped = (): boolean => Atomics.load(words, lane.header + laneHeader.stop) === 1
const idle = (): boolean => sequencer.idle && !commanded() && !stopped()

function obey(): void {
  heard = Atomics.load(words, lane.header + laneHeader.commands)
  for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) {
    const asked = received.message as Asked
    port.postMessage({ id: asked.id, reply: sequencer.execute(asked) })
  }
}

let looks = 0
while (!stopped()) {
  if (commanded()) obey()
  if (sequencer.turn(Date.now()) > 0) looks = 0
  else if (++looks > looksBeforeSleep) {
    looks = 0
    counters.add('sleeps', 1)
    bell.sleep(idle, sequencer.stalled ? stalledMs : sleepMs)
  }
}
port.close()
