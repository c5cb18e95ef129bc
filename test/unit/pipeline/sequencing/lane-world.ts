import { nodeCodecs } from '../../../../native-free-io/threads/codecs.ts'
import type { Partition } from '../../../../src/partition/partition.ts'
import type { LaneLayout } from '../../../../src/pipeline/arena-plan.ts'
import { laneHeader } from '../../../../src/pipeline/lane-words.ts'
import { Persistence } from '../../../../src/pipeline/persistence/persistence.ts'
import {
  answerKind,
  append,
  appended,
  appendFlags,
  appendKind,
  fetch,
  fetched,
  fetchedPart,
  fetchedRange,
  fetchedSlice,
  fetchPart,
  readKind,
  where,
} from '../../../../src/pipeline/ring-messages.ts'
import { Appender } from '../../../../src/pipeline/sequencing/appender.ts'
import { LogCache } from '../../../../src/pipeline/sequencing/log-cache.ts'
import { Repacker } from '../../../../src/pipeline/sequencing/repacker.ts'
import { Sequencer } from '../../../../src/pipeline/sequencing/sequencer.ts'
import type { Command, Reply } from '../../../../src/ports/lane-commands.ts'
import type { PartitionId, PartitionSettings } from '../../../../src/ports/partitions.ts'
import { getLong, putLong, RingConsumer, RingProducer } from '../../../../src/ring/ring.ts'
import { WakeSignal } from '../../../../src/ring/wake-signal.ts'
import { buildBatch } from '../../../../src/wire/batch-builder.ts'
import { HeardSignal } from './heard-signal.ts'
import { type SmallArena, smallArena } from './small-arena.ts'

export const now = 1_700_000_000_000

export const settings: PartitionSettings = {
  maxMessageBytes: 1 << 20,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: 2n ** 63n - 1n,
  timestampAfterMaxMs: 3_600_000n,
  compacted: false,
  packing: undefined,
}

export interface AppendAnswer {
  readonly type: 'appended'
  readonly request: number
  readonly part: number
  readonly error: number
  readonly reason: number
  readonly baseOffset: number
  readonly logAppendTime: number
  readonly logStartOffset: number
  readonly durableAt: number
}

export interface FetchAnswer {
  readonly type: 'fetched'
  readonly request: number
  readonly pin: number
  readonly parts: readonly {
    readonly partitionId: number
    readonly error: number
    readonly where: 'none' | 'hot' | 'warm' | 'cold' | 'diverged'
    readonly allowance: number
    readonly highWatermark: number
    readonly logStartOffset: number
    readonly leaderEpoch: number
    /** Bytes of what is hot; bytes and position of what is warm. */
    readonly slices: readonly Buffer[]
    readonly ranges: readonly { position: number; bytes: number }[]
  }[]
}

export interface FetchWish {
  readonly partitionId: number
  readonly offset: number
  readonly maxBytes?: number
  readonly leaderEpoch?: number
  readonly lastFetchedEpoch?: number
}

const defaultLog = 1 << 20

export interface LaneOptions {
  readonly log?: number
  readonly capacity?: number
  readonly answerWords?: number
  readonly appendWords?: number
}

/** An arena for lanes of these sizes. */
export const laneArena = ({ log = defaultLog }: LaneOptions, lanes = 1): SmallArena => smallArena({ log, receive: 4 << 20, lanes })

/** One lane stepped by hand: the sequencer, the persistence stage on a disk that never fails, and one network worker's rings. */
export class LaneWorld {
  readonly arena: SmallArena
  readonly memory: LogCache
  readonly sequencer: Sequencer
  readonly persistence: Persistence
  readonly partitions = new Map<PartitionId, Partition>()
  readonly counted: Record<string, number> = {}
  /** Whether an answer could be seen each time the network worker was rung. */
  readonly rung: boolean[] = []
  readonly #appends: RingProducer
  readonly #reads: RingProducer
  readonly #answers: RingConsumer
  readonly #lane: LaneLayout
  #at: number

