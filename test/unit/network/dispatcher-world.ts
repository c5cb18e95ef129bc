import { validationModule } from '../../../native-free-io/threads/validation-module.ts'
import { tickMs } from '../../../src/network/00-produce.ts'
import { anonymous } from '../../../src/network/client-session.ts'
import { type DispatcherPorts, RequestDispatcher } from '../../../src/network/dispatcher.ts'
import { FetchSessions } from '../../../src/network/fetch-session.ts'
import { ProduceValidation } from '../../../src/network/produce-validation.ts'
import { ReadGate } from '../../../src/network/read-gate.ts'
import type { Admission, BufferLease, ClientConnection, RequestQueue } from '../../../src/network/request-queue.ts'
import { TopicRouting } from '../../../src/network/topic-routing.ts'
import { JobRunner } from '../../../src/pipeline/validation/job-runner.ts'
import { type ValidationJob, ValidationJobs } from '../../../src/pipeline/validation/validation-jobs.ts'
import { validationKernel } from '../../../src/pipeline/validation/validation-kernel.ts'
import { type ValidationSlot, Validator } from '../../../src/pipeline/validation/validator.ts'
import { laneOf } from '../../../src/ports/lanes.ts'
import type { PartitionSettings } from '../../../src/ports/partitions.ts'
import { RingConsumer, RingProducer } from '../../../src/ring/ring.ts'
import { WakeSignal } from '../../../src/ring/wake-signal.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/wire/api/00-produce.ts'
import { FetchRequest, FetchResponse } from '../../../src/wire/api/01-fetch.ts'
import { apiByKey, headerVersions } from '../../../src/wire/apis.ts'
import { codec } from '../../../src/wire/codec.ts'
import { RequestHeader, ResponseHeader } from '../../../src/wire/headers.ts'
import { Reader } from '../../../src/wire/reader.ts'
import { blank, type Fields, type Message, type Wire } from '../../../src/wire/schema.ts'
import { Writer } from '../../../src/wire/writer.ts'
import { routedTopic } from '../../support/routed-topic.ts'
import { LaneWorld, laneArena, now, settings } from '../pipeline/sequencing/lane-world.ts'

export const topicId = Buffer.alloc(16, 7).toString('base64url')
export const otherId = Buffer.alloc(16, 9).toString('base64url')

