import { randomBytes } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { MetricTable } from '../../src/metrics/rows.ts'
import type {
  FromNetwork,
  FromPersistence,
  FromStorePersistence,
  LaneData,
  LaneWal,
  LargeWindowData,
  ListenerData,
  NetworkData,
  Started,
  ToNetwork,
  ValidatorData,
} from '../../src/network/thread-messages.ts'
import type { RoutedTopic } from '../../src/network/topic-routing.ts'
import { type ArenaPlan, planArena } from '../../src/pipeline/arena-plan.ts'
import { counterBlockBytes, stages } from '../../src/pipeline/counters.ts'
import { laneHeader, narrow, widen } from '../../src/pipeline/lane-words.ts'
import type { Lane } from '../../src/ports/lane.ts'
import type { Command, LaneReply, Reply, ReplyTo } from '../../src/ports/lane-commands.ts'
import type { LostRange, PartitionId } from '../../src/ports/partitions.ts'
import type { TrimPoint } from '../../src/ports/trim-point.ts'
import { WakeSignal } from '../../src/ring/wake-signal.ts'
import { blockBytes } from '../../src/wal/wal-record.ts'
import type { WalDamage } from '../../src/wal/wal-recovery.ts'
import type { WalTarget } from '../disk/wal-file.ts'
import { systemReason } from '../process/start-failure.ts'
import { StartRefused } from '../process/start-refused.ts'
import type { StoreWalOptions } from '../store/s3-wal-files.ts'
import { type Arena, createArena, openArena } from './arena.ts'
import { LargeWindow } from './large-window.ts'
import { fileHome, type LogHome, storeHome } from './log-home.ts'
import type { LogPlace } from './object-tasks.ts'

/** The stop of a network worker is bounded; a thread that has not ended by then is terminated. */
const stopMs = 5000

export interface PipelineOptions {
  /** Location of the thread entries: a folder that contains `sequencer`, `persistence` and `network`, with this extension. */
  readonly workers: { readonly folder: URL; readonly extension: string }
  readonly wal: { readonly type: 'file'; readonly target: WalTarget } | StoreWalOptions
  /** Offsets that recovery may find missing. */
  readonly lost: ReadonlyMap<PartitionId, readonly LostRange[]>
  readonly recovery: LaneData['recovery']
  readonly logBytes: number
  readonly receiveBytes: number
  /** The network worker is also the sequencer: one thread less, for a machine with few cores. */
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
  /** A message of a network worker that does not concern the pipeline itself. */
  onNetwork(message: Extract<FromNetwork, { type: 'forward' | 'load' | 'released' | 'closed' | 'readsCopied' }>): void
  /** The disk has no room for the WAL, or has room again. */
  onFull(isFull: boolean): void
  /** A thread has failed. The node cannot continue. */
  onFailure(thread: string, error: Error): void
}

/** Result of the recovery of the log. */
export interface Recovery {
  readonly records: number
  /** End of the log, where it continues. */
  readonly position: number
  /** See `Recovered`. */
  readonly tornBytes: number
  /** Damage that an operator has accepted. */
  readonly damage: WalDamage | undefined
  /** Number of bytes of the log that were read. */
  readonly bytes: number
  readonly milliseconds: number
  readonly direct: boolean
}

/** The threads of the pipeline and their shared memory, from the side of the main thread. */
export class Pipeline implements Lane {
  readonly recovery: Recovery
  readonly #arena: Arena
  readonly #plan: ArenaPlan
  readonly #home: LogHome
  /** Undefined if the network worker is also the sequencer. */
  readonly #sequencer: Worker | undefined
  readonly #persistence: Worker
  readonly #network: Worker
  /** Started at once if they validate every compressed batch, else when the first one is needed. */
  readonly #validators: Worker[] = []
  readonly #largeWindow: LargeWindow
  readonly #spawn: Spawn
  readonly #threads: Threads
  readonly #sequencerSignal: WakeSignal
  readonly #persistenceSignal: WakeSignal
  readonly #mainSignal: WakeSignal
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #requests = 0
  #listening: { done(ports: readonly number[]): void; failed(error: Error): void } | undefined
  #stopped: (() => void) | undefined

