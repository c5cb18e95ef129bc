import { nodeCodecs } from '../../native-free-io/threads/codecs.ts'
import { below, chance, nextWord, type Prng, prng } from '../../src/base/prng.ts'
import type { Partition } from '../../src/partition/partition.ts'
import { Partition as PartitionClass } from '../../src/partition/partition.ts'
import { replay } from '../../src/partition/replay.ts'
import { laneHeader, narrow, widen } from '../../src/pipeline/lane-words.ts'
import type { Persistence } from '../../src/pipeline/persistence/persistence.ts'
import type { Appender } from '../../src/pipeline/sequencing/appender.ts'
import type { LogCache } from '../../src/pipeline/sequencing/log-cache.ts'
import { Repacker } from '../../src/pipeline/sequencing/repacker.ts'
import type { WalState } from '../../src/ports/lane.ts'
import type { ProducerSnapshot } from '../../src/ports/producers.ts'
import { segmentRow } from '../../src/ports/segment-rows.ts'
import type { TrimPoint } from '../../src/ports/trim-point.ts'
import { WakeSignal } from '../../src/ring/wake-signal.ts'
import type { SegmentEnds } from '../../src/wal/segments.ts'
import { alignBlock, blockBytes, crcStart, walKind, walMagic, walRecord } from '../../src/wal/wal-record.ts'
import type { RecoverySource, recover } from '../../src/wal/wal-recovery.ts'
import { buildBatch } from '../../src/wire/batch-builder.ts'
import { batchHeader } from '../../src/wire/record-batch.ts'
import { type SmallArena, smallArena } from '../unit/pipeline/sequencing/small-arena.ts'
import { Crash, capacity, Disk } from './torn-disk.ts'
import { type Machines, machines } from './wal-machines.ts'
import { type Rates, rates } from './wal-rates.ts'

const logBytes = 1 << 20
const partitionsMax = 4
/** The log is in segments of this size, as far as its trim points are concerned. */
const segments = { bytes: logBytes, from: 0 }
const now = 1_700_000_000_000
/** The secret that a forging client assumes for every log. */
const knownSecret = 0
const forgedPermille = 200
const forgedBytes = 60_000
/** Bytes before the value in such a record: length, attributes, timestamp, offset, no key, length. */
const recordPrefix = 3 + 1 + 1 + 1 + 1 + 3

/** A batch that was sent, acknowledged or not. */
interface Sent {
  readonly partitionId: number
  readonly bytes: Buffer
  baseOffset: number
  readonly count: number
  readonly producer: number
  readonly sequence: number
  durableAt: number
  acknowledged: boolean
}

/**
 * One log over many incarnations: appends, turns of the disk, trims, pins, and crashes. `run` throws when an acknowledged batch is missing,
 * out of order, duplicated or changed.
 */
export class WalWorld {
  readonly #machines: Machines
  readonly #random: Prng
  readonly #arena: SmallArena
  readonly #disk: Disk
  #state: WalState = { capacity, secret: knownSecret, incarnation: 0, trimmed: 0, previous: 0, previousIncarnation: 0 }
  /** Contents of the object store: the log below its trim point. */
  #stored = new Map<number, number>()
  #snapshots = new Map<number, readonly ProducerSnapshot[]>()
  /** By partition: batches that should be in the log, in order. */
  #sent = new Map<number, Sent[]>()
  #sequences = new Map<number, number>()
  #partitions = new Map<number, Partition>()
  #pins = new Map<number, { from: number; bytes: Buffer }>()
  #memory!: LogCache
  #appender!: Appender
  #ends!: SegmentEnds
  #persistence!: Persistence
  #durable = 0
  #rates!: Rates
  readonly figures = { incarnations: 0, appends: 0, recovered: 0, lost: 0, duplicates: 0, laps: 0, trims: 0, segments: 0, full: 0, pins: 0 }

