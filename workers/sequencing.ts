/** The sequencer thread of a lane: recovers the log, then validates and sequences until a stop. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { openArena } from '../native-free-io/threads/arena.ts'
import { openLane } from '../native-free-io/threads/lane.ts'
import type { LaneData } from '../src/network/thread-messages.ts'
import { laneHeader } from '../src/pipeline/lane-words.ts'
import type { LaneRequest } from '../src/ports/lane-commands.ts'
import { WakeSignal } from '../src/ring/wake-signal.ts'

const data = workerData as LaneData
const port = parentPort!
const arena = openArena(data.memory)
const { words } = arena
const { header, sequencerSignal } = data.plan.lanes[data.index]!
const { sequencer, counters, started } = openLane(data, arena)
const signal = new WakeSignal(words, sequencerSignal)
port.postMessage(started)

/** A check of an empty ring costs little, a sleep costs much. */
const looksBeforeSleep = 50
const sleepMs = 1000
const stalledMs = 1
let commandsSeen = 0

const commanded = (): boolean => Atomics.load(words, header + laneHeader.commands) !== commandsSeen
const stopped = (): boolean => Atomics.load(words, header + laneHeader.stop) === 1
const idle = (): boolean => sequencer.idle && !commanded() && !stopped()

function obey(): void {
  commandsSeen = Atomics.load(words, header + laneHeader.commands)
  for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) {
    const request = received.message as LaneRequest
    port.postMessage({ id: request.id, reply: sequencer.execute(request) })
  }
}

let looks = 0
while (!stopped()) {
  if (commanded()) obey()
  if (sequencer.turn(Date.now()) > 0) looks = 0
  else if (++looks > looksBeforeSleep) {
    looks = 0
    counters.add('sleeps', 1)
    signal.sleep(idle, sequencer.stalled ? stalledMs : sleepMs)
  }
}
port.close()