  private constructor(parts: {
    arena: Arena
    plan: ArenaPlan
    home: LogHome
    sequencer: Worker | undefined
    persistence: Worker
    network: Worker
    spawn: Spawn
    threads: Threads
    validators: number
    recovery: Recovery
    onNetwork: PipelineOptions['onNetwork']
  }) {
    this.#arena = parts.arena
    this.#plan = parts.plan
    this.#home = parts.home
    this.#sequencer = parts.sequencer
    this.#persistence = parts.persistence
    this.#network = parts.network
    this.#spawn = parts.spawn
    this.#threads = parts.threads
    if (parts.validators > 0) this.#startValidators()
    this.#largeWindow = new LargeWindow(
      () => this.#startLargeWindow(),
      (worker) => this.#end(worker),
    )
    this.recovery = parts.recovery
    this.#sequencerSignal = new WakeSignal(parts.arena.words, parts.plan.lane.sequencerSignal)
    this.#persistenceSignal = new WakeSignal(parts.arena.words, parts.plan.lane.persistenceSignal)
    this.#mainSignal = new WakeSignal(parts.arena.words, parts.plan.mainSignal)
    this.#sequencer?.on('message', (reply: LaneReply) => this.#replied(reply))
    this.#network.once('exit', () => this.#listening?.failed(new Error('the network thread has ended')))
    this.#network.on('message', (message: FromNetwork) => {
      if (message.type === 'listening') this.#listening?.done(message.ports)
      else if (message.type === 'notListening') this.#listening?.failed(listenerFailure(message))
      else if (message.type === 'stopped') this.#stopped?.()
      else if (message.type === 'replied') this.#replied(message.reply)
      else if (message.type === 'validatorsNeeded') this.#startValidators()
      else if (message.type === 'largeWindowNeeded') void this.#widen(message)
      else if (message.type !== 'started') parts.onNetwork(message)
    })
  }

  /** Recovers the log and starts every thread. Clients cannot connect before `listen`. */
  static async start(options: PipelineOptions): Promise<Pipeline> {
    const { enabled, threads: validators } = options.validation
    const plan = planArena({
      networkWorkers: 1,
      validators: Math.max(1, validators),
      receive: options.receiveBytes,
      log: options.logBytes,
      inline: options.inline,
    })
    const arena = openArena(createArena(plan.pages))
    const entropy = (): number => randomBytes(4).readInt32LE()
    const home =
      options.wal.type === 'file' ? fileHome(options.wal.target, arena, plan, entropy) : await storeHome(options.wal, arena, plan, entropy)
    const { wal } = home
    Atomics.store(arena.words, plan.lane.header + laneHeader.trimmed, narrow(wal.state.trimmed))
    const threads: Threads = { isStopping: false, known: new Set() }
    const spawn = spawner(options, threads)
    const lane: LaneData = { memory: arena.memory, plan, wal, lost: options.lost, recovery: options.recovery }
    const sequencer = options.inline ? undefined : spawn('sequencing', lane)
    const data: NetworkData = {
      memory: arena.memory,
      plan,
      validation: { enabled, offloads: validators > 0 },
      lane: options.inline ? lane : undefined,
      index: 0,
      nodeId: options.nodeId,
      listeners: options.listeners,
      limits: options.limits,
    }
    const network = spawn('network', data)
    const started = await firstMessage<Started>(sequencer ?? network).catch(async (error: unknown) => {
      threads.isStopping = true
      await Promise.all([sequencer?.terminate(), network.terminate()])
      home.close()
      throw error
    })
    const persistence = home.writer(spawn, lane, started.position)
    persistence.on('message', (message: FromPersistence | FromStorePersistence) => {
      if (message.type === 'full') options.onFull(message.isFull)
      else if (message.type === 'segment') home.entered(message.start)
    })
    const recovery = {
      records: started.records,
      position: started.position,
      tornBytes: started.tornBytes,
      damage: started.damage,
      bytes: started.position - wal.state.trimmed,
      milliseconds: started.recoveryMs,
      direct: home.direct,
    }
    return new Pipeline({
      arena,
      plan,
      home,
      sequencer,
      persistence,
      network,
      spawn,
      threads,
      validators,
      recovery,
      onNetwork: options.onNetwork,
    })
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
    const { log } = this.#plan.lane
    const data: LargeWindowData = { memory: this.#arena.memory, batchBytesMax: log.bytes }
    return this.#spawn('large-window', data)
  }

  async #widen({ id, address, bytes, rules }: Extract<FromNetwork, { type: 'largeWindowNeeded' }>): Promise<void> {
    this.notifyNetwork({ type: 'validated', id, result: await this.#largeWindow.validate({ address, bytes, rules }) })
  }

  /** Processes batches with back references beyond the other windows. */
  get largeWindow(): LargeWindow {
    return this.#largeWindow
  }

  /** Opens the listeners; returns their ports. */
  listen(): Promise<readonly number[]> {
    return new Promise((done, failed) => {
      this.#listening = { done, failed }
      this.notifyNetwork({ type: 'listen' })
    })
  }

  /** Sends a command to the sequencer; returns its reply. */
  call<C extends Command>(command: C): Promise<ReplyTo<C>> {
    return new Promise((resolve) => {
      const id = ++this.#requests
      this.#waiting.set(id, resolve as (reply: Reply) => void)
      if (this.#sequencer === undefined) {
        this.notifyNetwork({ type: 'requested', request: { id, command } })
        return
      }
      this.#sequencer.postMessage({ id, command })
      Atomics.add(this.#arena.words, this.#plan.lane.header + laneHeader.commands, 1)
      this.#sequencerSignal.ring()
    })
  }

  #replied({ id, reply }: LaneReply): void {
    this.#waiting.get(id)?.(reply)
    this.#waiting.delete(id)
  }

  notifyNetwork(message: ToNetwork, moved: readonly ArrayBuffer[] = []): void {
    this.#network.postMessage(message, moved as ArrayBuffer[])
  }

  route(set: readonly RoutedTopic[], deleted: readonly string[]): void {
    this.notifyNetwork({ type: 'topics', set, deleted })
  }

  /** Position up to which the log is durable. */
  get durable(): number {
    return widen(Atomics.load(this.#arena.words, this.#plan.lane.header + laneHeader.durable), this.stored)
  }

  /** Position from which the log is retained. */
  get stored(): number {
    return this.#home.wal.state.trimmed
  }

  get wal(): LaneWal {
    return this.#home.wal
  }

  /** The log cache, if it contains the whole log. */
  get log(): LogPlace | undefined {
    return this.wal.path === null ? { memory: this.#arena.memory, ...this.#plan.lane.log } : undefined
  }

  /** All records below the trim point are stored elsewhere: the log records the trim point before the space is reused. */
  async trim(cut: TrimPoint): Promise<void> {
    await this.#home.trim(cut)
    await this.call({ type: 'stored', position: cut.trimmed })
    Atomics.store(this.#arena.words, this.#plan.lane.header + laneHeader.trimmed, narrow(cut.trimmed))
    this.#sequencerSignal.ring()
  }

  /** Records in the WAL how many records the metadata log contains. */
  note(metadataRecords: number): void {
    const { lane } = this.#plan
    this.#home.note(metadataRecords, Atomics.load(this.#arena.words, lane.header + laneHeader.prepared) * blockBytes)
  }

  /** Memory for appends of the main thread, and its address in the arena. */
  get staging(): { readonly base: number; readonly memory: Buffer } {
    const { base, bytes } = this.#plan.staging
    return { base, memory: this.#arena.bytes.subarray(base, base + bytes) }
  }

  /** See `Lane`. The wake signal of the main thread is raised when more of the log is durable. */
  onDurable(idle: () => boolean, wake: () => void): boolean {
    return this.#mainSignal.arm(idle, wake)
  }

  /** Counters of each thread of the pipeline. */
  get counters(): readonly { readonly table: MetricTable; readonly values: Float64Array }[] {
    const { network, lane } = this.#plan
    const values = (address: number): Float64Array => new Float64Array(this.#arena.memory.buffer, address, counterBlockBytes / 8)
    return [
      { table: stages.network, values: values(network[0]!.counters) },
      { table: stages.sequencer, values: values(lane.sequencerCounters) },
      { table: stages.persistence, values: values(lane.persistenceCounters) },
    ]
  }

  /** Position up to which the log is sequenced. */
  get published(): number {
    return widen(Atomics.load(this.#arena.words, this.#plan.lane.header + laneHeader.published), this.stored)
  }

  /** Waits for the work in progress, stage after stage, and ends the threads. */
  async stop(): Promise<void> {
    this.#threads.isStopping = true
    const drained = new Promise<void>((resolve) => (this.#stopped = resolve))
    this.notifyNetwork({ type: 'stop' })
    await inTime(drained)
    this.#order(1)
    await this.#largeWindow.stop()
    await Promise.all(this.#validators.map(ended))
    if (this.#sequencer !== undefined) await ended(this.#sequencer)
    this.#order(2)
    await ended(this.#persistence)
    await this.#network.terminate()
  }

  /** To be called after the last `note`. */
  close(): void {
    this.#home.close()
  }

  #order(stop: number): void {
    Atomics.store(this.#arena.words, this.#plan.lane.header + laneHeader.stop, stop)
    this.#sequencerSignal.ring()
    this.#persistenceSignal.ring()
    for (const { signal } of this.#plan.validators) new WakeSignal(this.#arena.words, signal).ring()
  }
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

function listenerFailure({ listener, code, message }: Extract<FromNetwork, { type: 'notListening' }>): StartRefused {
  const { name, host, port } = listener
  const address = `${name}://${host.includes(':') ? `[${host}]` : host}:${port}`
  const reason = systemReason({ code }) ?? message
  return new StartRefused(
    `listeners: ${address} cannot be opened: ${reason} (${code}). Set listeners to a free port on an address of this machine.`,
  )
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
