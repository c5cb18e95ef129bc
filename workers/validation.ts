/** A validator thread: validates compressed batches for the network workers until a stop. */
import { parentPort, workerData } from 'node:worker_threads'
import { openArena } from '../native-free-io/threads/arena.ts'
import { validationModule } from '../native-free-io/threads/validation-module.ts'
import type { ValidatorData } from '../src/network/thread-messages.ts'
import { kernel } from '../src/pipeline/kernel/kernel.ts'
import { laneHeader } from '../src/pipeline/lane-words.ts'
import { JobRunner } from '../src/pipeline/validation/job-runner.ts'
import { validationKernel } from '../src/pipeline/validation/validation-kernel.ts'
import { Validator } from '../src/pipeline/validation/validator.ts'
import { RingConsumer, RingProducer } from '../src/ring/ring.ts'
import { WakeSignal } from '../src/ring/wake-signal.ts'

const { memory, plan, index } = workerData as ValidatorData
const arena = openArena(memory)
const { words, view } = arena
const layout = plan.validators[index]!
const checks = validationKernel(validationModule(), memory)
const { crc } = kernel(memory)
const signal = new WakeSignal(words, layout.signal)
const runner = new JobRunner(
  words,
  layout.rings.map((rings, network) => ({
    jobs: new RingConsumer(words, rings.jobs),
    results: new RingProducer(words, rings.results),
    signal: new WakeSignal(words, plan.network[network]!.signal),
  })),
  layout.slots.map((slot) => new Validator(checks, crc, view, slot)),
)

const looksBeforeSleep = 50
const sleepMs = 1000
const stopped = (): boolean => Atomics.load(words, plan.lanes[0]!.header + laneHeader.stop) > 0

let looks = 0
while (!stopped()) {
  if (runner.turn() > 0) looks = 0
  else if (++looks > looksBeforeSleep) {
    looks = 0
    signal.sleep(() => runner.idle && !stopped(), sleepMs)
  }
}
parentPort!.close()
