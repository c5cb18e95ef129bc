/** A network thread: its sockets, its frontend, and the wake-ups between them. */
import { randomInt } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { openArena } from '../native-free-io/arena.ts'
import { ConnectionTable } from '../native-free-io/connection-table.ts'
import { openLane } from '../native-free-io/lane.ts'
import { validationModule } from '../native-free-io/validation-module.ts'
import { Allowance } from '../src/base/allowance.ts'
import { FetchSessions } from '../src/broker/fetch-session.ts'
import { Frontend } from '../src/broker/frontend.ts'
import { ProduceValidation } from '../src/broker/produce-validation.ts'
import { Routing } from '../src/broker/routing.ts'
import type { FromNetwork, LentRange, NetworkData, ToNetwork } from '../src/broker/thread-messages.ts'
import { MetricBlock } from '../src/metrics/rows.ts'
import { counterBlockBytes, stages } from '../src/pipeline/counters.ts'
import { kernel } from '../src/pipeline/kernel/kernel.ts'
import { ReceiveMemory } from '../src/pipeline/receive-memory.ts'
import { type ValidationJob, ValidationJobs } from '../src/pipeline/validation/validation-jobs.ts'
import { validationKernel } from '../src/pipeline/validation/validation-kernel.ts'
import { Validator } from '../src/pipeline/validation/validator.ts'
import { Bell } from '../src/ring/bell.ts'
import { RingConsumer, RingProducer } from '../src/ring/ring.ts'

const { memory, plan, validation, lane, index, listeners, limits } = workerData as NetworkData
const port = parentPort!
const say = (message: FromNetwork, moved: readonly ArrayBuffer[] = []): void => port.postMessage(message, moved as ArrayBuffer[])
const arena = openArena(memory)
const { words } = arena
const place = plan.network[index]!
const counters = new MetricBlock(stages.network, new Float64Array(memory.buffer, place.counters, counterBlockBytes / 8))
const bell = new Bell(words, place.bell)
const routing = new Routing()
/** On a small machine this thread is the sequencer too: what it has just received is still in its cache. */
const own = lane && openLane(lane, arena)
if (own) say(own.started)

const checks = validationKernel(validationModule(), memory)
const jobs = new ValidationJobs(
  words,
  plan.validators.map(({ bell: at, rings }) => ({
    jobs: new RingProducer(words, rings[index]!.jobs),
    verdicts: new RingConsumer(words, rings[index]!.verdicts),
    bell: new Bell(words, at),
  })),
  () => say({ type: 'validatorsNeeded' }),
  (job) => {
    const { address, bytes, rules } = job
    wide.set(++wideId, job)
    say({ type: 'largeWindowNeeded', id: wideId, address, bytes, rules })
  },
)
/** Batches that the thread with the large window has. */
const wide = new Map<number, ValidationJob>()
let wideId = 0

const receive = new ReceiveMemory(place.receive.base, place.receive.bytes)
const frontend = new Frontend({
  words,
  memory: arena.bytes,
  lane: plan.lane.header,
  appends: new RingProducer(words, place.appends),
  reads: new RingProducer(words, place.reads),
  answers: new RingConsumer(words, place.answers),
  sequencer: new Bell(words, plan.lane.sequencerBell),
  routing,
  sessions: new FetchSessions(limits.sessionSlots, () => randomInt(1, 0x7fff_ffff)),
  validation: new ProduceValidation({
    ...validation,
    view: arena.view,
    validator: new Validator(checks, kernel(memory).crc, arena.view, place.validation),
    offer: (job) => jobs.offer(job),
  }),
  ports: {
    forward: ({ token, listener, host, frame }) => say({ type: 'forward', token, listener, host, frame }, [frame.buffer as ArrayBuffer]),
    load: ({ token, index: part, load }) => say({ type: 'load', token, index: part, load }),
    giveBack: (pin) => say({ type: 'gaveBack', pin }),
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

/** An idle turn of the event loop is cheaper than to be put to sleep and woken: one is taken before sleeping. */
const idleTurnsMax = 1
let idleTurns = 0
let scheduled = false
let asleep = false

function turn(): void {
  scheduled = false
  asleep = false
  const sequenced = own?.sequencer.turn(Date.now()) ?? 0
  if (jobs.turn() + frontend.turn() + sequenced > 0) idleTurns = 0
  else if (++idleTurns > idleTurnsMax) {
    idleTurns = 0
    counters.add('wakes', 1)
    asleep = bell.arm(idle, turn)
    if (asleep) return
  }
  schedule()
}

const idle = (): boolean => frontend.idle && jobs.idle && (own === undefined || own.sequencer.idle)

/** At most one turn is on its way. */
function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(turn)
}

/** Of receive memory: what may lie beside it when it is full. */
const stashShare = 4

const table = new ConnectionTable({
  frontend,
  counters,
  limits,
  intake: {
    memory: receive,
    bytes: arena.bytes,
    view: arena.view,
    landing: place.landing,
    stash: new Allowance(place.receive.bytes / stashShare),
    requestBytesMax: limits.requestBytesMax,
    frame: (channel, start, end, held) => frontend.frame(channel, start, end, held),
    onCopy: (bytes) => counters.add('copied_bytes', bytes),
  },
  onRead: () => {
    frontend.publish()
    own?.sequencer.turn(Date.now())
  },
  onClosed: (host, why) => say({ type: 'closed', host, why }),
})

let blockMemory: Buffer = Buffer.alloc(0)
const pieceOf = ({ address, bytes }: LentRange): Buffer => blockMemory.subarray(address, address + bytes)

const obey: { readonly [T in ToNetwork['type']]: (message: Extract<ToNetwork, { type: T }>) => void } = {
  listen: () =>
    void table.listen(listeners, limits.backlog).then((bound) => {
      if ('error' in bound) say({ type: 'notListening', listener: bound.listener, code: bound.error.code, message: bound.error.message })
      else say({ type: 'listening', ports: bound })
    }),
  topics: ({ set, deleted }) => {
    for (const id of deleted) routing.delete(id)
    for (const topic of set) routing.set(topic)
  },
  parsed: ({ bytes }) => frontend.parsed(bytes),
  answered: ({ token, response }) => frontend.answered(token, response),
  blocks: ({ memory: blocks }) => {
    blockMemory = openArena(blocks).bytes
  },
  loaded: ({ token, index: part, loaded, error }) => {
    if (loaded === null) frontend.loaded(token, part, null, error)
    else frontend.loaded(token, part, 'bytes' in loaded ? [loaded.bytes] : loaded.ranges.map(pieceOf), error, loaded.pin)
  },
  crowded: ({ token, wish }) => frontend.crowded(token, wish),
  asked: ({ asked }) => {
    const reply = own!.sequencer.execute(asked)
    say({ type: 'replied', answered: { id: asked.id, reply } })
    frontend.turn()
  },
  validated: ({ id, verdict }) => {
    const job = wide.get(id)!
    wide.delete(id)
    job.onVerdict(verdict)
    frontend.publish()
    own?.sequencer.turn(Date.now())
  },
  pressed: () => table.pressed(),
  limits: ({ connections }) => table.limit(connections),
  stop: () =>
    void table.stop().then(() => {
      say({ type: 'stopped' })
      port.close()
    }),
}
port.on('message', (message: ToNetwork) => (obey[message.type] as (message: ToNetwork) => void)(message))
schedule()
