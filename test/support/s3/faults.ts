import { below, chance, type Prng, prng } from '../../../src/base/prng.ts'

export type S3Operation =
  | 'put'
  | 'get'
  | 'head'
  | 'delete'
  | 'list'
  | 'removeMany'
  | 'copyObject'
  | 'createUpload'
  | 'uploadPart'
  | 'copyPart'
  | 'completeUpload'
  | 'abortUpload'
  | 'listUploads'
  | 'listParts'
  | 'bucket'

/** Fault of one request. */
export type Fault =
  /** An error response, before or after the request is executed. */
  | { readonly type: 'error'; readonly status: number; readonly code: string; readonly when: 'before' | 'after' }
  /** The connection breaks: before the body is read, halfway through it, or instead of the response after execution. */
  | { readonly type: 'reset'; readonly when: 'before' | 'body' | 'after' }
  /** Faults of reads: the connection ends early; fewer bytes than requested arrive; one bit is wrong. */
  | { readonly type: 'truncate' | 'short' | 'corrupt' }
  /** There is never a response. */
  | { readonly type: 'hang' }
  | { readonly type: 'slow'; readonly ms: number }
  /** The body of a read arrives at this rate. */
  | { readonly type: 'trickle'; readonly bytesPerSecond: number }
  /** An error in the body of a response with status 200, which S3 sends when it must respond before it is done. */
  | { readonly type: 'errorIn200'; readonly code: string }

export interface FaultRule {
  readonly operation: S3Operation | '*'
  readonly fault: Fault
  /** Only keys with this prefix. */
  readonly prefix?: string
  /** Number of affected requests; unlimited if absent. */
  readonly times?: number
  /** Number of successful requests before that. */
  readonly after?: number
  /** Probability instead of every request: per 1000. */
  readonly permille?: number
}

/** A log-normal distribution, which approximates a real store. */
export interface Latency {
  readonly medianMs: number
  readonly p99Ms: number
}

/** Faults of requests: the first rule that applies is used. The same seed affects the same requests. */
export class Faults {
  readonly #chance: Prng
  #rules: { readonly rule: FaultRule; seen: number; done: number }[] = []
  latency: Latency | undefined

  constructor(seed: number) {
    this.#chance = prng(seed)
  }

  set(...rules: readonly FaultRule[]): void {
    this.#rules = rules.map((rule) => ({ rule, seen: 0, done: 0 }))
  }

  clear(): void {
    this.set()
  }

  next(operation: S3Operation, key: string): Fault | undefined {
    for (const entry of this.#rules) {
      const { rule } = entry
      if (rule.operation !== '*' && rule.operation !== operation) continue
      if (rule.prefix !== undefined && !key.startsWith(rule.prefix)) continue
      if (entry.seen++ < (rule.after ?? 0) || entry.done >= (rule.times ?? Number.POSITIVE_INFINITY)) continue
      if (rule.permille !== undefined && !chance(this.#chance, rule.permille)) continue
      entry.done++
      return rule.fault
    }
    return undefined
  }

  delayMs(): number {
    if (this.latency === undefined) return 0
    const { medianMs, p99Ms } = this.latency
    // The sum of twelve uniform numbers approximates a normal one; 2.326 deviations are the ninety-ninth percentile.
    let normal = -6
    for (let i = 0; i < 12; i++) normal += below(this.#chance, 1 << 20) / (1 << 20)
    return medianMs * Math.exp((Math.log(p99Ms / medianMs) / 2.326) * normal)
  }
}
