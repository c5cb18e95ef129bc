import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { MetricTable } from '../../src/metrics/rows.ts'
import { HostCounts } from '../../src/network/host-counts.ts'
import type {
  FromNetwork,
  FromPersistence,
  FromStorePersistence,
  LaneData,
  LargeWindowData,
  ListenerData,
  NetworkData,
  Started,
  ToNetwork,
  ValidatorData,
} from '../../src/network/thread-messages.ts'
import { type ArenaPlan, planArena } from '../../src/pipeline/arena-plan.ts'
import { counterBlockBytes, stages } from '../../src/pipeline/counters.ts'
import { laneHeader, narrow } from '../../src/pipeline/lane-words.ts'
import { Lanes } from '../../src/ports/lanes.ts'
import type { LostRange, PartitionId } from '../../src/ports/partitions.ts'
import { WakeSignal } from '../../src/ring/wake-signal.ts'
import type { WalTarget } from '../disk/wal-file.ts'
import type { StoreWalOptions } from '../store/s3-wal-files.ts'
import { type Arena, createArena, openArena } from './arena.ts'
import { LargeWindow } from './large-window.ts'
import { fileHome, type LogHome, storeHome } from './log-home.ts'
import { NetworkThread } from './network-thread.ts'
import { PipelineLane } from './pipeline-lane.ts'

/** The stop of a network worker is bounded; a thread that has not ended by then is terminated. */
const stopMs = 5000

/** The write-ahead log of a lane. */
export interface LaneLog {
  readonly wal: { readonly type: 'file'; readonly target: WalTarget } | StoreWalOptions
  readonly recovery: LaneData['recovery']
}

export interface PipelineOptions {
  /** Location of the thread entries: a folder that contains `sequencer`, `persistence` and `network`, with this extension. */
  readonly workers: { readonly folder: URL; readonly extension: string }
  /** By lane. */
  readonly logs: readonly LaneLog[]
  /** Offsets that recovery may find missing. */
  readonly lost: ReadonlyMap<PartitionId, readonly LostRange[]>
  /** Log cache of each lane. */
  readonly logBytes: number
  /** Receive buffers of each network thread. */
  readonly receiveBytes: number
  readonly networkThreads: number
  /** The only network thread also sequences the only lane: one thread less, for a machine with few cores. */
  readonly inline: boolean
  readonly validation: {
    /** `compressed.record.validation.enable` */
    readonly enabled: boolean
    /** Number of threads that validate every compressed batch; 0: one thread is started for the first batch that takes long. */
    readonly threads: number
  }
  /** This broker: it serves the partitions that it leads. */
  readonly nodeId: number
  readonly listeners: readonly ListenerData[]
  readonly limits: NetworkData['limits']
  /** A message of a network thread that does not concern the pipeline itself. */
  onNetwork(thread: number, message: NetworkMessage): void
  /** The disk has no room for the WAL of a lane, or has room again. */
  onFull(lane: number, isFull: boolean): void
  /** A thread has failed. The node cannot continue. */
  onFailure(thread: string, error: Error): void
}

export type NetworkMessage = Extract<FromNetwork, { type: 'forward' | 'load' | 'released' | 'closed' | 'readsCopied' }>

/** The threads of the pipeline and their shared memory, from the side of the main thread. */
export class Pipeline {
  readonly lanes: Lanes<PipelineLane>
  readonly #arena: Arena
  readonly #plan: ArenaPlan
  readonly #network: readonly NetworkThread[]
  /** Started at once if they validate every compressed batch, else when the first one is needed. */
  readonly #validators: Worker[] = []
  readonly #largeWindow: LargeWindow
  readonly #spawn: Spawn
  readonly #threads: Threads
  /** Connections of all network threads. */
  readonly #hosts = new HostCounts()

