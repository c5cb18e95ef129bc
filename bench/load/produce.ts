/** A process that produces: `fork`ed with a ProduceLoad as its argument; sends `ready`, waits for `go`, ends with `done`. */
import { newProducer } from '../../test/support/admin.ts'
import { Connection, connected } from '../../test/support/connection.ts'
import { buildFrame, copyFrame, Sequencer } from './frame.ts'
import { Histogram } from './histogram.ts'
import type { FromLoad, ProduceLoad, ProduceResult } from './messages.ts'
import { ProducerConnection } from './producer-connection.ts'
import { Windows } from './windows.ts'

const load = JSON.parse(process.argv[2]!) as ProduceLoad
const progressEveryMs = 250
const mib = 1024 * 1024
const send = (message: FromLoad<ProduceResult>): void => void process.send!(message)

function fail(reason: string): never {
  send({ type: 'failed', reason })
  process.exit(1)
}

const latencies = new Histogram()
const windows = load.windowSeconds === undefined ? null : new Windows(load.windowSeconds, (mib) => send({ type: 'second', mib }))
const firstOffsets = new Float64Array(load.partitions).fill(Number.POSITIVE_INFINITY)
const ends = new Float64Array(load.partitions)
const acknowledgedRecords = new Float64Array(load.partitions)
const connections: ProducerConnection[] = []
const trace: [number, number][] = []
let batch = { records: 0, bytes: 0 }
let sent = 0
let answered = 0
let began = 0
let sendUntil = 0

const bytes = (): number => answered * batch.bytes
const mayStart = (now: number): boolean => sent * batch.bytes < load.mibMax * mib && now < sendUntil

function acknowledge(connection: ProducerConnection, partition: number, baseOffset: number, sinceMs: number): void {
  const now = performance.now()
  latencies.record(now - sinceMs)
  windows?.record(now - began, now - sinceMs, batch.bytes)
  if (load.isTraced && partition === 0) trace.push([baseOffset, performance.timeOrigin + sinceMs])
  answered += 1
  acknowledgedRecords[partition]! += batch.records
  firstOffsets[partition] = Math.min(firstOffsets[partition]!, baseOffset)
  ends[partition] = Math.max(ends[partition]!, baseOffset + batch.records)
  if (load.mibPerSecond === null) pump(connection, now)
  else serveDue()
  finishIfDone(now)
}

function finishIfDone(now: number): void {
  if (answered === sent && !mayStart(now) && due.length === 0) finish(now)
}

function pump(connection: ProducerConnection, now: number): void {
  while (connection.hasRoom && mayStart(now)) {
    sent += 1
    connection.send(now)
  }
}

/** Due times of requests that found no room: they wait here, and their latency counts. */
const due: number[] = []

function serveDue(): void {
  for (const connection of connections) {
    while (due.length > 0 && connection.hasRoom) {
      sent += 1
      connection.send(due.shift()!)
    }
  }
}

/** An open loop: due times depend on the clock alone, so a slow broker cannot slow down the requests. Returns how it is stopped. */
function pace(): () => void {
  const everyMs = (batch.bytes / (load.mibPerSecond! * mib)) * 1000
  const count = Math.floor(Math.min(load.secondsMax * 1000, (load.mibMax / load.mibPerSecond!) * 1000) / everyMs)
  let scheduled = 0
  const tick = setInterval(() => {
    const now = performance.now()
    // Timers have whole milliseconds: a request is due at the first one after its exact moment.
    while (scheduled < count && Math.ceil(scheduled * everyMs) <= now - began) {
      due.push(began + Math.ceil(scheduled * everyMs))
      scheduled += 1
    }
    serveDue()
    if (scheduled === count) end()
  }, 1)
  const end = (): void => {
    sendUntil = 0
    clearInterval(tick)
  }
  return end
}

function finish(now: number): void {
  for (const connection of connections) connection.close()
  for (let partition = 0; partition < load.partitions; partition += 1) {
    const given = acknowledgedRecords[partition]! && ends[partition]! - firstOffsets[partition]!
    if (given !== acknowledgedRecords[partition]) {
      fail(`partition ${partition}: ${acknowledgedRecords[partition]} records were acknowledged, ${given} offsets were given`)
    }
  }
  windows?.advance(now - began)
  const cpu = process.cpuUsage(cpuAtStart)
  const result: ProduceResult = {
    mib: bytes() / mib,
    records: answered * batch.records,
    seconds: (now - began) / 1000,
    p50Ms: latencies.quantileMs(0.5),
    p99Ms: latencies.quantileMs(0.99),
    p999Ms: latencies.quantileMs(0.999),
    maxMs: latencies.maxMs,
    ends: [...ends],
    generatorCpuSeconds: (cpu.user + cpu.system) / 1e6,
    windows: windows?.windows ?? [],
    mibBySecond: windows?.mibBySecond ?? [],
    trace,
  }
  process.send!({ type: 'done', result } satisfies FromLoad<ProduceResult>, () => process.exit(0))
}

async function open(index: number): Promise<void> {
  const producer = load.isIdempotent ? await connected(load.port, newProducer) : { producerId: -1n, epoch: -1 }
  const frame = buildFrame({ ...load, producerId: producer.producerId, producerEpoch: producer.epoch })
  batch = { records: frame.records, bytes: frame.batchBytes }
  const connection: ProducerConnection = new ProducerConnection({
    ...load,
    frames: Array.from({ length: load.inFlight }, () => copyFrame(frame)),
    sequencer: load.isIdempotent ? new Sequencer(frame) : null,
    firstPartition: index % load.partitions,
    acknowledged: (partition, baseOffset, sinceMs) => acknowledge(connection, partition, baseOffset, sinceMs),
    failed: fail,
  })
  connections.push(connection)
  await connection.opened
}

async function openIdle(): Promise<void> {
  const { socket } = await Connection.open(load.port)
  socket.on('close', () => fail('the broker closed an idle connection'))
}

for (let index = 0; index < load.connections; index += 1) await open(index)
for (let index = 0; index < (load.idleConnections ?? 0); index += 1) await openIdle()
const started = new Promise<void>((resolve) => process.once('message', () => resolve()))
process.once('disconnect', () => process.exit(1))
send({ type: 'ready' })
await started
const cpuAtStart = process.cpuUsage()
began = performance.now()
sendUntil = began + load.secondsMax * 1000
setInterval(() => send({ type: 'progress', mib: bytes() / mib }), progressEveryMs).unref()
let stop = (): void => {
  sendUntil = 0
}
process.once('message', () => {
  stop()
  finishIfDone(performance.now())
})
if (load.mibPerSecond === null) for (const connection of connections) pump(connection, began)
else stop = pace()
