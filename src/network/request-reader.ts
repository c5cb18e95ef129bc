import { assert } from '../base/assert.ts'
import type { ByteBudget } from '../base/byte-budget.ts'
import type { ReceiveBuffers } from './receive-buffers.ts'
import { requestBytesMaxOf } from './request-limits.ts'
import type { Admission, HeldBytes, RequestQueue } from './request-queue.ts'

const sizeBytes = 4
const apiKeyBytes = 2
const segmentBytesMin = 64 << 10
/** Above this size, a segment is only as large as one frame requires. */
const segmentBytesMax = 4 << 20
/** Minimum number of frames per segment, so that few frames are split at its end. */
const framesPerSegment = 8
/** Memory for a larger frame is allocated only as its bytes arrive. */
const trustedBytes = 1 << 20
/** Maximum size of one read from the kernel. */
const windowBytesMax = 512 << 10
const none = Buffer.alloc(0)

/** A block of the receive buffers. It is released when its connection has left it and all its frames are processed. */
class Segment implements HeldBytes {
  readonly base: number
  readonly bytes: number
  readonly #memory: ReceiveBuffers
  /** Requests in it that are in progress. */
  #holds = 0
  #isLeft = false

  constructor(memory: ReceiveBuffers, base: number, bytes: number) {
    this.#memory = memory
    this.base = base
    this.bytes = bytes
  }

