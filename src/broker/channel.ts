/** Requests of one connection that are worked on at the same time. */
export const inFlightMax = 64
/** A connection that owes its client more than this is not read until the client has taken some of it. */
export const unsentBytesMax = 1 << 20

/** Memory in which parts of a response lie: that of the log, and that of blocks, stays as it is until it is given back. */
export interface Loan {
  /** Of the log's, no more than [start, end) of the arena is still read. */
  keep(start: number, end: number): void
  /** The log's, once or more often. */
  giveBack(): void
  /** Nothing of the response is read any more: everything goes back. */
  end(): void
}

/** A connection, as the frontend sees it. */
export interface Peer {
  readonly listener: string
  readonly host: string
  /** Bytes that the client has not taken yet. */
  readonly unsentBytes: number
  /** What of the parts is lent belongs to the peer until it gives it back. */
  send(parts: readonly Uint8Array[], loan: Loan | undefined): void
  close(why: string): void
  /** Offers the frames that were left for later. */
  retry(): void
}

/** Received bytes that stay where they are until released as often as they were held. */
export interface Held {
  hold(): void
  release(): void
}

/** One request, from its frame to its response. */
export interface Pending {
  readonly channel: Channel
  readonly correlationId: number
  readonly version: number
  /** Index among the frontend's requests; what the rings carry. */
  token: number
  /** Set when the response is known; empty for a request that wants none. */
  response: readonly Uint8Array[] | undefined
  loan: Loan | undefined
}

/** The requests of a connection in the order of their arrival, which is the order of the responses. */
export class Channel {
  readonly peer: Peer
  readonly queue: Pending[] = []
  /** A request that others must not overtake, nor it them: anything but Produce and Fetch, as in Kafka. */
  exclusive = false
  /** The fetch in flight; one at a time, since its answer may be large. */
  fetching: Pending | undefined
  closed = false
  /** Frames were left for later. */
  blocked = false

  constructor(peer: Peer) {
    this.peer = peer
  }

  get isFull(): boolean {
    return this.exclusive || this.queue.length >= inFlightMax || this.peer.unsentBytes > unsentBytesMax
  }

  /** Sends what is complete at the head of the queue. */
  flush(): void {
    let complete = 0
    while (complete < this.queue.length && this.queue[complete]!.response !== undefined) complete++
    if (complete > 0 && !this.closed) this.#send(this.queue.splice(0, complete))
    if (this.blocked && !this.closed && !this.isFull) this.peer.retry()
  }

  /** Responses that are only bytes go together: a system call for each would cost more than all that went before. */
  #send(requests: readonly Pending[]): void {
    let together: Uint8Array[] = []
    for (const { response, loan } of requests) {
      together.push(...response!)
      if (loan === undefined) continue
      this.peer.send(together, loan)
      together = []
    }
    if (together.length > 0) this.peer.send(together, undefined)
  }
}
