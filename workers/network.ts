/** A network thread: its sockets, its dispatcher, and the wake signals between them. */
import { randomInt } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { ConnectionTable } from '../native-free-io/net/connection-table.ts'
import { openCopyingTransport } from '../native-free-io/net/copying-transport.ts'
import { copyListeners } from '../native-free-io/net/shared-listener.ts'
import { transportFault } from '../native-free-io/net/transport-check.ts'
import { openZeroCopyTransport } from '../native-free-io/net/zero-copy-transport.ts'
import { openArena } from '../native-free-io/threads/arena.ts'
import { openLane } from '../native-free-io/threads/lane.ts'
import { validationModule } from '../native-free-io/threads/validation-module.ts'
import { ByteBudget } from '../src/base/byte-budget.ts'
import { MetricBlock } from '../src/metrics/rows.ts'
import { ownCounts, SharedCounts } from '../src/network/connection-counts.ts'
import { RequestDispatcher } from '../src/network/dispatcher.ts'
import { FetchSessions } from '../src/network/fetch-session.ts'
import { ProduceValidation } from '../src/network/produce-validation.ts'
import { ReceiveBuffers } from '../src/network/receive-buffers.ts'
import { ReceivedRequests } from '../src/network/received-requests.ts'
import type { FromNetwork, NetworkData, ToNetwork } from '../src/network/thread-messages.ts'
import { TopicRouting } from '../src/network/topic-routing.ts'
import { counterBlockBytes, stages } from '../src/pipeline/counters.ts'
import { kernel } from '../src/pipeline/kernel/kernel.ts'
import { type ValidationJob, ValidationJobs } from '../src/pipeline/validation/validation-jobs.ts'
import { validationKernel } from '../src/pipeline/validation/validation-kernel.ts'
import { Validator } from '../src/pipeline/validation/validator.ts'
import type { LeasedRange } from '../src/ports/cold-reads.ts'
import { RingConsumer, RingProducer } from '../src/ring/ring.ts'
import { WakeSignal } from '../src/ring/wake-signal.ts'

const { memory, plan, validation, lane, index, threads, listenerCopies, nodeId, listeners, limits } = workerData as NetworkData
const port = parentPort!
const send = (message: FromNetwork, moved: readonly ArrayBuffer[] = []): void => port.postMessage(message, moved as ArrayBuffer[])
const arena = openArena(memory)
const { words } = arena
const layout = plan.network[index]!
const counters = new MetricBlock(stages.network, new Float64Array(memory.buffer, layout.counters, counterBlockBytes / 8))
const signal = new WakeSignal(words, layout.signal)
const routing = new TopicRouting(nodeId)
/** On a small machine this thread is also the sequencer: the data that it has just received is still in its cache. */
const own = lane && openLane(lane, arena)
if (own) send(own.started)

const checks = validationKernel(validationModule(), memory)
const jobs = new ValidationJobs(
  words,
  plan.validators.map(({ signal: at, rings }) => ({
    jobs: new RingProducer(words, rings[index]!.jobs),
    results: new RingConsumer(words, rings[index]!.results),
    signal: new WakeSignal(words, at),
  })),
  () => send({ type: 'validatorsNeeded' }),
  (job) => {
    const { address, bytes, rules } = job
    wide.set(++wideId, job)
    send({ type: 'largeWindowNeeded', id: wideId, address, bytes, rules })
  },
)
/** Batches at the thread with the large window. */
const wide = new Map<number, ValidationJob>()
let wideId = 0

/** Ids of the threads differ: a session belongs to the thread that has it. */
const sessionId = (): number => randomInt(0, Math.floor(sessionIdMax / threads)) * threads + index + 1
const sessionIdMax = 0x7fff_fffe

const receive = new ReceiveBuffers(layout.receive.base, layout.receive.bytes)
const dispatcher = new RequestDispatcher({
  words,
  memory: arena.bytes,
  lanes: layout.rings.map(({ appends, reads, answers }, index) => {
    const { header, log, sequencerSignal } = plan.lanes[index]!
    return {
      header,
      log,
      appends: new RingProducer(words, appends),
      reads: new RingProducer(words, reads),
      answers: new RingConsumer(words, answers),
      sequencer: new WakeSignal(words, sequencerSignal),
    }
  }),
  routing,
  sessions: new FetchSessions(Math.ceil(limits.sessionSlots / threads), sessionId),
  validation: new ProduceValidation({
    ...validation,
    view: arena.view,
    validator: new Validator(checks, kernel(memory).crc, arena.view, layout.validation),
    offer: (job) => jobs.offer(job),
  }),
  ports: {
    forward: ({ token, session, frame }) => send({ type: 'forward', token, session, frame }, [frame.buffer as ArrayBuffer]),
    load: ({ token, index: part, load }) => send({ type: 'load', token, index: part, load }),
    releasePin: (pin) => send({ type: 'released', pin }),
    after: (ms, wake) => {
      const timer = setTimeout(wake, ms)
      return () => clearTimeout(timer)
    },
    now: () => Date.now(),
  },
  counters,
  fetchBytesMax: limits.fetchBytesMax,
  hasRoom: () => receive.hasRoom,
})

