import { getU64 } from '../../base/long.ts'
import type { WakeSignal } from '../../ring/wake-signal.ts'
import type { ChainContent } from '../../wal/s3/s3-wal-writer.ts'
import { alignBlock, blockBytes, type TrimPoint, walMagic, walRecord } from '../../wal/wal-record.ts'
import { laneHeader, narrow, widen } from '../lane-words.ts'
import type { PersistenceCounters } from './persistence.ts'

export interface StorePersistenceParts {
  readonly words: Int32Array
  readonly lane: number
  /** Log memory. */
  readonly memory: { readonly base: number; readonly bytes: number }
  /** The arena. */
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Whoever acts on progress: the sequencer first, then the network workers. */
  readonly signals: readonly WakeSignal[]
  readonly counters: PersistenceCounters
  /** Where the log goes on. */
  readonly position: number
  readonly cut: TrimPoint
  readonly secret: number
  readonly batchIntervalMs: number
  readonly batchBytesMax: number
  readonly uploadsMax: number
  /** CRC-32C of a region of the arena. */
  crc(address: number, bytes: number): number
  /** Resolves when the object and all before it are stored. */
  append(content: ChainContent): Promise<void>
  after(ms: number, wake: () => void): void
}

/**
 * Makes groups durable as objects of a store, several on their way at a time, straight out of log memory.
 *
 * An object is begun when there is enough for one, or when the last was begun a while ago. Until then the sequencer is not
 * asked for what it has, since what it hands over begins on a block of its own: it is asked when there is an object for it.
 */
export class StorePersistence {
  readonly #parts: StorePersistenceParts
  #cut: TrimPoint
  #sent: number
  #durable: number
  /** The last object was begun long enough ago. */
  #due = true
  #uploads = 0

  constructor(parts: StorePersistenceParts) {
    this.#parts = parts
    this.#cut = parts.cut
    this.#sent = parts.position
    this.#durable = parts.position
  }

  /** Begins the objects that are to begin now. */
  turn(): void {
    while (this.#isToBegin()) this.#begin()
    this.#setHungry()
  }

  /** Nothing to do until a signal rings. */
  get idle(): boolean {
    return !this.#isToBegin()
  }

  /** All that is published is durable, and nothing is on its way. */
  get isDone(): boolean {
    return this.#published() === this.#durable && this.#uploads === 0
  }

  /** What lies below is stored elsewhere. Every object that begins from now on says so, and one of its own if none would. */
  trim(cut: TrimPoint): void {
    const isIdle = this.#published() === this.#sent
    const end = alignBlock(cut.trimmed)
    // A group ends with its last block, which its records need not fill: then nothing of that block is needed either.
    const isAll = isIdle && end === this.#sent && !this.#hasRecord(cut.trimmed)
    this.#cut = isAll ? { ...cut, trimmed: end } : cut
    if (isIdle) this.#append(0)
  }

  #hasRecord(position: number): boolean {
    const { memory, view } = this.#parts
    if (position % blockBytes > blockBytes - walRecord.bytes) return false
    const header = memory.base + (position % memory.bytes)
    return view.getUint32(header + walRecord.magic, true) === walMagic && getU64(view, header + walRecord.position) === position
  }

  /** What is there goes out at once. */
  hurry(): void {
    this.#due = true
    this.turn()
  }

  #isToBegin(): boolean {
    const waiting = this.#published() - this.#sent
    return waiting > 0 && this.#uploads < this.#parts.uploadsMax && (this.#due || waiting >= this.#parts.batchBytesMax)
  }

  #begin(): void {
    const { memory, batchBytesMax, batchIntervalMs, after } = this.#parts
    const waiting = this.#published() - this.#sent
    const toLapEnd = memory.bytes - (this.#sent % memory.bytes)
    const bytes = Math.min(waiting, batchBytesMax, toLapEnd)
    // What the end of the lap cuts off goes with what follows it.
    this.#due &&= bytes < waiting && bytes === toLapEnd
    this.#append(bytes)
    after(batchIntervalMs, () => {
      this.#due = true
      this.turn()
    })
  }

  #append(bytes: number): void {
    const { memory, secret, append, crc, counters, bytes: arena } = this.#parts
    const position = this.#sent
    const address = memory.base + (position % memory.bytes)
    this.#sent += bytes
    this.#uploads++
    const end = this.#sent
    const done = append({
      kind: 'piece',
      mark: { ...this.#cut, position, secret, window: memory.bytes },
      pieces: bytes === 0 ? [] : [arena.subarray(address, address + bytes)],
      bodyBytes: bytes,
      bodyCrc: crc(address, bytes) >>> 0,
      end,
      dropBelow: Math.floor(this.#cut.trimmed / blockBytes) * blockBytes,
    })
    counters.add('writes', 1)
    counters.add('bytes', bytes)
    void done.then(() => this.#stored(end))
  }

  #stored(end: number): void {
    const { words, lane, signals } = this.#parts
    this.#uploads--
    this.#durable = end
    Atomics.store(words, lane + laneHeader.durable, narrow(end))
    this.turn()
    for (const signal of signals) signal.ring()
  }

  /** The sequencer hands over what it has while this is set. */
  #setHungry(): void {
    const { words, lane, signals, uploadsMax } = this.#parts
    const idle = this.#due && this.#uploads < uploadsMax ? 1 : 0
    if (Atomics.exchange(words, lane + laneHeader.writerIdle, idle) === 0 && idle === 1) signals[0]!.ring()
  }

  #published(): number {
    const { words, lane } = this.#parts
    return widen(Atomics.load(words, lane + laneHeader.published), this.#sent)
  }
}