  private constructor(parts: {
    arena: Arena
    plan: ArenaPlan
    lanes: readonly PipelineLane[]
    network: readonly Worker[]
    spawn: Spawn
    threads: Threads
    validators: number
    onNetwork: PipelineOptions['onNetwork']
  }) {
    this.#arena = parts.arena
    this.#plan = parts.plan
    this.lanes = new Lanes(parts.lanes)
    this.#spawn = parts.spawn
    this.#threads = parts.threads
    if (parts.validators > 0) this.#startValidators()
    this.#largeWindow = new LargeWindow(
      () => this.#startLargeWindow(),
      (worker) => this.#end(worker),
    )
    this.#network = parts.network.map(
      (worker, index) =>
        new NetworkThread(worker, (message) => {
          if (message.type === 'replied') this.lanes.all[0]!.replied(message.reply)
          else if (message.type === 'validatorsNeeded') this.#startValidators()
          else if (message.type === 'largeWindowNeeded') void this.#widen(index, message)
          else if (message.type === 'connected')
            this.notifyNetwork(index, { type: 'counted', id: message.id, count: this.#hosts.add(message.host) })
          else if (message.type === 'disconnected') this.#hosts.remove(message.host)
          else parts.onNetwork(index, message)
        }),
    )
  }

  /** Recovers the logs and starts every thread. Clients cannot connect before `listen`. */
  static async start(options: PipelineOptions): Promise<Pipeline> {
    const { logs, inline, networkThreads } = options
    const { enabled, threads: validators } = options.validation
    const plan = planArena({
      networkWorkers: networkThreads,
      lanes: logs.length,
      validators: Math.max(1, validators),
      receive: options.receiveBytes,
      log: options.logBytes,
      inline,
    })
    const arena = openArena(createArena(plan.pages))
    const threads: Threads = { isStopping: false, known: new Set() }
    const spawn = spawner(options, threads)
    const homes: LogHome[] = []
    const workers: Worker[] = []
    try {
      for (const [index, log] of logs.entries()) homes.push(await openHome(log, arena, plan, index))
      const data = homes.map(({ wal }, index): LaneData => {
        const { recovery } = logs[index]!
        Atomics.store(arena.words, plan.lanes[index]!.header + laneHeader.trimmed, narrow(wal.state.trimmed))
        return { memory: arena.memory, plan, index, wal, lost: options.lost, recovery }
      })
      const sequencers = inline ? [] : data.map((lane) => spawn('sequencing', lane))
      workers.push(...sequencers)
      const network = plan.network.map((_, index): Worker => {
        const { nodeId, listeners, limits, workers } = options
        const listenerCopies = fileURLToPath(new URL(`listener-copies${workers.extension}`, workers.folder))
        const lane = inline ? data[0] : undefined
        const validation = { enabled, offloads: validators > 0 }
        const own = { lane, index, threads: networkThreads, listenerCopies }
        return spawn('network', { memory: arena.memory, plan, validation, ...own, nodeId, listeners, limits } satisfies NetworkData)
      })
      workers.push(...network)
      const started = await Promise.all((inline ? network : sequencers).map((worker) => firstMessage<Started>(worker)))
      const lanes = started.map((recovered, index): PipelineLane => {
        const home = homes[index]!
        const persistence = home.writer(spawn, data[index]!, recovered.position)
        persistence.on('message', (message: FromPersistence | FromStorePersistence) => {
          if (message.type === 'full') options.onFull(index, message.isFull)
          else if (message.type === 'segment') home.entered(message.start)
        })
        const { records, position, tornBytes, damage, recoveryMs } = recovered
        return new PipelineLane({
          index,
          arena,
          layout: plan.lanes[index]!,
          home,
          recovery: {
            records,
            position,
            tornBytes,
            damage,
            bytes: position - home.wal.state.trimmed,
            milliseconds: recoveryMs,
            direct: home.direct,
          },
          sequencer: sequencers[index] ?? 'network',
          persistence,
          toNetwork: (request) => network[0]!.postMessage({ type: 'requested', request } satisfies ToNetwork),
        })
      })
      return new Pipeline({ arena, plan, lanes, network, spawn, threads, validators, onNetwork: options.onNetwork })
    } catch (error) {
      threads.isStopping = true
      await Promise.all(workers.map((worker) => worker.terminate()))
      await Promise.all(homes.map((home) => home.close()))
      throw error
    }
  }

  #startValidators(): void {
    if (this.#validators.length > 0) return
    const { memory } = this.#arena
    for (const index of this.#plan.validators.keys()) {
      const data: ValidatorData = { memory, plan: this.#plan, index }
      this.#validators.push(this.#spawn('validation', data))
    }
  }

  /** Ends a thread on purpose. */
  #end(worker: Worker): Promise<number> {
    this.#threads.known.add(worker)
    return worker.terminate()
  }

  #startLargeWindow(): Worker {
    const { log } = this.#plan.lanes[0]!
    const data: LargeWindowData = { memory: this.#arena.memory, batchBytesMax: log.bytes }
    return this.#spawn('large-window', data)
  }

