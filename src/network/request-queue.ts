import type { ClientSession } from './client-session.ts'
import type { PauseReason, ReadGate } from './read-gate.ts'

/** Maximum number of requests in progress on one connection. */
export const inFlightMax = 64
/** Limit of unsent response bytes of a connection. Above it, no requests are read from the connection. */
export const unsentBytesMax = 1 << 20

/** Buffers that contain parts of a response, in the log cache or in the block cache. They stay unchanged until they are released. */
export interface BufferLease {
  /** Keeps only [start, end) of the arena pinned in the log cache. */
  keep(start: number, end: number): void
  /** Releases the part in the log cache. Further calls have no effect. */
  release(): void
  /** The response is no longer read: releases all buffers. */
  end(): void
}

/** Whether a frame was accepted, or deferred. A deferred frame leaves a pause reason in the gate of its connection. */
export type Admission = 'taken' | 'later' | 'closed'

/** A client connection. */
export interface ClientConnection {
  readonly session: ClientSession
  /** The connection is read while it is open. The owner of the gate processes deferred frames again. */
  readonly gate: ReadGate
  /** Bytes that are not sent yet. */
  readonly unsentBytes: number
  /** The connection owns the leased parts until it releases the lease. */
  send(parts: readonly Uint8Array[], lease: BufferLease | undefined): void
  close(why: string): void
}

/** Received bytes that do not move until each `hold` has a `release`. */
export interface HeldBytes {
  hold(): void
  release(): void
}

/** One request, from its frame to its response. */
export interface Pending {
  readonly queue: RequestQueue
  readonly correlationId: number
  readonly version: number
  /** Index among the dispatcher's requests; part of ring messages. */
  token: number
  /** Set when the response is complete; empty for a request without a response. */
  response: readonly Uint8Array[] | undefined
  lease: BufferLease | undefined
}

/** The requests of a connection in the order of their arrival, which is the order of the responses. */
export class RequestQueue {
  readonly connection: ClientConnection
  readonly pending: Pending[] = []
  /** A request that is not reordered with others: any API except Produce and Fetch, as in Kafka. */
  exclusive = false
  /** The fetch in flight; one at a time, since its answer may be large. */
  fetching: Pending | undefined
  closed = false

  constructor(peer: ClientConnection) {
    this.connection = peer
  }

  get gate(): ReadGate {
    return this.connection.gate
  }

  /** Why no other request of the connection can be in progress now. */
  get limit(): PauseReason | undefined {
    if (this.exclusive) return 'forwarded-request'
    if (this.pending.length >= inFlightMax) return 'queue-full'
    return this.connection.unsentBytes > unsentBytesMax ? 'send-queue' : undefined
  }

  /** Sends the complete responses at the head of the queue, and resumes reads that waited for them. */
  flush(): void {
    let complete = 0
    while (complete < this.pending.length && this.pending[complete]!.response !== undefined) complete++
    if (complete > 0 && !this.closed) this.#send(this.pending.splice(0, complete))
    if (!this.gate.isOpen && !this.closed) this.#resume()
  }

  /** Removes the reasons that no longer apply. A retried frame may set one again, so each condition is evaluated at its turn. */
  #resume(): void {
    const { gate, connection } = this
    if (this.pending.length < inFlightMax) gate.resume('queue-full')
    if (connection.unsentBytes <= unsentBytesMax) gate.resume('send-queue')
    if (this.pending.length === 0) gate.resume('forwarded-request')
    if (this.fetching === undefined) gate.resume('earlier-fetch')
  }

  /** Responses without leased parts are sent together: a system call for each would cost more than all earlier stages. */
  #send(requests: readonly Pending[]): void {
    let together: Uint8Array[] = []
    for (const { response, lease } of requests) {
      together.push(...response!)
      if (lease === undefined) continue
      this.connection.send(together, lease)
      together = []
    }
    if (together.length > 0) this.connection.send(together, undefined)
  }
}