  get end(): number {
    return this.base + this.bytes
  }
  /** No request in progress uses the segment. */
  get isOwn(): boolean {
    return this.#holds === 0
  }
  hold(): void {
    if (this.#holds++ === 0) this.#memory.heldBytes += this.bytes
  }
  release(): void {
    assert(this.#holds > 0, 'a segment is released once for each hold')
    if (--this.#holds > 0) return
    this.#memory.heldBytes -= this.bytes
    if (this.#isLeft) this.#memory.release(this.base, this.bytes)
  }
  /** The connection releases the segment. */
  leave(): void {
    this.#isLeft = true
    if (this.isOwn) this.#memory.release(this.base, this.bytes)
  }
}

export interface RequestReaderParts {
  readonly memory: ReceiveBuffers
  /** The arena, from address 0. */
  readonly bytes: Buffer
  readonly view: DataView
  /** Shared read buffer of connections without a segment: received bytes are moved before another connection reads. */
  readonly scratch: { readonly base: number; readonly bytes: number }
  /** Buffer for bytes received without free memory, shared by all connections of a network worker. */
  readonly spill: ByteBudget
  /** `socket.request.max.bytes` */
  readonly requestBytesMax: number
  frame(queue: RequestQueue, start: number, end: number, held: HeldBytes): Admission
  /** Number of bytes that were moved. */
  onCopy(bytes: number): void
}

/** Result of receiving bytes. `pause`: a frame is deferred, and the gate of the connection states the reason. */
export type Received = 'read' | 'pause' | { readonly close: string }

/**
 * Splits the bytes of one connection into frames in place. A frame is contiguous, because a read ends at the end of a segment.
 * The part of a frame that does not fit is moved to the next segment; there is no other copy.
 *
 * Absent: memory of its own for a connection without requests in progress.
 */
export class RequestReader {
  readonly #parts: RequestReaderParts
  readonly #queue: RequestQueue
  #segment: Segment | undefined
  /** Start of the first unprocessed frame, and end of the received bytes. */
  #start = 0
  #fill = 0
  /** Size of the last frame, with its size field: the estimate for the next one. */
  #usual = 0
  /** Number of frames accepted so far. */
  frames = 0
  /** Bytes received without free memory; there is no segment at the same time. */
  #spill: Buffer | undefined

  constructor(parts: RequestReaderParts, queue: RequestQueue) {
    this.#parts = parts
    this.#queue = queue
  }

  /** A frame is incomplete. */
  get isMidFrame(): boolean {
    return this.#fill > this.#start || this.#spill !== undefined
  }

  /**
   * Target of the next read: an address and a size that is never 0. While the gate is closed, bytes arrive outside the segment, since a
   * retry may release it.
   */
  window(): { readonly at: number; readonly bytes: number } {
    const segment = this.#segment
    if (segment === undefined || !this.#queue.gate.isOpen || this.#fill === segment.end) {
      return { at: this.#parts.scratch.base, bytes: this.#parts.scratch.bytes }
    }
    return { at: this.#fill, bytes: Math.min(windowBytesMax, this.#readEnd(segment) - this.#fill) }
  }

  /** `bytes` have arrived at `at`, the last address that `window` returned. */
  received(at: number, bytes: number): Received {
    if (this.#spill !== undefined) return this.#keep(this.#parts.bytes.subarray(at, at + bytes))
    if (this.#segment === undefined || at !== this.#fill) return this.#moveIn(this.#parts.bytes.subarray(at, at + bytes))
    this.#fill += bytes
    assert(this.#fill <= this.#segment.end, 'received bytes are within the segment')
    return this.#cut()
  }

  /** Continues with the bytes that remained when reads were paused. */
  retry(): Received {
    return this.#spill === undefined ? this.#cut() : this.#moveIn(this.#spill)
  }

  /** Releases an empty segment. Returns true if it did: the last window is then invalid. */
  rest(): boolean {
    if (this.#segment === undefined || this.isMidFrame) return false
    this.#segment.leave()
    this.#segment = undefined
    return true
  }

  close(): void {
    this.#segment?.leave()
    this.#segment = undefined
    this.#dropSpill()
    this.#start = this.#fill = 0
  }

  /** Moves bytes that arrived outside the segment into it, or into a larger one. */
  #moveIn(bytes: Buffer): Received {
    if (this.#segment === undefined || bytes.length > this.#segment.end - this.#fill) {
      // One more byte, so that the segment is not full at once.
      const needed = bytes.length + this.#fill - this.#start + 1
      const segment = this.#take(Math.max(needed, this.#sizeWanted())) ?? this.#take(needed)
      if (segment !== undefined) this.#moveTo(segment)
      else if (!this.#growTo(needed)) return bytes === this.#spill ? this.#pause() : this.#starve(bytes)
    }
    this.#parts.bytes.set(bytes, this.#fill)
    this.#dropSpill()
    this.#fill += bytes.length
    this.#parts.onCopy(bytes.length)
    return this.#cut()
  }

  #cut(): Received {
    const { view, requestBytesMax, memory } = this.#parts
    while (this.#fill - this.#start >= sizeBytes) {
      const size = view.getInt32(this.#start)
      if (size <= 0 || size > requestBytesMax) return { close: `a request of ${size} bytes` }
      if (sizeBytes + size > memory.bytes) return { close: `a request of ${size} bytes, larger than the receive buffers` }
      if (this.#fill - this.#start >= sizeBytes + apiKeyBytes) {
        const apiKey = view.getInt16(this.#start + sizeBytes)
        const most = requestBytesMaxOf(apiKey, requestBytesMax)
        if (size > most) return { close: `a request of ${size} bytes with API key ${apiKey}: the maximum is ${most}` }
      }
      const end = this.#start + sizeBytes + size
      if (end > this.#fill) break
      const taken = this.#parts.frame(this.#queue, this.#start + sizeBytes, end, this.#segment!)
      if (taken !== 'taken') return 'pause'
      this.#usual = sizeBytes + size
      this.#start = end
      this.frames++
    }
    return this.#makeRoom()
  }

  /** Ensures that there is room for the next read. */
  #makeRoom(): Received {
    const segment = this.#segment
    if (segment === undefined) return 'read'
    const partial = this.#fill - this.#start
    if (partial === 0 && segment.isOwn) {
      this.#start = this.#fill = segment.base
      if (segment.bytes >= this.#sizeWanted() || this.#usual <= segmentBytesMin / framesPerSegment) return 'read'
    }
    const needed = Math.min(this.#needed(partial), Math.max(trustedBytes, 2 * this.#usual, 4 * partial))
    if (this.#start + needed <= segment.end) return 'read'
    const next = this.#take(Math.max(needed, this.#sizeWanted())) ?? this.#take(Math.max(needed, partial + 1))
    if (next !== undefined) this.#moveTo(next)
    else if (this.#fill === segment.end && !this.#growTo(partial + 1)) return this.#starve(none)
    return 'read'
  }

  /** Size of the frame at `#start`, from its size field, or else of the previous frame. */
  #needed(partial: number): number {
    return partial >= sizeBytes ? sizeBytes + this.#parts.view.getInt32(this.#start) : Math.max(this.#usual, sizeBytes)
  }

  /**
   * Called when no memory is free. Keeps the incomplete frame in the spill buffer, and releases the segment when its frames are processed.
   * A waiting connection occupies no receive buffer.
   */
  #starve(more: Buffer): Received {
    const partial = this.#parts.bytes.subarray(this.#start, this.#fill)
    const kept = this.#keep(more.length === 0 ? partial : Buffer.concat([partial, more]))
    this.#segment?.leave()
    this.#segment = undefined
    this.#start = this.#fill = 0
    return kept
  }

  /** Moves bytes to the spill buffer until there is memory. A connection that finds it full is closed, which frees memory for others. */
  #keep(bytes: Buffer): Received {
    if (!this.#parts.spill.take(bytes.length)) return { close: 'too many incomplete requests: the receive buffers are full' }
    this.#spill = this.#spill === undefined ? Buffer.from(bytes) : Buffer.concat([this.#spill, bytes])
    return this.#pause()
  }

  #pause(): Received {
    this.#queue.gate.pause('receive-memory')
    return 'pause'
  }

  #dropSpill(): void {
    this.#parts.spill.release(this.#spill?.length ?? 0)
    this.#spill = undefined
  }

  /** Grows the segment to `bytes` from `#start` by merging it with its neighbours: a large frame needs no second area to move to. */
  #growTo(bytes: number): boolean {
    for (let segment = this.#segment; segment === undefined || segment.end - this.#start < bytes; segment = this.#segment) {
      const { memory } = this.#parts
      const base = segment?.isOwn && memory.hasSpare(segment.bytes) ? memory.grow(segment.base, segment.bytes) : -1
      if (segment === undefined || base < 0) return false
      this.#parts.bytes.copyWithin(base, this.#start, this.#fill)
      this.#segment = new Segment(memory, base, 2 * segment.bytes)
      this.#fill += base - this.#start
      this.#start = base
    }
    return true
  }

  #moveTo(segment: Segment): void {
    const partial = this.#fill - this.#start
    if (partial > 0) {
      this.#parts.bytes.copyWithin(segment.base, this.#start, this.#fill)
      this.#parts.onCopy(partial)
    }
    this.#segment?.leave()
    this.#segment = segment
    this.#start = segment.base
    this.#fill = segment.base + partial
  }

  #take(bytes: number): Segment | undefined {
    const { memory } = this.#parts
    const size = memory.sizeFor(bytes)
    if (size === undefined || (size > segmentBytesMin && !memory.hasSpare(size))) return undefined
    const base = memory.take(size)
    return base < 0 ? undefined : new Segment(memory, base, size)
  }

  #sizeWanted(): number {
    return Math.max(segmentBytesMin, Math.min(segmentBytesMax, this.#usual * framesPerSegment), this.#usual)
  }

  /** Reads stop where the end of the segment would split the next frame: that frame starts in the next segment. */
  #readEnd(segment: Segment): number {
    const partial = this.#fill - this.#start
    if (partial < sizeBytes) return segment.end
    const end = this.#start + sizeBytes + this.#parts.view.getInt32(this.#start)
    return end > this.#fill && end + this.#usual > segment.end ? Math.min(end, segment.end) : segment.end
  }
}
