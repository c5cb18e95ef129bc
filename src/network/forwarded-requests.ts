import { assert } from '../base/assert.ts'
import { ByteBudget } from '../base/byte-budget.ts'
import type { RequestHeader } from '../wire/headers.ts'
import type { ClientSession } from './client-session.ts'
import { PausedGates, type ReadGate } from './read-gate.ts'
import { largeBytesMax, largeRequestBytes } from './request-limits.ts'
import type { Admission, Pending, RequestQueue } from './request-queue.ts'
import { RequestTable } from './request-table.ts'

export interface ForwardedRequestsParts {
  /** The arena, which contains the frames. */
  readonly memory: Buffer
  /** Forwards a request to the main thread; the response arrives in `answered`. */
  forward(request: { token: number; session: ClientSession; frame: Buffer }): void
  /** Completes a fetch of the connection that only waits for more records. */
  completeParkedFetch(queue: RequestQueue): void
  /** The response is complete. */
  complete(pending: Pending): void
}

/** Requests of any API except Produce and Fetch. The main thread answers them; a connection has one at a time, and none beside it. */
export class ForwardedRequests {
  readonly #parts: ForwardedRequestsParts
  readonly #requests = new RequestTable<Pending>()
  /** Large requests that the main thread has not parsed yet. */
  readonly #large = new ByteBudget(largeBytesMax)
  readonly #awaitingLargeMemory = new PausedGates('large-request-memory')

  constructor(parts: ForwardedRequestsParts) {
    this.#parts = parts
  }

  /** A request at [start, end) of the arena. */
  accept(queue: RequestQueue, { correlationId, requestApiVersion: version }: RequestHeader, start: number, end: number): Admission {
    const { memory, completeParkedFetch, forward } = this.#parts
    if (queue.pending.length > 0) {
      completeParkedFetch(queue)
      queue.gate.pause('forwarded-request')
      return 'later'
    }
    if (end - start > largeRequestBytes && !this.#large.take(end - start)) {
      this.#awaitingLargeMemory.pause(queue.gate)
      return 'later'
    }
    assert(!queue.exclusive, 'a connection has one forwarded request in progress')
    const token = this.#requests.take()
    const pending: Pending = { queue, correlationId, version, token, response: undefined, lease: undefined }
    this.#requests.add(pending)
    queue.exclusive = true
    queue.pending.push(pending)
    const frame = Buffer.allocUnsafeSlow(end - start)
    frame.set(memory.subarray(start, end))
    forward({ token, session: queue.connection.session, frame })
    return 'taken'
  }

  /** The main thread has parsed a large request of this size. */
  parsed(bytes: number): void {
    this.#large.release(bytes)
    this.#awaitingLargeMemory.resumeAll()
  }

  /** The main thread's response: header and body; null to close the connection. */
  answered(token: number, response: Uint8Array | null): void {
    const pending = this.#requests.get(token)
    if (pending === undefined) return
    this.#requests.forget(token)
    assert(pending.queue.exclusive && pending.response === undefined, 'a forwarded request has one response')
    pending.queue.exclusive = false
    if (response === null) {
      pending.queue.connection.close('the request cannot be answered')
      return
    }
    const size = Buffer.allocUnsafe(4)
    size.writeInt32BE(response.length)
    pending.response = [size, response]
    this.#parts.complete(pending)
  }

  /** The connection of the gate is closed. */
  disconnect(gate: ReadGate): void {
    this.#awaitingLargeMemory.delete(gate)
  }
}