  async #widen(thread: number, { id, address, bytes, rules }: Extract<FromNetwork, { type: 'largeWindowNeeded' }>): Promise<void> {
    this.notifyNetwork(thread, { type: 'validated', id, result: await this.#largeWindow.validate({ address, bytes, rules }) })
  }

  /** Processes batches with back references beyond the other windows. */
  get largeWindow(): LargeWindow {
    return this.#largeWindow
  }

  /** Opens the listeners; returns their ports. */
  async listen(): Promise<readonly number[]> {
    const [first, ...others] = this.#network as [NetworkThread, ...NetworkThread[]]
    const { ports, handles } = await first.listen([])
    await Promise.all(others.map((thread) => thread.listen(handles)))
    return ports
  }

  notifyNetwork(thread: number, message: ToNetwork, moved: readonly ArrayBuffer[] = []): void {
    this.#network[thread]!.notify(message, moved)
  }

  /** Sends a message to every network thread. */
  notifyAll(message: ToNetwork): void {
    for (const thread of this.#network) thread.notify(message)
  }

  /** Counters of each thread of the pipeline. */
  get counters(): readonly { readonly table: MetricTable; readonly values: Float64Array }[] {
    const { network, lanes } = this.#plan
    const block = (table: MetricTable, address: number): { table: MetricTable; values: Float64Array } => ({
      table,
      values: new Float64Array(this.#arena.memory.buffer, address, counterBlockBytes / 8),
    })
    return [
      ...network.map(({ counters }) => block(stages.network, counters)),
      ...lanes.map(({ sequencerCounters }) => block(stages.sequencer, sequencerCounters)),
      ...lanes.map(({ persistenceCounters }) => block(stages.persistence, persistenceCounters)),
    ]
  }

  /** Waits for the work in progress, stage after stage, and ends the threads. */
  async stop(): Promise<void> {
    this.#threads.isStopping = true
    await Promise.all(this.#network.map((thread) => inTime(thread.stop())))
    this.#order(1)
    await this.#largeWindow.stop()
    await Promise.all(this.#validators.map(ended))
    const threads = this.lanes.all.map((lane) => lane.threads)
    await Promise.all(threads.map(({ sequencer }) => sequencer && ended(sequencer)))
    this.#order(2)
    await Promise.all(threads.map(({ persistence }) => ended(persistence)))
    await Promise.all(this.#network.map((thread) => thread.terminate()))
  }

  /** To be called after the last `note`. */
  async close(): Promise<void> {
    await Promise.all(this.lanes.all.map((lane) => lane.close()))
  }

  #order(stop: number): void {
    for (const lane of this.lanes.all) lane.order(stop)
    for (const { signal } of this.#plan.validators) new WakeSignal(this.#arena.words, signal).ring()
  }
}

function openHome({ wal }: LaneLog, arena: Arena, plan: ArenaPlan, index: number): LogHome | Promise<LogHome> {
  const entropy = (): number => randomBytes(4).readInt32LE()
  const memory = { layout: plan.lanes[index]!, zeros: plan.zeros }
  return wal.type === 'file' ? fileHome(wal.target, arena, memory, entropy) : storeHome(wal, arena, memory, entropy)
}

type Spawn = (name: string, workerData: object) => Worker

function spawner({ workers, onFailure }: PipelineOptions, threads: Threads): Spawn {
  return (name, workerData) => {
    const worker = new Worker(new URL(`${name}${workers.extension}`, workers.folder), { workerData, name })
    worker.on('error', (error) => {
      threads.known.add(worker)
      onFailure(name, error as Error)
    })
    worker.on('exit', (code) => {
      if (!threads.isStopping && !threads.known.has(worker)) onFailure(name, new Error(`it ended with exit code ${code}`))
    })
    return worker
  }
}

interface Threads {
  /** Set before a stop: from then on, threads may end by themselves. */
  isStopping: boolean
  /** Threads that ended on purpose, or with an error that has been reported. */
  readonly known: Set<Worker>
}

function firstMessage<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the thread ended with exit code ${code}`)))
  })
}

async function ended(worker: Worker): Promise<void> {
  // A thread that has ended by itself emits no further event.
  if (worker.threadId < 0) return
  await inTime(new Promise<void>((resolve) => worker.once('exit', () => resolve())))
  await worker.terminate()
}

function inTime(promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, stopMs)))
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
