import type { Allowance } from '../base/allowance.ts'
import type { ReceiveMemory } from '../pipeline/receive-memory.ts'
import type { Channel, Held } from './channel.ts'
import type { Taken } from './frontend.ts'
import { requestBytesMaxOf } from './request-limits.ts'

const sizeBytes = 4
const apiKeyBytes = 2
const segmentBytesMin = 64 << 10
/** Beyond this a segment is only as large as one frame needs. */
const segmentBytesMax = 4 << 20
/** Frames that a segment should have room for, so that few are cut by its end. */
const framesPerSegment = 8
/** A frame that claims to be larger gets its memory as it arrives. */
const trustedBytes = 1 << 20
/** The most that is asked of the kernel at a time. */
const windowBytesMax = 512 << 10
const none = Buffer.alloc(0)

/** A block of receive memory. It is given back when its connection has left it and every frame in it is done with. */
class Segment implements Held {
  readonly base: number
  readonly bytes: number
  readonly #memory: ReceiveMemory
  /** Requests in it that are under way. */
  #holds = 0
  #isLeft = false

  constructor(memory: ReceiveMemory, base: number, bytes: number) {
    this.#memory = memory
    this.base = base
    this.bytes = bytes
  }

  get end(): number {
    return this.base + this.bytes
  }
  /** Nobody but the connection itself needs it. */
  get isOwn(): boolean {
    return this.#holds === 0
  }
  hold(): void {
    if (this.#holds++ === 0) this.#memory.heldBytes += this.bytes
  }
  release(): void {
    if (--this.#holds > 0) return
    this.#memory.heldBytes -= this.bytes
    if (this.#isLeft) this.#memory.give(this.base, this.bytes)
  }
  /** Its connection has no use for it any more. */
  leave(): void {
    this.#isLeft = true
    if (this.isOwn) this.#memory.give(this.base, this.bytes)
  }
}

export interface IntakeParts {
  readonly memory: ReceiveMemory
  /** Of the arena, at address 0. */
  readonly bytes: Buffer
  readonly view: DataView
  /** Where connections without a segment read to: what arrives is moved before anybody else reads. */
  readonly landing: { readonly base: number; readonly bytes: number }
  /** For what arrived when there was no memory, of all connections of a network worker. */
  readonly stash: Allowance
  /** `socket.request.max.bytes` */
  readonly requestBytesMax: number
  frame(channel: Channel, start: number, end: number, held: Held): Taken
  /** Bytes that had to be moved. */
  onCopy(bytes: number): void
}

/** What became of received bytes. `pause`: read no more until `retry` says `read`. */
export type Received = 'read' | 'pause' | { readonly close: string }

/**
 * Cuts the bytes of one connection into frames, where they lie. A frame lies in one piece because reads end where a
 * segment ends; the part of a frame that does not fit is moved to the next segment, the only copy there is.
 *
 * Absent: any memory of its own for a connection that has nothing under way.
 */
export class Intake {
  readonly #parts: IntakeParts
  readonly #channel: Channel
  #segment: Segment | undefined
  /** Start of the first frame that is not done with, and end of what has arrived. */
  #start = 0
  #fill = 0
  /** Bytes of the last frame, its size included: what the next one probably takes. */
  #usual = 0
  /** Frames taken so far. */
  frames = 0
  /** What arrived when there was no memory; then there is no segment either. */
  #stash: Buffer | undefined
  /** Until `retry`, which may leave the segment: what is still read meanwhile lands outside. */
  #isPaused = false

  constructor(parts: IntakeParts, channel: Channel) {
    this.#parts = parts
    this.#channel = channel
  }

  /** A frame has begun and is not whole. */
  get isMidFrame(): boolean {
    return this.#fill > this.#start || this.#stash !== undefined
  }

  /** Where the next bytes go: an address and a size that is never 0. */
  window(): { readonly at: number; readonly bytes: number } {
    const segment = this.#segment
    if (segment === undefined || this.#isPaused || this.#fill === segment.end) {
      return { at: this.#parts.landing.base, bytes: this.#parts.landing.bytes }
    }
    return { at: this.#fill, bytes: Math.min(windowBytesMax, this.#readEnd(segment) - this.#fill) }
  }

  /** `bytes` have arrived at `at`, the address that `window` gave last. */
  received(at: number, bytes: number): Received {
    if (this.#stash !== undefined) return this.#noting(this.#keep(this.#parts.bytes.subarray(at, at + bytes)))
    if (this.#segment === undefined || at !== this.#fill) return this.#noting(this.#land(this.#parts.bytes.subarray(at, at + bytes)))
    this.#fill += bytes
    return this.#noting(this.#cut())
  }

  /** Goes on with what was left when a read was paused. */
  retry(): Received {
    return this.#noting(this.#stash === undefined ? this.#cut() : this.#land(this.#stash))
  }

  /** Gives an empty segment back. True when it did: the window that was given last is no longer to be read to. */
  rest(): boolean {
    if (this.#segment === undefined || this.isMidFrame) return false
    this.#segment.leave()
    this.#segment = undefined
    return true
  }

  close(): void {
    this.#segment?.leave()
    this.#segment = undefined
    this.#unstash()
    this.#start = this.#fill = 0
  }

  #noting(received: Received): Received {
    this.#isPaused = received === 'pause'
    return received
  }

  /** Moves bytes that arrived outside the segment into it, or into a larger one. */
  #land(bytes: Buffer): Received {
    if (this.#segment === undefined || bytes.length > this.#segment.end - this.#fill) {
      // One byte more, or it would be full and in want again.
      const needed = bytes.length + this.#fill - this.#start + 1
      const segment = this.#take(Math.max(needed, this.#sizeWanted())) ?? this.#take(needed)
      if (segment !== undefined) this.#moveTo(segment)
      else if (!this.#growTo(needed)) return bytes === this.#stash ? 'pause' : this.#starve(bytes)
    }
    this.#parts.bytes.set(bytes, this.#fill)
    this.#unstash()
    this.#fill += bytes.length
    this.#parts.onCopy(bytes.length)
    return this.#cut()
  }

  #cut(): Received {
    const { view, requestBytesMax, memory } = this.#parts
    while (this.#fill - this.#start >= sizeBytes) {
      const size = view.getInt32(this.#start)
      if (size <= 0 || size > requestBytesMax) return { close: `a request of ${size} bytes` }
      if (sizeBytes + size > memory.bytes) return { close: `a request of ${size} bytes, which receive memory has no room for` }
      if (this.#fill - this.#start >= sizeBytes + apiKeyBytes) {
        const apiKey = view.getInt16(this.#start + sizeBytes)
        const most = requestBytesMaxOf(apiKey, requestBytesMax)
        if (size > most) return { close: `a request of ${size} bytes with API key ${apiKey}, which may have ${most}` }
      }
      const end = this.#start + sizeBytes + size
      if (end > this.#fill) break
      const taken = this.#parts.frame(this.#channel, this.#start + sizeBytes, end, this.#segment!)
      if (taken === 'later') return 'pause'
      if (taken === 'closed') return 'pause'
      this.#usual = sizeBytes + size
      this.#start = end
      this.frames++
    }
    return this.#makeRoom()
  }

  /** Sees to it that the next read has somewhere to go. */
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

  /** Bytes of the frame at `#start`, as it says, or as the last one was. */
  #needed(partial: number): number {
    return partial >= sizeBytes ? sizeBytes + this.#parts.view.getInt32(this.#start) : Math.max(this.#usual, sizeBytes)
  }

  /** There is no memory for more: keep what is left of the frame, give the segment back when its frames are done. Whoever waits holds none. */
  #starve(more: Buffer): Received {
    const partial = this.#parts.bytes.subarray(this.#start, this.#fill)
    const kept = this.#keep(more.length === 0 ? partial : Buffer.concat([partial, more]))
    this.#segment?.leave()
    this.#segment = undefined
    this.#start = this.#fill = 0
    return kept
  }

  /** Keeps bytes aside until there is memory. Those who find no room even for that give up what they have for the others. */
  #keep(bytes: Buffer): Received {
    if (!this.#parts.stash.take(bytes.length)) return { close: 'too many requests have arrived in part: there is no receive memory left' }
    this.#stash = this.#stash === undefined ? Buffer.from(bytes) : Buffer.concat([this.#stash, bytes])
    return 'pause'
  }

  #unstash(): void {
    this.#parts.stash.give(this.#stash?.length ?? 0)
    this.#stash = undefined
  }

  /** Has the segment hold `bytes` from `#start` on, by joining it with its neighbours: a large frame needs no second room to move to. */
  #growTo(bytes: number): boolean {
    for (let segment = this.#segment; segment === undefined || segment.end - this.#start < bytes; segment = this.#segment) {
      const { memory } = this.#parts
      const base = segment?.isOwn && memory.isLavish(segment.bytes) ? memory.grow(segment.base, segment.bytes) : -1
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
    if (size === undefined || (size > segmentBytesMin && !memory.isLavish(size))) return undefined
    const base = memory.take(size)
    return base < 0 ? undefined : new Segment(memory, base, size)
  }

  #sizeWanted(): number {
    return Math.max(segmentBytesMin, Math.min(segmentBytesMax, this.#usual * framesPerSegment), this.#usual)
  }

  /** Reads stop where the next frame would be cut by the end of the segment: it begins in the next one instead. */
  #readEnd(segment: Segment): number {
    const partial = this.#fill - this.#start
    if (partial < sizeBytes) return segment.end
    const end = this.#start + sizeBytes + this.#parts.view.getInt32(this.#start)
    return end > this.#fill && end + this.#usual > segment.end ? Math.min(end, segment.end) : segment.end
  }
}
