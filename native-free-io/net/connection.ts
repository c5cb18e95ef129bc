import type { Socket } from 'node:net'
import { assert } from '../../src/base/assert.ts'
import type { ClientSession } from '../../src/network/client-session.ts'
import type { RequestDispatcher } from '../../src/network/dispatcher.ts'
import { type GateOwner, ReadGate } from '../../src/network/read-gate.ts'
import type { BufferLease, ClientConnection, RequestQueue } from '../../src/network/request-queue.ts'
import { type Received, RequestReader, type RequestReaderParts } from '../../src/network/request-reader.ts'
import type { CopyMemory } from './copy-memory.ts'
import { SendQueue } from './send-queue.ts'
import type { Transport, TransportReceiver } from './transport.ts'

export interface ConnectionOwner {
  readonly dispatcher: RequestDispatcher
  readonly requestReader: RequestReaderParts
  readonly slow: CopyMemory
  /** Called after every read: dispatched requests can be published, and answers may have arrived. */
  onRead(bytes: number): void
  onWrite(bytes: number): void
  onPause(): void
  /** The connection waits for receive buffers: the owner resumes it. */
  onStarve(gate: ReadGate): void
  /** The client does not read responses in the log cache; the owner must call `relieve`. */
  onLate(connection: Connection): void
  onClose(connection: Connection, why: string | undefined): void
}

export interface OverdueLimits {
  /** Maximum time for the arrival of a frame. */
  readonly frameMs: number
  /** Maximum time without progress for a client with unread responses; `holdMs` if they are in memory that other requests wait for. */
  readonly stuckMs: number
  readonly holdMs: number
  readonly idleMs: number
}

/** The connection of one client. Its transport reads into the arena; the parts of a response are written from their location. */
export class Connection implements ClientConnection, GateOwner, TransportReceiver {
  readonly session: ClientSession
  readonly gate = new ReadGate(this)
  readonly queue: RequestQueue
  readonly #transport: Transport
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #requestReader: RequestReader
  readonly #sendQueue: SendQueue
  #at = 0
  #windowBytes = 0
  #why: string | undefined
  /** Milliseconds: time of the last received bytes, of the start of the incomplete frame, and of the last progress of the client. */
  #receivedAt: number
  #frameSince: number
  #drainedAt: number
  #frames = 0
  #drained = 0

  constructor(owner: ConnectionOwner, session: ClientSession, open: (receiver: TransportReceiver) => Transport, now: number) {
    this.#owner = owner
    this.session = session
    this.#receivedAt = now
    this.#frameSince = now
    this.#drainedAt = now
    this.queue = owner.dispatcher.connect(this)
    this.#requestReader = new RequestReader(owner.requestReader, this.queue)
    this.#transport = open(this)
    this.#socket = this.#transport.output
    this.#sendQueue = new SendQueue(this.#socket, owner.requestReader.bytes.buffer, owner.slow, () => this.queue.flush())
    this.#socket.on('error', (error) => (this.#why ??= error.message))
    this.#socket.on('end', () => this.#socket.destroy())
    // Requests were deferred while the client had too many unread responses.
    this.#socket.on('drain', () => this.#sendQueue.drained())
    this.#socket.on('close', () => this.#onClose())
    this.#socket.setNoDelay(true)
    this.#transport.resume()
  }

  get unsentBytes(): number {
    return this.#sendQueue.unsentBytes
  }

  send(parts: readonly Uint8Array[], lease: BufferLease | undefined): void {
    let bytes = 0
    for (const part of parts) bytes += part.length
    assert(bytes > 0, 'a response has bytes')
    assert(!this.queue.closed, 'a closed connection sends no response')
    this.#owner.onWrite(bytes)
    this.#sendQueue.send(parts, lease, bytes)
    if (lease !== undefined && this.#sendQueue.isLate) this.#owner.onLate(this)
  }

  /** Copies responses that the client has not read for `waitMs` out of the log cache. Returns true if more must be copied later. */
  relieve(now: number, waitMs: number): boolean {
    this.#sendQueue.relieve(now, waitMs)
    return this.#sendQueue.isLate
  }

  close(why: string): void {
    this.#why ??= why
    this.gate.pause('closed')
    this.#socket.destroy()
  }

  onPause(): void {
    this.#transport.pause()
  }

  onOpen(): void {
    if (this.#socket.destroyed) return
    this.gate.enter()
    this.#follow(this.#requestReader.retry())
    if (this.gate.isOpen) this.#transport.resume()
    this.#owner.onRead(0)
  }

  /** Releases the segment of a connection that has been idle for `idleMs`. */
  rest(now: number, idleMs: number): void {
    if (!this.gate.isOpen || this.#socket.destroyed || now - this.#receivedAt <= idleMs) return
    if (this.#requestReader.rest()) this.#transport.renewWindow()
  }

  window(): Buffer {
    const { at, bytes } = this.#requestReader.window()
    assert(bytes > 0, 'a window has room')
    assert(at >= 0 && at + bytes <= this.#owner.requestReader.bytes.length, 'a window is in the arena')
    this.#at = at
    this.#windowBytes = bytes
    return this.#owner.requestReader.bytes.subarray(at, at + bytes)
  }

  received(bytes: number): boolean {
    if (this.#socket.destroyed) return false
    assert(bytes > 0, 'a read has bytes')
    assert(bytes <= this.#windowBytes, 'received bytes are within their window')
    this.#receivedAt = Date.now()
    this.gate.enter()
    this.#follow(this.#requestReader.received(this.#at, bytes))
    this.#owner.onRead(bytes)
    // Deferred frames may have been retried by now. Node would stop the read because of an outdated result; a resume in this callback has
    // no effect.
    return this.gate.isOpen && !this.#socket.destroyed
  }

  /** Ends the processing of received bytes. */
  #follow(received: Received): void {
    if (received === 'pause') {
      this.#owner.onPause()
      if (this.gate.isPausedFor('receive-memory')) this.#owner.onStarve(this.gate)
    } else if (received !== 'read') this.close(received.close)
    this.gate.leave()
  }

  /** Returns the reason for closing the connection because of a time limit, if there is one. */
  overdue(now: number, limits: OverdueLimits): string | undefined {
    const { frames, isMidFrame } = this.#requestReader
    assert(frames >= this.#frames, 'the number of frames advances')
    assert(this.unsentBytes >= 0, 'responses are sent once')
    if (!isMidFrame || !this.gate.isOpen || frames !== this.#frames) this.#frameSince = now
    this.#frames = frames
    const drained = this.#socket.bytesWritten - this.#socket.writableLength
    if (this.unsentBytes === 0 || drained !== this.#drained) this.#drainedAt = now
    this.#drained = drained
    if (now - this.#frameSince > limits.frameMs) return 'a request that does not end'
    if (now - this.#drainedAt > limits.stuckMs) return 'a client that does not take its responses'
    if (now - this.#drainedAt > limits.holdMs && this.#sendQueue.isHolding)
      return 'a client that does not take its responses, while others wait for the memory that these are in'
    if (now - this.#receivedAt > limits.idleMs && this.queue.pending.length === 0) return 'idle for connections.max.idle.ms'
    return undefined
  }

  #onClose(): void {
    this.gate.pause('closed')
    assert(this.#socket.destroyed, 'a connection is closed after its socket')
    this.#owner.dispatcher.disconnect(this.queue)
    assert(this.queue.pending.length === 0, 'a closed connection has no request')
    this.#sendQueue.close()
    this.#requestReader.close()
    this.#owner.onClose(this, this.#why)
  }
}