/** A client's end of a connection: the bytes sent to it, and the state of the connection. */
export class Client implements ClientConnection {
  readonly session = { listener: 'PLAINTEXT', host: '127.0.0.1', principal: anonymous }
  readonly queue: RequestQueue
  readonly responses: Buffer[] = []
  /** Leases that are not released yet, since the client `isSlow`. */
  readonly unsent: BufferLease[] = []
  unsentBytes = 0
  isSlow = false
  closed: string | undefined
  readonly gate = new ReadGate({ onPause: () => {}, onOpen: () => this.#process() })
  /** Deferred frames, in order. */
  readonly waiting: Buffer[] = []
  readonly #world: FrontWorld
  #bytes = Buffer.alloc(0)

  constructor(world: FrontWorld) {
    this.#world = world
    this.queue = world.dispatcher.connect(this)
  }

  send(parts: readonly Uint8Array[], lease: BufferLease | undefined): void {
    this.#bytes = Buffer.concat([this.#bytes, ...parts])
    while (this.#bytes.length >= 4 && this.#bytes.length >= 4 + this.#bytes.readInt32BE()) {
      const end = 4 + this.#bytes.readInt32BE()
      this.responses.push(this.#bytes.subarray(4, end))
      this.#bytes = this.#bytes.subarray(end)
    }
    if (lease === undefined) return
    if (this.isSlow) this.unsent.push(lease)
    else lease.end()
  }

  close(why: string): void {
    this.closed ??= why
    this.gate.pause('closed')
  }

  #process(): void {
    this.gate.enter()
    while (this.waiting.length > 0 && this.#world.offer(this, this.waiting[0]!) === 'taken') this.waiting.shift()
    this.gate.leave()
  }

  /** Sends a request. Requests after a deferred one wait with it. */
  call<Q extends Fields>(request: Message<Q>, version: number, correlationId: number, fields: Partial<Wire<Message<Q>>>): void {
    const writer = new Writer(Buffer.alloc(256), 1 << 24)
    const [, header] = headerVersions(apiByKey[request.key!]!, version)
    codec(RequestHeader, header).write(writer, { requestApiKey: request.key!, requestApiVersion: version, correlationId, clientId: 'test' })
    codec(request, version).write(writer, { ...blank(request), ...fields })
    this.push(Buffer.from(writer.finished()))
  }

  push(bytes: Buffer): void {
    this.waiting.push(bytes)
    if (this.gate.isOpen) this.#process()
  }

  produce(
    correlationId: number,
    records: Buffer | null,
    fields: { acks?: number; topic?: string; partition?: number; version?: number; timeoutMs?: number } = {},
  ): void {
    const { acks = -1, topic = 't', partition = 0, version = 11, timeoutMs = 30_000 } = fields
    const partitionData = [{ index: partition, records }]
    const topicData = [{ name: version >= 13 ? '' : topic, topicId: version >= 13 ? topic : blankId, partitionData }]
    this.call(ProduceRequest, version, correlationId, { acks, timeoutMs, topicData })
  }

  fetch(
    correlationId: number,
    offset: bigint,
    fields: Partial<FetchRequest> & {
      partition?: number
      topic?: string
      version?: number
      partitionMaxBytes?: number
      lastFetchedEpoch?: number
    } = {},
  ): void {
    const { partition = 0, ...rest } = fields
    this.fetchAll(correlationId, [offset], { first: partition, ...rest })
  }

  /** Partitions one after another, each from an offset on. */
  fetchAll(
    correlationId: number,
    offsets: readonly bigint[],
    fields: Partial<FetchRequest> & {
      first?: number
      topic?: string
      version?: number
      partitionMaxBytes?: number
      lastFetchedEpoch?: number
    } = {},
  ): void {
    const { first = 0, topic = 't', version = 11, partitionMaxBytes = 1 << 20, lastFetchedEpoch = -1, ...rest } = fields
    const partitions = offsets.map((fetchOffset, i) => ({
      ...blankPartition,
      partition: first + i,
      fetchOffset,
      partitionMaxBytes,
      lastFetchedEpoch,
    }))
    const topics = [{ topic: version >= 13 ? '' : topic, topicId: version >= 13 ? topic : blankId, partitions }]
    this.call(FetchRequest, version, correlationId, { maxWaitMs: 1000, minBytes: 1, maxBytes: 50 << 20, sessionEpoch: -1, topics, ...rest })
  }

  /** The correlation ids of the responses so far. */
  get answered(): number[] {
    return this.responses.map((bytes) => bytes.readInt32BE())
  }

  produced(index: number, version = 11): ProduceResponse {
    return this.#parse(ProduceResponse, version, index)
  }
  fetched(index: number, version = 11): FetchResponse {
    return this.#parse(FetchResponse, version, index)
  }

  #parse<R extends Fields>(response: Message<R>, version: number, index: number): Wire<Message<R>> {
    const reader = new Reader(this.responses.at(index)!)
    codec(ResponseHeader, headerVersions(apiByKey[response.key!]!, version)[2]).read(reader)
    const value = codec(response, version).read(reader)
    reader.finish()
    return value
  }
}

const blankId = 'AAAAAAAAAAAAAAAAAAAAAA'
export const blankPartition = {
  partition: 0,
  currentLeaderEpoch: -1,
  fetchOffset: 0n,
  lastFetchedEpoch: -1,
  logStartOffset: -1n,
  partitionMaxBytes: 0,
  replicaDirectoryId: 'AAAAAAAAAAAAAAAAAAAAAA',
  highWatermark: 2n ** 63n - 1n,
}

/** A dispatcher and its lanes, all stepped manually. Topic `t` has partition ids 1 and 2: with two lanes, one in each. */
export class FrontWorld {
  readonly lanes: readonly LaneWorld[]
  readonly dispatcher: RequestDispatcher
  readonly routing = new TopicRouting(1)
  readonly sessions: FetchSessions
  readonly forwarded: { token: number; frame: Buffer }[] = []
  readonly loads: Parameters<DispatcherPorts['load']>[0][] = []
  readonly released: number[] = []
  readonly timers = new Map<number, { ms: number; wake: () => void }>()
  readonly counted: Record<string, number> = {}
  readonly jobs: ValidationJobs
  /** The validator thread, which `validate` steps. */
  readonly runner: JobRunner
  validatorStarts = 0
  /** Batches that need the large window. */
  readonly wide: ValidationJob[] = []
  /** Bytes of requests that are in use. */
  held = 0
  heldMax = Number.POSITIVE_INFINITY
  clock = 0
  #timer = 0
  #at: number

  constructor(
    options: {
      log?: number
      capacity?: number
      settings?: Partial<PartitionSettings>
      appendWords?: number
      sessionSlots?: number
      validates?: boolean
      offloads?: boolean
      lanes?: number
    } = {},
  ) {
    const arena = laneArena(options, options.lanes)
    this.lanes = arena.plan.lanes.map((_, index) => new LaneWorld(options, arena, index))
    for (const partitionId of [1, 2]) this.lanes[laneOf(partitionId, this.lanes.length)]!.open(partitionId, options.settings)
    this.routing.set(routedTopic('t', topicId, [1, 2], { ...settings, ...options.settings }))
    const { words, bytes, view, plan } = this.lane.arena
    const [network] = plan.network as [(typeof plan.network)[number]]
    const [validator] = plan.validators as [(typeof plan.validators)[number]]
    const [rings] = validator.rings as [(typeof validator.rings)[number]]
    const checks = validationKernel(validationModule(), this.lane.arena.memory)
    const validatorOf = (slot: ValidationSlot): Validator => new Validator(checks, this.lane.arena.kernel.crc, view, slot)
    const results = { jobs: new RingProducer(words, rings.jobs), results: new RingConsumer(words, rings.results) }
    const jobs = { jobs: new RingConsumer(words, rings.jobs), results: new RingProducer(words, rings.results) }
    const signals = { network: new WakeSignal(words, network.signal), validator: new WakeSignal(words, validator.signal) }
    this.jobs = new ValidationJobs(
      words,
      [{ ...results, signal: signals.validator }],
      () => this.validatorStarts++,
      (job) => this.wide.push(job),
    )
    this.runner = new JobRunner(words, [{ ...jobs, signal: signals.network }], validator.slots.map(validatorOf))
    this.#at = network.receive.base
    let sessionId = 100
    this.sessions = new FetchSessions(options.sessionSlots ?? 10, () => ++sessionId)
    this.dispatcher = new RequestDispatcher({
      words,
      memory: bytes,
      lanes: network.rings.map(({ appends, reads, answers }, index) => ({
        header: plan.lanes[index]!.header,
        log: plan.lanes[index]!.log,
        appends: new RingProducer(words, { ...appends, capacityWords: options.appendWords ?? appends.capacityWords }),
        reads: new RingProducer(words, reads),
        answers: new RingConsumer(words, answers),
        sequencer: new WakeSignal(words, plan.lanes[index]!.sequencerSignal),
      })),
      routing: this.routing,
      sessions: this.sessions,
      validation: new ProduceValidation({
        view,
        validator: validatorOf(network.validation),
        enabled: options.validates ?? true,
        offloads: options.offloads ?? false,
        offer: (job) => this.jobs.offer(job),
      }),
      ports: {
        forward: (request) => this.forwarded.push(request),
        load: (request) => this.loads.push(request),
        releasePin: (pin) => this.released.push(pin),
        after: (ms, wake) => {
          const id = ++this.#timer
          this.timers.set(id, { ms, wake })
          return () => this.timers.delete(id)
        },
        now: () => now + this.clock,
      },
      counters: { add: (row: string, by: number) => void (this.counted[row] = (this.counted[row] ?? 0) + by) },
      fetchBytesMax: 50 << 20,
      hasRoom: () => this.held < this.heldMax,
    })
  }

  /** The first lane. */
  get lane(): LaneWorld {
    return this.lanes[0]!
  }

  /** Timers of single requests; the common tick is separate. */
  get waits(): number[] {
    return [...this.timers.values()].map(({ ms }) => ms).filter((ms) => ms !== tickMs)
  }

  client(): Client {
    return new Client(this)
  }

  /** Passes a frame as a request reader does. */
  offer(client: Client, frame: Buffer): Admission {
    const { base, bytes } = this.lane.arena.plan.network[0]!.receive
    if (this.#at + frame.length > base + bytes) this.#at = base
    const start = this.#at
    frame.copy(this.lane.arena.bytes, start)
    // Frames of other connections may be passed before this returns.
    this.#at += frame.length
    let holds = 0
    const held = {
      hold: () => {
        holds++
        this.held++
      },
      release: () => {
        if (--holds < 0) throw new Error('more releases than holds')
        this.held--
      },
    }
    const taken = this.dispatcher.frame(client.queue, start, start + frame.length, held)
    if (taken !== 'taken' && this.#at === start + frame.length) this.#at = start
    return taken
  }

  /** Runs everything but the disk and the validator thread, until all are idle. */
  run(): this {
    for (let turns = 0; turns < 1000; turns++) {
      this.dispatcher.publish()
      let work = this.jobs.turn()
      for (const lane of this.lanes) work += lane.turn()
      if (work + this.dispatcher.turn() === 0) return this
    }
    throw new Error('the dispatcher does not become idle')
  }

  /** One turn of the validator thread; returns the amount of work. */
  validate(): number {
    return this.runner.turn()
  }

  /** Also runs the disk. */
  settle(): this {
    for (let turns = 0; turns < 1000; turns++) {
      this.run()
      let written = 0
      for (const lane of this.lanes) written += lane.write()
      if (written === 0) return this.run()
    }
    throw new Error('the pipeline does not become idle')
  }

  /** Runs every timer that is due within `ms`. */
  pass(ms: number): this {
    for (const [id, timer] of [...this.timers]) {
      if (timer.ms > ms) continue
      this.timers.delete(id)
      timer.wake()
    }
    return this.settle()
  }
}
