/** The persistence thread of a lane with an S3 WAL: puts the published records until a stop, and then the remaining ones. */
import { parentPort, workerData } from 'node:worker_threads'
import { type StoreWalData, s3WalParts } from '../native-free-io/store/s3-wal-files.ts'
import { sharedStore } from '../native-free-io/store/shared-store.ts'
import { openArena } from '../native-free-io/threads/arena.ts'
import { MetricBlock } from '../src/metrics/rows.ts'
import type { FromStorePersistence, LaneData, ToStorePersistence } from '../src/network/thread-messages.ts'
import { counterBlockBytes, stages } from '../src/pipeline/counters.ts'
import { kernel } from '../src/pipeline/kernel/kernel.ts'
import { laneHeader } from '../src/pipeline/lane-words.ts'
import { StorePersistence } from '../src/pipeline/persistence/s3-persistence.ts'
import { WakeSignal } from '../src/ring/wake-signal.ts'
import { PutBudget } from '../src/wal/s3/put-budget.ts'
import { S3WalWriter } from '../src/wal/s3/s3-wal-writer.ts'

const {
  memory,
  plan,
  index,
  wal,
  position,
  store: data,
} = workerData as LaneData & {
  readonly position: number
  readonly store: StoreWalData
}
const port = parentPort!
const send = (message: FromStorePersistence): void => port.postMessage(message)
/** Interval of the removal of unneeded objects, also when nothing is written. */
const tidyMs = 5000
const { words, bytes, view } = openArena(memory)
const lane = plan.lanes[index]!
const { crc } = kernel(memory)
const signal = new WakeSignal(words, lane.persistenceSignal)
const store = await sharedStore(data.location, data.share)('wal')
const parts = s3WalParts({ ...data, store, onFault: (fault) => send({ type: 'fault', fault }) })
const s3Wal = new S3WalWriter(parts, data.s3Wal, (error) => {
  // Thrown where it is not caught: that ends the thread, and with it the node.
  setImmediate(() => {
    throw error
  })
})
const persistence = new StorePersistence({
  ...data,
  words,
  bytes,
  view,
  lane: lane.header,
  memory: lane.log,
  signals: [
    new WakeSignal(words, lane.sequencerSignal),
    ...plan.network.map((layout) => new WakeSignal(words, layout.signal)),
    new WakeSignal(words, lane.mainSignal),
  ],
  counters: new MetricBlock(stages.persistence, new Float64Array(memory.buffer, lane.persistenceCounters, counterBlockBytes / 8)),
  position,
  cut: wal.state,
  secret: wal.state.secret,
  budget: new PutBudget(data.batchIntervalMs, () => performance.now()),
  crc: (address, length) => crc(address, length, 0),
  append: (content) => s3Wal.append(content),
  after: (ms, wake) => void setTimeout(wake, ms).unref(),
})
setInterval(() => s3Wal.tidy(), tidyMs).unref()
const stopped = (): boolean => Atomics.load(words, lane.header + laneHeader.stop) === 2

function turn(): void {
  if (stopped()) void finish()
  else {
    persistence.turn()
    if (!signal.arm(() => persistence.idle && !stopped(), turn)) setImmediate(turn)
  }
}

const lookMs = 5

/** Writes the remaining records, and removes the objects that become unneeded. */
async function finish(): Promise<void> {
  while (!persistence.isDone) {
    persistence.writeSoon()
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
  await s3Wal.tidied()
  await s3Wal.close()
  await store.close()
  port.close()
}

port.on('message', ({ id, cut }: ToStorePersistence) => {
  persistence.trim(cut)
  send({ type: 'noted', id })
})
turn()