/** An idle turn of the event loop costs less than a sleep and a wake-up: one such turn precedes a sleep. */
const idleTurnsMax = 1
let idleTurns = 0
let scheduled = false
let asleep = false

function turn(): void {
  scheduled = false
  asleep = false
  const sequenced = own?.sequencer.turn(Date.now()) ?? 0
  if (jobs.turn() + dispatcher.turn() + sequenced > 0) idleTurns = 0
  else if (++idleTurns > idleTurnsMax) {
    idleTurns = 0
    counters.add('wakes', 1)
    asleep = signal.arm(idle, turn)
    if (asleep) return
  }
  schedule()
}

const idle = (): boolean => dispatcher.idle && jobs.idle && (own === undefined || own.sequencer.idle)

/** Schedules a turn, unless one is scheduled already. */
function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(turn)
}

const requests = new ReceivedRequests({
  sequence: () => {
    dispatcher.publish()
    own?.sequencer.turn(Date.now())
  },
  afterReads: setImmediate,
})

/** Share of the receive buffers that the spill buffer may use when they are full. */
const stashShare = 4

const counts =
  threads === 1
    ? ownCounts()
    : new SharedCounts(words, plan.connections, {
        connected: (id, host) => send({ type: 'connected', id, host }),
        disconnected: (host) => send({ type: 'disconnected', host }),
      })

const table = new ConnectionTable({
  dispatcher,
  counts,
  counters,
  limits,
  requestReader: {
    memory: receive,
    bytes: arena.bytes,
    view: arena.view,
    scratch: layout.scratch,
    spill: new ByteBudget(layout.receive.bytes / stashShare),
    requestBytesMax: limits.requestBytesMax,
    frame: (queue, start, end, held) => dispatcher.frame(queue, start, end, held),
    onCopy: (bytes) => counters.add('copied_bytes', bytes),
  },
  onRead: (bytes) => requests.received(bytes),
  onClosed: (host, why) => send({ type: 'closed', host, why }),
})

/** Started at once, since the main thread prepares for several milliseconds more before it requests `listen`. */
const fault = transportFault(openZeroCopyTransport)

/** `handles`: the listeners of the first network thread, empty in that thread. */
async function listen(handles: readonly number[]): ReturnType<ConnectionTable['listen']> {
  const because = await fault
  if (because !== undefined) send({ type: 'readsCopied', because })
  const copies = handles.length === 0 ? [] : await copyListeners(listenerCopies, handles)
  return table.listen(listeners, copies, limits.backlog, because === undefined ? openZeroCopyTransport : openCopyingTransport)
}

let blockMemory: Buffer = Buffer.alloc(0)
const pieceOf = ({ address, bytes }: LeasedRange): Buffer => blockMemory.subarray(address, address + bytes)

const obey: { readonly [T in ToNetwork['type']]: (message: Extract<ToNetwork, { type: T }>) => void } = {
  listen: ({ handles }) =>
    void listen(handles).then((bound) => {
      if ('error' in bound) send({ type: 'notListening', listener: bound.listener, code: bound.error.code, message: bound.error.message })
      else send({ type: 'listening', ...bound })
    }),
  topics: ({ set, deleted }) => {
    for (const id of deleted) routing.delete(id)
    for (const topic of set) routing.set(topic)
  },
  parsed: ({ bytes }) => dispatcher.parsed(bytes),
  answered: ({ token, response }) => dispatcher.answered(token, response),
  blocks: ({ memory: blocks }) => {
    blockMemory = openArena(blocks).bytes
  },
  loaded: ({ token, index: part, loaded, error }) => {
    if (loaded === null) dispatcher.loaded(token, part, null, error)
    else dispatcher.loaded(token, part, 'bytes' in loaded ? [loaded.bytes] : loaded.ranges.map(pieceOf), error, loaded.pin)
  },
  outOfMemory: ({ token, partitionRead }) => dispatcher.outOfMemory(token, partitionRead),
  requested: ({ request }) => {
    const reply = own!.sequencer.execute(request)
    send({ type: 'replied', reply: { id: request.id, reply } })
    dispatcher.turn()
  },
  validated: ({ id, result }) => {
    const job = wide.get(id)!
    wide.delete(id)
    job.onResult(result)
    requests.sequence()
  },
  pressed: () => table.pressed(),
  limits: ({ connections }) => table.limit(connections),
  counted: ({ id, count }) => {
    if (counts instanceof SharedCounts) counts.counted(id, count)
  },
  stop: () =>
    void table.stop().then(() => {
      send({ type: 'stopped' })
      port.close()
    }),
}
port.on('message', (message: ToNetwork) => (obey[message.type] as (message: ToNetwork) => void)(message))
schedule()
