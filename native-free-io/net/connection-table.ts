import type { Server, Socket } from 'node:net'
import { assert } from '../../src/base/assert.ts'
import { anonymous } from '../../src/network/client-session.ts'
import type { ConnectionCounts } from '../../src/network/connection-counts.ts'
import type { RequestDispatcher } from '../../src/network/dispatcher.ts'
import { PausedGates, type ReadGate } from '../../src/network/read-gate.ts'
import type { RequestReaderParts } from '../../src/network/request-reader.ts'
import type { ConnectionLimits, ListenerData } from '../../src/network/thread-messages.ts'
import type { Counters } from '../../src/pipeline/counters.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import { CopyMemory } from './copy-memory.ts'
import { listen, NotListening } from './listener.ts'
import type { OpenTransport } from './transport.ts'

/** Interval of the checks for idle, stuck and half-sent connections. */
const sweepMs = 1000
/** Idle time after which a connection releases its segment when memory is scarce. */
const restMs = 2000
/** Interval at which connections without receive buffers retry. */
const starvedMs = 5
/** Maximum time for the arrival of a frame. */
const frameMs = 60_000
/** Maximum time without progress for a client that has unread responses. */
const stuckMs = 120_000
/** The same limit while other requests wait for memory that such clients occupy. */
const stuckMsPressed = 5_000
/** Pressure is reported again within this time. */
const pressedMs = 3_000
/**
 * Responses that a client has not read for this time are copied out of the log cache: a thousand times the normal time on loopback, and
 * less than the time in which the log wraps twice. Also the interval of the check.
 */
const lateMs = 500
/** Memory of a network thread for copies of unread responses. Above it, responses stay in the log cache, and appends skip them. */
const slowBytes = 32 << 20
/** Maximum wait of a stop for requests in progress. */
const drainMs = 2000

/** Reason for closing a connection at once when the process cannot open more files. */
export const tooManyFiles = 'more connections than the process may open files for (ulimit -n)'

export interface TableParts {
  readonly dispatcher: RequestDispatcher
  readonly counters: Counters<'network'>
  readonly requestReader: RequestReaderParts
  readonly counts: ConnectionCounts
  readonly limits: { readonly connections: ConnectionLimits; readonly idleMs: number }
  /** Bytes were received, or deferred requests were processed. */
  onRead(bytes: number): void
  onClosed(host: string, why: string): void
}

/** The connections of one network worker and their listeners. */
export class ConnectionTable implements ConnectionOwner {
  readonly dispatcher: RequestDispatcher
  readonly requestReader: RequestReaderParts
  readonly slow = new CopyMemory(slowBytes)
  readonly #parts: TableParts
  readonly #connections = new Set<Connection>()
  readonly #servers: Server[] = []
  #sweeper: NodeJS.Timeout | undefined
  /** In the order in which they started to wait for receive buffers. */
  readonly #starving = new PausedGates('receive-memory')
  #feeder: NodeJS.Timeout | undefined
  readonly #late = new Set<Connection>()
  #reliever: NodeJS.Timeout | undefined
  #stopping = false
  #pressedUntil = 0
  #limits: ConnectionLimits

  constructor(parts: TableParts) {
    this.#parts = parts
    this.#limits = parts.limits.connections
    this.dispatcher = parts.dispatcher
    this.requestReader = parts.requestReader
  }

  /** Sets the limits for new connections. */
  limit(limits: ConnectionLimits): void {
    this.#limits = limits
  }

  /** Cold reads wait for memory that responses occupy. */
  pressed(): void {
    this.#pressedUntil = Date.now() + pressedMs
  }