  /** `arena` and `index`: one of several lanes. */
  constructor(options: LaneOptions = {}, arena = laneArena(options), index = 0) {
    const { log = defaultLog, capacity = 16 * log } = options
    this.arena = arena
    this.#lane = arena.plan.lanes[index]!
    const { plan, words, view, kernel } = this.arena
    const lane = this.#lane
    const network = plan.network[0]!
    const rings = network.rings[index]!
    const answers = { ...rings.answers, capacityWords: options.answerWords ?? rings.answers.capacityWords }
    const appends = { ...rings.appends, capacityWords: options.appendWords ?? rings.appends.capacityWords }
    this.#appends = new RingProducer(words, appends)
    this.#reads = new RingProducer(words, rings.reads)
    this.#answers = new RingConsumer(words, answers)
    this.#at = network.receive.base
    const place = { ...lane.log, capacity, position: 0, oldest: 0, trimmed: 0 }
    this.memory = new LogCache(place, (from, to) => appender.jump(from, to))
    const repacker = new Repacker(this.arena.bytes, nodeCodecs)
    const wal = { incarnation: 1, secret: 0, previous: 0 }
    const appender = new Appender({ kernel, view, memory: this.memory, repacker, scratch: lane.scratch, wal })
    Atomics.store(words, lane.header + laneHeader.writerIdle, 1)
    const add = (row: string, by: number): void => void (this.counted[row] = (this.counted[row] ?? 0) + by)
    const signal = new HeardSignal(words, network.signal, () => this.rung.push(!this.#answers.empty))
    this.sequencer = new Sequencer({
      words,
      lane: lane.header,
      memory: this.memory,
      appender,
      partitions: this.partitions,
      clients: [
        {
          appends: new RingConsumer(words, appends),
          reads: new RingConsumer(words, rings.reads),
          answers: new RingProducer(words, answers),
          signal,
        },
      ],
      persistence: new WakeSignal(words, lane.persistenceSignal),
      counters: { add },
    })
    this.persistence = new Persistence({
      words,
      lane: lane.header,
      memory: lane.log,
      file: { write: () => true, prepare: () => false },
      signals: [new WakeSignal(words, lane.sequencerSignal)],
      counters: { add: () => {} },
      position: 0,
    })
  }

  command(command: Command): Reply {
    return this.sequencer.execute({ id: 1, command })
  }

  open(partitionId: PartitionId, changed: Partial<PartitionSettings> = {}, leaderEpoch = 5): void {
    const spec = {
      partitionId,
      leaderEpoch,
      logStartOffset: 0n,
      settings: { ...settings, ...changed },
      storedEnd: 0,
      producers: [],
      lost: [],
    }
    this.command({ type: 'open', partitions: [spec] })
  }

  /** Puts a produce frame into the ring, of a batch that the network worker would not check. The bytes stay where they are put. */
  append(partitionId: PartitionId, batch: Buffer, request = 0, flags: number = appendFlags.exempt): void {
    const { base, bytes } = this.arena.plan.network[0]!.receive
    if (this.#at + batch.length > base + bytes) this.#at = base
    batch.copy(this.arena.bytes, this.#at)
    const to = this.#appends.claim(appendKind, append.words)
    const { words } = this.arena
    words[to + append.request] = request
    words[to + append.part] = 0
    words[to + append.partitionId] = partitionId
    words[to + append.address] = this.#at
    words[to + append.bytes] = batch.length
    words[to + append.flags] = flags
    this.#at += Math.ceil(batch.length / 8) * 8
    this.#appends.publish()
  }

  fetch(request: number, parts: readonly FetchWish[], options: { minBytes?: number; maxBytes?: number; wait?: boolean } = {}): void {
    const at = this.#reads.claim(readKind.fetch, fetch.words + parts.length * fetchPart.words)
    const { words } = this.arena
    words[at + fetch.request] = request
    words[at + fetch.minBytes] = options.minBytes ?? 1
    words[at + fetch.maxBytes] = options.maxBytes ?? 50 << 20
    words[at + fetch.wait] = options.wait ? 1 : 0
    words[at + fetch.parts] = parts.length
    parts.forEach((part, i) => {
      const to = at + fetch.words + i * fetchPart.words
      words[to + fetchPart.partitionId] = part.partitionId
      putLong(words, to + fetchPart.offset, part.offset)
      words[to + fetchPart.maxBytes] = part.maxBytes ?? 1 << 20
      words[to + fetchPart.leaderEpoch] = part.leaderEpoch ?? -1
      words[to + fetchPart.lastFetchedEpoch] = part.lastFetchedEpoch ?? -1
    })
    this.#reads.publish()
  }

  expire(request: number): void {
    this.#send(readKind.expire, request)
  }
  release(pin: number): void {
    this.#send(readKind.release, pin, 0, 0)
  }

  #send(kind: number, ...body: number[]): void {
    this.arena.words.set(body, this.#reads.claim(kind, body.length))
    this.#reads.publish()
  }

  get isCrowded(): boolean {
    return Atomics.load(this.arena.words, this.#lane.header + laneHeader.answersBlocked) === 1
  }

  turn(): number {
    return this.sequencer.turn(now)
  }
  /** The disk does one write. */
  write(): number {
    return this.persistence.turn()
  }
  /** Sequencer and disk until both are idle. */
  settle(): this {
    for (let turns = 0; turns < 10_000; turns++) if (this.turn() + this.write() + this.turn() === 0) return this
    throw new Error('the lane does not come to rest')
  }

  answers(): (AppendAnswer | FetchAnswer)[] {
    const found: (AppendAnswer | FetchAnswer)[] = []
    this.#answers.drain((kind, at) => {
      found.push(kind === answerKind.appended ? this.#appended(at) : this.#fetched(at))
      return true
    }, 100_000)
    return found
  }
  appended(): AppendAnswer[] {
    return this.answers().filter((answer) => answer.type === 'appended')
  }
  fetched(): FetchAnswer[] {
    return this.answers().filter((answer) => answer.type === 'fetched')
  }

  /** A disk that has a write in progress. */
  set isDiskBusy(value: boolean) {
    Atomics.store(this.arena.words, this.#lane.header + laneHeader.writerIdle, value ? 0 : 1)
  }
  /** The state of the disk, as the other stages see it. */
  get durable(): number {
    return Atomics.load(this.arena.words, this.#lane.header + laneHeader.durable) * 4096
  }
  trim(position: number): void {
    this.command({ type: 'stored', position })
    Atomics.store(this.arena.words, this.#lane.header + laneHeader.trimmed, Math.floor(position / 4096))
  }

  #appended(at: number): AppendAnswer {
    const { words } = this.arena
    const [int, long] = [(field: number) => words[at + field]!, (field: number) => getLong(words, at + field)]
    return {
      type: 'appended',
      request: int(appended.request),
      part: int(appended.part),
      error: int(appended.error),
      reason: int(appended.reason),
      baseOffset: long(appended.baseOffset),
      logAppendTime: long(appended.logAppendTime),
      logStartOffset: long(appended.logStartOffset),
      durableAt: long(appended.durableAt),
    }
  }

  #fetched(at: number): FetchAnswer {
    const { words, bytes } = this.arena
    const parts: FetchAnswer['parts'][number][] = []
    let from = at + fetched.words
    for (let i = 0; i < words[at + fetched.parts]!; i++) {
      const place = words[from + fetchedPart.where]!
      const count = words[from + fetchedPart.count]!
      const slices: Buffer[] = []
      const ranges: { position: number; bytes: number }[] = []
      const fixed = from
      from += fetchedPart.words
      for (let n = 0; n < count; n++) {
        if (place === where.hot) {
          const address = words[from + fetchedSlice.address]!
          slices.push(Buffer.from(bytes.subarray(address, address + words[from + fetchedSlice.bytes]!)))
          from += fetchedSlice.words
        } else {
          ranges.push({ position: getLong(words, from + fetchedRange.position), bytes: words[from + fetchedRange.bytes]! })
          from += fetchedRange.words
        }
      }
      parts.push({
        partitionId: words[fixed + fetchedPart.partitionId]!,
        error: words[fixed + fetchedPart.error]!,
        where: (['none', 'hot', 'warm', 'cold', 'diverged'] as const)[place]!,
        allowance: words[fixed + fetchedPart.allowance]!,
        highWatermark: getLong(words, fixed + fetchedPart.highWatermark),
        logStartOffset: getLong(words, fixed + fetchedPart.logStartOffset),
        leaderEpoch: words[fixed + fetchedPart.leaderEpoch]!,
        slices,
        ranges,
      })
    }
    return { type: 'fetched', request: words[at + fetched.request]!, pin: words[at + fetched.pin]!, parts }
  }
}

/** A batch of `count` records that takes `bytes` in all, or a little more where that is too few. */
export function batchOf(count: number, bytes: number, producer: Partial<Parameters<typeof buildBatch>[1]> = {}): Buffer {
  const valueBytes = Math.max(0, Math.floor((bytes - 61) / count) - 12)
  return buildBatch(
    Array.from({ length: count }, (_, i) => ({
      timestamp: BigInt(now),
      key: Buffer.from([i & 0xff]),
      value: Buffer.alloc(valueBytes, i + 1),
    })),
    producer,
  )
}

/** A lane that has one partition with `count` batches of ten records, and room in front of them so that they are hot. */
export function filled(count: number, bytes = 2048): LaneWorld {
  const world = new LaneWorld()
  world.open(9)
  for (let i = 0; i < 2; i++) world.append(9, batchOf(1, 60 * 1024))
  world.open(1)
  for (let i = 0; i < count; i++) world.append(1, batchOf(10, bytes))
  world.settle().answers()
  return world
}