  constructor(seed: number, planted: Partial<Machines> = {}) {
    this.#machines = { ...machines, ...planted }
    this.#random = prng(seed)
    if (this.#machines.salt === 'secret') this.#state = { ...this.#state, secret: nextWord(prng(~seed)) }
    this.#arena = smallArena({ log: logBytes, receive: 1 << 20 })
    this.#disk = new Disk(this.#arena.bytes, this.#random)
    this.#start()
  }

  run(incarnations: number, steps: number): this {
    for (let incarnation = 0; incarnation < incarnations; incarnation++) {
      this.#rates = rates(this.#random)
      for (let step = below(this.#random, steps); step >= 0; step--) this.#step()
      this.#crash()
      this.#start()
    }
    return this
  }

  #step(): void {
    const { publish, persist, trim, pin, unpin } = this.#rates
    this.#append()
    if (chance(this.#random, publish)) this.#publish()
    if (chance(this.#random, persist)) this.#persist()
    if (chance(this.#random, trim)) this.#trim()
    if (chance(this.#random, pin)) this.#pin()
    if (chance(this.#random, unpin)) this.#unpin()
    this.#checkPins()
  }

  #append(): void {
    const p = this.#random
    const id = 1 + below(p, partitionsMax)
    const partition = this.#partitions.get(id)!
    const isIdempotent = id === 1
    const unacknowledged = this.#sent.get(id)!.filter((sent) => !sent.acknowledged)
    if (isIdempotent && unacknowledged.length === 5) return
    const sequence = isIdempotent ? this.#sequences.get(id)! : -1
    const isForged = !isIdempotent && this.#machines.clients === 'forging' && chance(p, forgedPermille)
    const count = isForged ? 1 : 1 + below(p, 3)
    const value = isForged ? this.#forgery(partition) : Buffer.alloc(Math.floor(this.#size() / count), below(p, 256))
    const producer = isIdempotent ? { producerId: BigInt(1000 + id), producerEpoch: 0, baseSequence: sequence } : {}
    const batch = buildBatch(
      Array.from({ length: count }, () => ({ timestamp: BigInt(now), value })),
      producer,
    )
    if (!this.#put(partition, batch)) return
    const { outcome } = this.#appender
    if (outcome.error !== 0) throw new Error(`a good batch was rejected with ${outcome.error}, reason ${outcome.reason}`)
    if (outcome.baseOffset !== partition.next - count) throw new Error('a batch was given an offset that is not the next')
    if (isIdempotent) this.#sequences.set(id, sequence + count)
    const producerId = isIdempotent ? 1000 + id : -1
    const sent = {
      partitionId: id,
      bytes: this.#bytesOf(partition, partition.index.length - 1),
      baseOffset: outcome.baseOffset,
      count,
      sequence,
    }
    this.#sent.get(id)!.push({ ...sent, producer: producerId, durableAt: outcome.durableAt, acknowledged: false })
    this.figures.appends++
  }

  /**
   * A value that contains a log record, at the position where recovery would search for the next record if it had lost only the record with
   * this value. Its author has all data of the log except the secret.
   */
  #forgery(partition: Partition): Buffer {
    const at = this.#memory.end
    const forgedAt = alignBlock(at + walRecord.bytes + 200)
    const inner = buildBatch([{ timestamp: BigInt(now), value: Buffer.from('forged') }])
    inner.writeBigInt64BE(BigInt(partition.next), batchHeader.baseOffset)
    inner.writeInt32BE(partition.leaderEpoch, batchHeader.partitionLeaderEpoch)
    const header = Buffer.alloc(walRecord.bytes)
    header.writeUInt32LE(walMagic, walRecord.magic)
    header.writeBigUInt64LE(BigInt(forgedAt), walRecord.position)
    header.writeBigUInt64LE(BigInt(this.#appender.previous), walRecord.previous)
    header.writeBigInt64LE(BigInt(partition.next), walRecord.baseOffset)
    header.writeUInt32LE(partition.id, walRecord.partitionId)
    header.writeInt32LE(partition.leaderEpoch, walRecord.leaderEpoch)
    header.writeUInt32LE(inner.length, walRecord.length)
    header.writeInt32LE(inner.readInt32BE(batchHeader.crc), walRecord.batchCrc)
    header.writeUInt32LE(this.#state.incarnation, walRecord.incarnation)
    header.writeUInt32LE(walKind.batch, walRecord.kind)
    header.writeInt32LE(this.#sum(header.subarray(crcStart)), walRecord.crc)
    const value = Buffer.alloc(forgedBytes)
    const valueAt = at + walRecord.bytes + batchHeader.bytes + recordPrefix
    Buffer.concat([header, inner]).copy(value, forgedAt - valueAt)
    return value
  }

  #sum(bytes: Buffer): number {
    const { base } = this.#arena.plan.network[0]!.receive
    bytes.copy(this.#arena.bytes, base)
    return this.#arena.kernel.crc(base, bytes.length, knownSecret)
  }

  /** With equal sizes, records of an earlier incarnation fit after those of a later one. */
  #size(): number {
    const p = this.#random
    switch (this.#rates.sizes) {
      case 'equal':
        return 300
      case 'blocks':
        return [100, 700, 4000][below(p, 3)]!
      case 'mixed':
        return chance(p, 30) ? 1000 + below(p, 100_000) : below(p, 9000)
      case 'large':
        return below(p, 60_000)
    }
  }

  /** Returns false when there was no room. */
  #put(partition: Partition, batch: Buffer): boolean {
    const { base } = this.#arena.plan.network[0]!.receive
    batch.copy(this.#arena.bytes, base)
    return this.#appender.append(partition, base, batch.length, 0, now) === undefined
  }

  #publish(): void {
    const end = this.#memory.closeGroup()
    Atomics.store(this.#arena.words, this.#lane + laneHeader.published, narrow(end))
    if (this.#machines.acknowledge === 'published') this.#acknowledge(end)
  }

  #persist(): void {
    this.#persistence.turn()
    const durable = widen(Atomics.load(this.#arena.words, this.#lane + laneHeader.durable), this.#durable)
    if (durable < this.#durable) throw new Error('what is durable became less')
    this.#durable = durable
    this.#memory.setDurable(durable)
    this.#appender.setDurable(durable)
    this.#acknowledge(durable)
  }

  #acknowledge(durable: number): void {
    for (const list of this.#sent.values()) for (const sent of list) if (sent.durableAt <= durable) sent.acknowledged = true
  }

  /**
   * As the uploader does: the durable records are read back, and the producers are saved with them. Or a full segment is stored as the index
   * of its batches, and the trim point is at its end.
   */
  #trim(): void {
    const { trimmed } = this.#state
    const segmentEnd = (Math.floor(trimmed / segments.bytes) + 1) * segments.bytes
    const point = chance(this.#random, 250) ? this.#ends.at(segmentEnd, this.#durable) : undefined
    const until = point?.trimmed ?? trimmed + below(this.#random, this.#durable - trimmed + 1)
    const window = Buffer.alloc(Number(until - trimmed) + (2 << 20))
    const start = Math.floor(trimmed / blockBytes) * blockBytes
    const stored = new Map(this.#stored)
    const source = {
      ...this.#source(window, Number.MAX_SAFE_INTEGER, -start),
      read: (address: number, bytes: number, position: number) => this.#readDisk(window, address, position, bytes),
      sumBatches: false,
      crc: this.#crcOf(window),
    }
    const batches: string[] = []
    const read = this.#machines.readDurable(source, until, (batch) => {
      const end = batch.baseOffset + new DataView(window.buffer).getInt32(batch.address + batchHeader.recordsCount)
      stored.set(batch.partitionId, end)
      batches.push(`${batch.partitionId}: ${batch.baseOffset} to ${end}, ${batch.bytes} bytes at ${batch.position}`)
    })
    if (point !== undefined) this.#checkRows(segmentEnd, batches)
    const state = this.#stateAfter(point ?? read)
    if (state.trimmed === trimmed) return
    this.#stored = stored
    this.#state = state
    this.#snapshots = new Map(Array.from(this.#partitions.values(), (partition) => [partition.id, partition.producers.snapshot()]))
    for (const partition of this.#partitions.values()) partition.dropBelow(state.trimmed)
    this.#ends.dropBelow(state.trimmed)
    this.#memory.setTrimmed(Math.floor(state.trimmed / blockBytes) * blockBytes)
    for (const [id, list] of this.#sent) {
      const kept = list.filter((sent) => sent.baseOffset >= (stored.get(id) ?? 0))
      for (const sent of list) {
        if (!kept.includes(sent) && sent.durableAt > this.#durable) throw new Error('what is not durable was stored')
      }
      this.#sent.set(id, kept)
    }
    this.figures.trims++
  }

  /** The rows of a segment are the batches that were read from it. */
  #checkRows(until: number, batches: readonly string[]): void {
    this.figures.segments++
    const start = until - segments.bytes
    const stored = new Map(Array.from(this.#partitions.keys(), (id) => [id, this.#stored.get(id) ?? 0]))
    const rows = this.#machines.segmentRows(this.#partitions, { start, from: this.#state.trimmed, until, stored })!
    const listed: string[] = []
    for (let at = 0; at < rows.length; at += segmentRow.columns) {
      const [id, base, end, position, bytes] = rows.subarray(at, at + segmentRow.columns)
      listed.push(`${id}: ${base} to ${end}, ${bytes} bytes at ${start + position!}`)
    }
    if (listed.toSorted().join('\n') !== batches.toSorted().join('\n')) throw new Error('the rows of a segment are not its batches')
  }

  #stateAfter(point: TrimPoint): WalState {
    return { ...this.#state, ...point }
  }

  #pin(): void {
    const partition = this.#partitions.get(1 + below(this.#random, partitionsMax))!
    if (partition.index.length === 0 || this.#pins.size >= 4) return
    const from = Math.max(0, partition.index.length - 1 - below(this.#random, 40))
    const to = Math.min(partition.index.length - 1, from + below(this.#random, 20))
    const [start, end] = [partition.index.position(from), partition.index.end(to)]
    if (end > this.#durable || start <= this.#memory.oldest + (64 << 10) || end - start > logBytes / 4) return
    this.figures.pins++
    this.#pins.set(this.#memory.pin(start, end), { from: start, bytes: this.#memoryAt(start, end - start) })
  }

  #unpin(): void {
    for (const id of this.#pins.keys()) {
      if (!chance(this.#random, 300)) continue
      if (chance(this.#random, 500)) this.#narrow(id)
      else {
        this.#memory.unpin(id)
        this.#pins.delete(id)
      }
    }
  }

  /** As a network worker does after it has copied out a part of a pinned range. */
  #narrow(id: number): void {
    const { from, bytes } = this.#pins.get(id)!
    const skipped = below(this.#random, bytes.length)
    const kept = bytes.subarray(skipped, skipped + 1 + below(this.#random, bytes.length - skipped))
    this.#memory.narrow(id, this.#memory.address(from + skipped), kept.length)
    this.#pins.set(id, { from: from + skipped, bytes: kept })
  }

  #checkPins(): void {
    for (const { from, bytes } of this.#pins.values()) {
      if (!this.#memoryAt(from, bytes.length).equals(bytes)) throw new Error('memory was overwritten while it was pinned')
    }
  }

  /** Cuts off the write in progress, if there is one, and discards all state that is not on the disk. */
  #crash(): void {
    this.#disk.crashing = chance(this.#random, 800)
    try {
      if (this.#disk.crashing) this.#persistence.turn()
    } catch (error) {
      if (!(error instanceof Crash)) throw error
    }
    this.#disk.crashing = false
    this.figures.laps = Math.floor(this.#memory.end / capacity)
    this.figures.full += this.#memory.end > this.#state.trimmed + capacity - logBytes / 4 ? 1 : 0
  }

  #start(): void {
    this.figures.incarnations++
    this.#state = { ...this.#state, incarnation: this.#state.incarnation + 1 }
    this.#arena.bytes.fill(0xee, this.#log.base, this.#log.base + logBytes)
    const twice = [this.#recover(), this.#recover()] as const
    if (JSON.stringify(twice[0].recovered) !== JSON.stringify(twice[1].recovered)) throw new Error('two recoveries differ')
    const { recovered, partitions } = twice[1]
    for (let id = 1; id <= partitionsMax; id++) this.#adopt(id, partitions.get(id) ?? new PartitionClass(id))
    const { position, oldest, previous } = recovered
    const place = { ...this.#log, capacity, position, oldest, trimmed: Math.floor(this.#state.trimmed / blockBytes) * blockBytes }
    const wal = { incarnation: this.#state.incarnation, secret: this.#state.secret, previous: Math.max(0, previous) }
    const { plan, view, words, kernel, bytes } = this.#arena
    this.#memory = new this.#machines.LogCache(place, (from, to) => this.#appender.jump(from, to))
    const repacker = new Repacker(bytes, nodeCodecs)
    const { scratch } = plan.lanes[0]!
    this.#appender = new this.#machines.Appender({ kernel, view, memory: this.#memory, repacker, scratch, wal, ends: this.#ends })
    this.#appender.setDurable(position)
    for (const word of [laneHeader.published, laneHeader.durable]) Atomics.store(words, this.#lane + word, narrow(position))
    this.#persistence = new this.#machines.Persistence({
      words,
      lane: this.#lane,
      memory: this.#log,
      file: this.#disk,
      signals: [new WakeSignal(words, plan.lanes[0]!.sequencerSignal)],
      counters: { add: () => {} },
      position,
    })
    this.#durable = position
    this.#pins.clear()
    this.#retry()
  }

  #recover(): { recovered: ReturnType<typeof recover>; partitions: Map<number, Partition> } {
    const partitions = new Map<number, Partition>()
    const { view, kernel, bytes } = this.#arena
    const { base } = this.#log
    const source = {
      ...this.#source(bytes, logBytes, base),
      view,
      crc: kernel.crc,
      searchBase: this.#arena.plan.lanes[0]!.staging.base,
      read: (address: number, count: number, position: number) => this.#readDisk(bytes, address, position, count),
    }
    const ends = new this.#machines.SegmentEnds(segments, this.#state)
    this.#ends = ends
    const recovered = this.#machines.recover(
      source,
      (batch) => {
        replay(partitions, view, batch, new Map())
        this.#checkRecovered(batch.partitionId, batch.baseOffset, bytes.subarray(batch.address, batch.address + batch.bytes))
      },
      (at, incarnation) => ends.note(at, incarnation),
    )
    return { recovered, partitions }
  }

  /** Recovered batches must be the ones sent, in order. */
  #checkRecovered(partitionId: number, baseOffset: number, bytes: Buffer): void {
    const sent = this.#sent.get(partitionId)!.find((each) => each.baseOffset === baseOffset)
    if (sent === undefined)
      throw new Error(`partition ${partitionId} has a batch at offset ${baseOffset} that no client sent, or that is stored`)
    if (!sent.bytes.equals(bytes)) throw new Error(`partition ${partitionId} has another batch at offset ${baseOffset} than was sent`)
  }

  #adopt(id: number, partition: Partition): void {
    const settings = {
      maxMessageBytes: 1 << 20,
      timestampType: 'CreateTime' as const,
      timestampBeforeMaxMs: 2n ** 63n - 1n,
      timestampAfterMaxMs: 3_600_000n,
      compacted: false,
      packing: undefined,
    }
    partition.adopt({ partitionId: id, leaderEpoch: 3, logStartOffset: 0n, settings }, this.#stored.get(id) ?? 0, [])
    partition.producers.restore(this.#snapshots.get(id) ?? [], partition.next)
    this.#partitions.set(id, partition)
    if (!this.#sent.has(id)) {
      this.#sent.set(id, [])
      this.#sequences.set(id, 0)
    }
    for (const sent of this.#sent.get(id)!) {
      const isThere = sent.baseOffset < partition.next
      if (sent.acknowledged && !isThere) throw new Error(`partition ${id}: offset ${sent.baseOffset} was acknowledged and is lost`)
      if (isThere) this.figures.recovered++
      else this.figures.lost++
    }
  }

  /**
   * Producers without an acknowledgement send the same batches again. Each batch must be in the log once, at its former offset if it had
   * one.
   */
  #retry(): void {
    for (const [id, list] of this.#sent) {
      const partition = this.#partitions.get(id)!
      const there = list.filter((sent) => sent.baseOffset < partition.next)
      const unacknowledged = list.filter((sent) => !sent.acknowledged)
      for (const sent of there) sent.acknowledged = true
      this.#sent.set(id, there)
      for (const sent of unacknowledged) {
        if (sent.producer < 0) continue
        const { next } = partition
        const batch = Buffer.from(sent.bytes)
        batch.writeBigInt64BE(0n, batchHeader.baseOffset)
        if (!this.#put(partition, batch)) {
          // The log is full, and torn records occupy room too: the producer abandons the batches and reuses their sequence numbers.
          if (sent.baseOffset < next) continue
          this.#sequences.set(id, sent.sequence)
          break
        }
        const { outcome } = this.#appender
        if (outcome.error !== 0) throw new Error(`a retry was rejected with ${outcome.error}`)
        if (sent.baseOffset < next) {
          if (partition.next !== next || outcome.baseOffset !== sent.baseOffset) throw new Error('a retry was appended twice')
          if (outcome.durableAt > this.#durable) throw new Error('a retry of what was recovered waits for the disk')
          this.figures.duplicates++
        } else {
          sent.baseOffset = outcome.baseOffset
          there.push({ ...sent, bytes: this.#bytesOf(partition, partition.index.length - 1), durableAt: outcome.durableAt })
        }
      }
    }
  }

  #source(memory: Buffer, window: number, base: number): RecoverySource {
    const view = new DataView(memory.buffer, memory.byteOffset, memory.length)
    return {
      ...this.#state,
      window,
      base,
      view,
      crc: this.#arena.kernel.crc,
      sumBatches: true,
      readBytes: 1 << 20,
      searchBase: undefined,
      read: () => {},
    }
  }

  /** The kernel computes CRCs only in the arena: other memory is copied into it. */
  #crcOf(elsewhere: Buffer): RecoverySource['crc'] {
    const { base } = this.#arena.plan.network[0]!.receive
    return (address, bytes, seed) => {
      elsewhere.copy(this.#arena.bytes, base, address, address + bytes)
      return this.#arena.kernel.crc(base, bytes, seed)
    }
  }

  #readDisk(to: Buffer, at: number, position: number, bytes: number): void {
    for (let done = 0; done < bytes; ) {
      const from = (position + done) % capacity
      done += this.#disk.bytes.copy(to, at + done, from, Math.min(capacity, from + bytes - done))
    }
  }

  #bytesOf(partition: Partition, index: number): Buffer {
    return this.#memoryAt(partition.index.position(index), partition.index.bytes(index))
  }

  #memoryAt(position: number, bytes: number): Buffer {
    const at = this.#memory.address(position)
    const inLap = Math.min(bytes, this.#log.base + logBytes - at)
    const { base } = this.#log
    return Buffer.concat([this.#arena.bytes.subarray(at, at + inLap), this.#arena.bytes.subarray(base, base + bytes - inLap)])
  }

  get #lane(): number {
    return this.#arena.plan.lanes[0]!.header
  }
  get #log(): { readonly base: number; readonly bytes: number } {
    return this.#arena.plan.lanes[0]!.log
  }
}