  /** Listens on every address, or on the copies of its listeners; returns the bound ports, and the file descriptors of the listeners. */
  async listen(
    listeners: readonly ListenerData[],
    copies: readonly Socket[],
    backlog: number,
    open: OpenTransport,
  ): Promise<{ readonly ports: number[]; readonly handles: number[] } | { readonly listener: ListenerData; readonly error: NotListening }> {
    const ports: number[] = []
    const handles: number[] = []
    for (const [index, address] of listeners.entries()) {
      const bound = await listen(copies[index] ?? address, backlog, (accepted) => this.#accept(address.name, accepted, open)).catch(
        (error: NotListening) => error,
      )
      if (bound instanceof NotListening) return { listener: address, error: bound }
      this.#servers.push(bound.server)
      ports.push(bound.port)
      handles.push(bound.handle)
    }
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs)
    return { ports, handles }
  }

  /** Accepts no more connections, waits for requests in progress, and closes every connection. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const server of this.#servers) server.close()
    const deadline = Date.now() + drainMs
    while (Date.now() < deadline && [...this.#connections].some((c) => c.queue.pending.length > 0 && !c.queue.fetching)) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    clearInterval(this.#sweeper)
    clearTimeout(this.#feeder)
    clearTimeout(this.#reliever)
    for (const connection of this.#connections) connection.close('the broker stops')
  }

  onRead(bytes: number): void {
    this.#parts.counters.add('bytes_in', bytes)
    this.#parts.onRead(bytes)
  }
  onWrite(bytes: number): void {
    this.#parts.counters.add('bytes_out', bytes)
  }
  onPause(): void {
    this.#parts.counters.add('pauses', 1)
  }

  onStarve(gate: ReadGate): void {
    assert(gate.isPausedFor('receive-memory'), 'a starving connection waits for receive memory')
    this.#starving.pause(gate)
    if (!this.#stopping) this.#feeder ??= setTimeout(() => this.#feed(), starvedMs)
  }

  #feed(): void {
    this.#feeder = undefined
    this.#starving.resumeAll()
  }

  onLate(connection: Connection): void {
    this.#late.add(connection)
    if (!this.#stopping) this.#reliever ??= setTimeout(() => this.#relieve(), lateMs)
  }

  #relieve(): void {
    this.#reliever = undefined
    const now = Date.now()
    for (const connection of this.#late) if (!connection.relieve(now, lateMs)) this.#late.delete(connection)
    if (this.#late.size > 0) this.#reliever = setTimeout(() => this.#relieve(), lateMs)
  }

  onClose(connection: Connection, why: string | undefined): void {
    this.#starving.delete(connection.gate)
    this.#late.delete(connection)
    if (!this.#connections.delete(connection)) return
    this.#parts.counts.remove()
    this.#parts.counts.removeOf(connection.session.host)
    this.#parts.counters.add('disconnections', 1)
    if (why !== undefined) this.#parts.onClosed(connection.session.host, why)
  }

  #accept(listener: string, accepted: Socket, transport: OpenTransport): void {
    const { max, filesMax } = this.#limits
    const session = { listener, host: accepted.remoteAddress ?? '', principal: anonymous }
    const connection = new Connection(this, session, (receiver) => transport(accepted, receiver), Date.now())
    this.#connections.add(connection)
    const open = this.#parts.counts.add()
    assert(open >= this.#connections.size, 'the connections of a thread are connections')
    this.#parts.counters.add('connections', 1)
    if (this.#stopping) connection.close('the broker stops')
    else if (open > filesMax) connection.close(tooManyFiles)
    else if (open > max) connection.close('more connections than max.connections')
    this.#countOf(connection)
  }

  /** Admits the connection when the number of those of its host is known. */
  #countOf(connection: Connection): void {
    const { host } = connection.session
    let isCounted = false
    this.#parts.counts.addOf(host, (count) => {
      const { perHostMax, hosts } = this.#limits
      isCounted = true
      if (count > (hosts.get(host) ?? perHostMax)) connection.close('more connections of one host than max.connections.per.ip')
      else connection.gate.resume('admission')
    })
    if (!isCounted) connection.gate.pause('admission')
  }

  #sweep(): void {
    const now = Date.now()
    const holdMs = now < this.#pressedUntil ? stuckMsPressed : stuckMs
    const limits = { frameMs, stuckMs, holdMs, idleMs: this.#parts.limits.idleMs }
    const { memory } = this.requestReader
    const isScarce = memory.freeBytes < memory.bytes / 2 || this.#starving.count > 0
    for (const connection of this.#connections) {
      if (isScarce) connection.rest(now, restMs)
      const why = connection.overdue(now, limits)
      if (why !== undefined) connection.close(why)
    }
  }
}
