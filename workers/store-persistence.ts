/** The persistence thread of a lane whose log is in a store: puts what is published until it is told to stop, and then the rest. */
import { parentPort, workerData } from 'node:worker_threads'
import { openArena } from '../native-free-io/arena.ts'
import { sharedStore } from '../native-free-io/store/shared-store.ts'
import { chainParts, type StoreWalData } from '../native-free-io/store-wal.ts'
import type { FromStorePersistence, LaneData, ToStorePersistence } from '../src/broker/thread-messages.ts'
import { MetricBlock } from '../src/metrics/rows.ts'
import { counterBlockBytes, stages } from '../src/pipeline/counters.ts'
import { kernel } from '../src/pipeline/kernel/kernel.ts'
import { laneHeader } from '../src/pipeline/lane.ts'
import { StorePersistence } from '../src/pipeline/store-persistence.ts'
import { Bell } from '../src/ring/bell.ts'
import { ChainWriter } from '../src/stream/chain-writer.ts'

const { memory, plan, wal, position, store: data } = workerData as LaneData & { readonly position: number; readonly store: StoreWalData }
const port = parentPort!
const say = (message: FromStorePersistence): void => port.postMessage(message)
/** How often it is looked whether something has been superfluous for long enough, also when nothing is written. */
const tidyMs = 5000
const { words, bytes, view } = openArena(memory)
const { lane } = plan
const { crc } = kernel(memory)
const bell = new Bell(words, lane.persistenceBell)
const store = await sharedStore(data.location, data.share)('wal')
const parts = chainParts({ ...data, store, onFault: (fault) => say({ type: 'fault', fault }) })
const chain = new ChainWriter(parts, data.chain, (error) => {
  // Thrown where nothing catches it: that ends the thread, and with it the node.
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
  bells: [new Bell(words, lane.sequencerBell), ...plan.network.map((place) => new Bell(words, place.bell)), new Bell(words, plan.mainBell)],
  counters: new MetricBlock(stages.persistence, new Float64Array(memory.buffer, lane.persistenceCounters, counterBlockBytes / 8)),
  position,
  cut: wal.state,
  secret: wal.state.secret,
  crc: (address, length) => crc(address, length, 0),
  append: (content) => chain.append(content),
  after: (ms, wake) => void setTimeout(wake, ms).unref(),
})
setInterval(() => chain.tidy(), tidyMs).unref()
const stopped = (): boolean => Atomics.load(words, lane.header + laneHeader.stop) === 2

function turn(): void {
  if (stopped()) void finish()
  else {
    persistence.turn()
    if (!bell.arm(() => persistence.idle && !stopped(), turn)) setImmediate(turn)
  }
}

const lookMs = 5

/** The rest goes out, and what it makes superfluous goes away. */
async function finish(): Promise<void> {
  while (!persistence.isDone) {
    persistence.hurry()
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
  await chain.tidied()
  await chain.close()
  await store.close()
  port.close()
}

port.on('message', ({ id, cut }: ToStorePersistence) => {
  persistence.trim(cut)
  say({ type: 'noted', id })
})
turn()
