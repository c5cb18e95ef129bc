/** Positions and liveness of a lane. Positions in bytes of the write-ahead log. */
export interface LanePorts {
  /** End of the sequenced records. */
  readonly published: number
  /** End of the durable records. */
  readonly durable: number
  /** The write-ahead log waits for room on the disk: a state that an operator must end, and a restart does not. */
  readonly isDiskFull: boolean
  /** Resolves when the network and sequencer threads have processed a command. */
  ping(): Promise<unknown>
}

export interface HealthPorts {
  /** Monotonic clock, milliseconds. */
  now(): number
  /** Calls `tick` periodically; the returned function ends it. */
  every(ms: number, tick: () => void): () => void
  readonly lanes: readonly LanePorts[]
}

const intervalMs = 1000
/** Duration after which a thread that makes no progress is not alive. */
export const stalledMs = 10_000

/**
 * Whether the threads of the node make progress: the event loop of the main thread, the network and sequencer threads, and the persistence
 * thread.
 *
 * A slow write-ahead log makes progress. A durable position that does not advance while records wait is no progress.
 */
export class Health {
  readonly #ports: HealthPorts
  #end: () => void = () => {}
  /** Time of the last tick, and the longest delay of one that is not yet forgotten. */
  #tickedAt: number
  #delay = { ms: 0, at: Number.NEGATIVE_INFINITY }
  readonly #lanes: readonly LaneHealth[]

  constructor(ports: HealthPorts) {
    this.#ports = ports
    this.#tickedAt = ports.now()
    this.#lanes = ports.lanes.map((lane) => new LaneHealth(lane, this.#tickedAt))
  }

  start(): void {
    this.#tickedAt = this.#ports.now()
    for (const lane of this.#lanes) lane.start(this.#tickedAt)
    this.#end = this.#ports.every(intervalMs, () => this.#tick())
  }

  stop(): void {
    this.#end()
  }

  /** Reasons why the node is not alive; none: it is. */
  get problems(): readonly string[] {
    const now = this.#ports.now()
    const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
    const late = Math.max(now - this.#tickedAt - intervalMs, now - this.#delay.at < stalledMs ? this.#delay.ms : 0)
    const unanswered = Math.max(...this.#lanes.map((lane) => lane.unansweredMs(now)))
    const stalled = Math.max(...this.#lanes.map((lane) => lane.observe(now)))
    return [
      ...(late > stalledMs ? [`the event loop of the main thread was blocked for ${seconds(late)}`] : []),
      ...(unanswered > stalledMs ? [`the network and sequencer threads have not replied for ${seconds(unanswered)}`] : []),
      ...(stalled > stalledMs ? [`no record has become durable for ${seconds(stalled)}, although records wait`] : []),
    ]
  }

  #tick(): void {
    const now = this.#ports.now()
    const delay = now - this.#tickedAt - intervalMs
    if (delay > this.#delay.ms || now - this.#delay.at >= stalledMs) this.#delay = { ms: delay, at: now }
    this.#tickedAt = now
    for (const lane of this.#lanes) lane.tick(now)
  }
}

/** Progress of one lane. Times are those of the monotonic clock, milliseconds. */
class LaneHealth {
  readonly #lane: LanePorts
  /** Time at which the pending ping was sent; undefined when none is pending. */
  #pingedAt: number | undefined
  /** Durable position, and the last time at which it advanced or nothing was waiting. */
  #durable = -1
  #progressAt: number

  constructor(lane: LanePorts, now: number) {
    this.#lane = lane
    this.#progressAt = now
  }

  start(now: number): void {
    this.#progressAt = now
  }

  tick(now: number): void {
    this.observe(now)
    if (this.#pingedAt !== undefined) return
    this.#pingedAt = now
    const done = (): void => {
      this.#pingedAt = undefined
    }
    // A rejection is a reply: the pipeline is stopping.
    this.#lane.ping().then(done, done)
  }

  unansweredMs(now: number): number {
    return this.#pingedAt === undefined ? 0 : now - this.#pingedAt
  }

  /** Returns the time since the last progress of the write-ahead log. */
  observe(now: number): number {
    const { published, durable, isDiskFull } = this.#lane
    if (durable !== this.#durable || durable >= published || isDiskFull) {
      this.#durable = durable
      this.#progressAt = now
    }
    return now - this.#progressAt
  }
}
