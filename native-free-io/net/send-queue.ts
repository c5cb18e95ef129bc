import type { Socket } from 'node:net'
import type { ByteBudget } from '../../src/base/byte-budget.ts'
import type { BufferLease } from '../../src/network/request-queue.ts'

/** Responses below this are copied together and sent as one. */
const coalesceBytesMax = 16 << 10
/**
 * The socket has at most this much at a time, since what it has cannot be taken back. Measured on loopback with answers of
 * 8 MiB: all at once 4.6 GiB/s, 1 MiB at a time 4.5, 256 KiB 2.6, 64 KiB 1.4.
 */
export const windowBytes = 1 << 20

/** Parts that are sent one after another, and what is to be given back when they are. */
interface PendingWrite {
  /** What the socket has not got. */
  parts: Uint8Array[]
  readonly lease: BufferLease | undefined
  /** The lease is as it was made: nothing has been copied out. */
  isLent: boolean
  readonly since: number
  /** Ranges of the arena that the socket has and its client has not taken. */
  readonly flying: Set<Range>
  /** Bytes of slow memory that it has. */
  copied: number
}

interface Range {
  start: number
  end: number
}

/**
 * What one client is owed, in order. Parts are sent from where they lie; those that lie in memory of the log and that the
 * client does not take in time are copied out, so that the log has its memory back.
 *
 * Invariant: of a pending's lease, only what is in `parts` and in `flying` is read.
 */
export class SendQueue {
  readonly #socket: Socket
  readonly #arena: ArrayBufferLike
  /** For what is copied out, of all connections of a network worker. */
  readonly #slow: ByteBudget
  readonly #writes: PendingWrite[] = []
  /** Given to the socket as a whole, not yet taken by the client. */
  readonly #given = new Set<PendingWrite>()
  readonly #onTaken: () => void
  #bytes = 0

  /** `arena` is the memory that leases are of. `onTaken` hears when the client has taken something. */
  constructor(socket: Socket, arena: ArrayBufferLike, slow: ByteBudget, onTaken: () => void) {
    this.#onTaken = onTaken
    this.#socket = socket
    this.#arena = arena
    this.#slow = slow
  }

  get unsentBytes(): number {
    return this.#bytes + this.#socket.writableLength
  }

  /** Some of what it holds lies in memory that is lent, and waits for the client. */
  get isLate(): boolean {
    const isLent = (pending: PendingWrite): boolean => pending.isLent
    return this.#writes.some(isLent) || (this.#socket.writableLength > 0 && [...this.#given].some(isLent))
  }

  /** Memory that others share stays in use until the client has taken more. */
  get isHolding(): boolean {
    const isLent = ({ lease }: PendingWrite): boolean => lease !== undefined
    return this.#writes.some(isLent) || (this.#socket.writableLength > 0 && [...this.#given].some(isLent))
  }

  send(parts: readonly Uint8Array[], lease: BufferLease | undefined, bytes: number): void {
    if (this.#writes.length === 0 && bytes <= coalesceBytesMax && lease === undefined) {
      this.#socket.write(parts.length === 1 ? parts[0]! : Buffer.concat(parts as Uint8Array[], bytes))
      return
    }
    this.#writes.push({ parts: [...parts], lease, isLent: lease !== undefined, since: Date.now(), flying: new Set(), copied: 0 })
    this.#bytes += bytes
    this.#feed()
  }

  /** Gives the socket what it has room for. */
  #feed(): void {
    for (let room = this.#room(); room > 0 && this.#writes.length > 0; room = this.#room()) {
      this.#socket.cork()
      while (room > 0 && this.#writes.length > 0) room -= this.#give(this.#writes[0]!, room)
      this.#socket.uncork()
    }
  }

  /** The socket has sent what it had. */
  drained(): void {
    if (this.#socket.destroyed) return
    this.#feed()
    this.#onTaken()
  }

  /** Copies out what has been waiting for longer than `waitMs`. What finds no memory stays where it is. */
  relieve(now: number, waitMs: number): void {
    for (const pending of [...this.#writes, ...this.#given]) {
      if (!pending.isLent || now - pending.since < waitMs) continue
      const lent = pending.parts.filter((part) => part.buffer === this.#arena)
      const bytes = lent.reduce((sum, part) => sum + part.length, 0)
      if (!this.#slow.take(bytes)) continue
      pending.copied = bytes
      pending.isLent = false
      const copy = Buffer.allocUnsafeSlow(bytes)
      let at = 0
      pending.parts = pending.parts.map((part) => {
        if (part.buffer !== this.#arena) return part
        copy.set(part, at)
        at += part.length
        return copy.subarray(at - part.length, at)
      })
      const ranges = [...pending.flying]
      if (ranges.length === 0) pending.lease?.giveBack()
      else pending.lease?.keep(Math.min(...ranges.map(({ start }) => start)), Math.max(...ranges.map(({ end }) => end)))
    }
  }

  /** The connection is gone, and nothing of it is read any more. */
  close(): void {
    for (const pending of [...this.#writes, ...this.#given]) this.#finish(pending)
    this.#writes.length = 0
    this.#given.clear()
    this.#bytes = 0
  }

  #room(): number {
    return this.#socket.destroyed ? 0 : windowBytes - this.#socket.writableLength
  }

  /** Gives the socket parts of one pending, up to `room` bytes; returns how many. */
  #give(pending: PendingWrite, room: number): number {
    const { parts } = pending
    const range: Range = { start: Number.POSITIVE_INFINITY, end: 0 }
    const pieces: Uint8Array[] = []
    let bytes = 0
    let whole = 0
    while (whole < parts.length && bytes < room) {
      const part = parts[whole]!
      const piece = part.length > room - bytes ? part.subarray(0, room - bytes) : part
      if (piece === part) whole++
      else parts[whole] = part.subarray(piece.length)
      if (piece.buffer === this.#arena) {
        range.start = Math.min(range.start, piece.byteOffset)
        range.end = Math.max(range.end, piece.byteOffset + piece.length)
      }
      pieces.push(piece)
      bytes += piece.length
    }
    parts.splice(0, whole)
    this.#bytes -= bytes
    if (range.end > 0) pending.flying.add(range)
    const isLast = parts.length === 0
    if (isLast) this.#given.add(this.#writes.shift()!)
    pieces.forEach((piece, i) => {
      if (i < pieces.length - 1) this.#socket.write(piece)
      else this.#socket.write(piece, () => this.#taken(pending, range, isLast))
    })
    return bytes
  }

  #taken(pending: PendingWrite, range: Range, isLast: boolean): void {
    pending.flying.delete(range)
    if (isLast && this.#given.delete(pending)) this.#finish(pending)
    this.drained()
  }

  #finish(pending: PendingWrite): void {
    this.#slow.give(pending.copied)
    pending.lease?.end()
  }
}
