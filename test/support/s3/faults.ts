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

/** What goes wrong with one request. */
export type Fault =
  /** An answer that is an error, before doing anything or after having done it. */
  | { readonly type: 'error'; readonly status: number; readonly code: string; readonly when: 'before' | 'after' }
  /** The connection breaks: before the body is read, halfway into it, or in place of the answer to what was done. */
  | { readonly type: 'reset'; readonly when: 'before' | 'body' | 'after' }
  /** Of what is read: the connection ends early; fewer bytes come than were asked for; one bit is another. */
  | { readonly type: 'truncate' | 'short' | 'corrupt' }
  /** Nothing is ever answered. */
  | { readonly type: 'hang' }
  | { readonly type: 'slow'; readonly ms: number }
  /** What is read comes at this pace. */
  | { readonly type: 'trickle'; readonly bytesPerSecond: number }
  /** An error in the body of an answer whose status is 200, which S3 does where it has to answer before it is done. */
  | { readonly type: 'errorIn200'; readonly code: string }

export interface FaultRule {
  readonly operation: S3Operation | '*'
  readonly fault: Fault
  /** Only keys that begin so. */
  readonly prefix?: string
  /** How many requests it befalls; without end if not given. */
  readonly times?: number
  /** How many go well before that. */
  readonly after?: number
  /** One in so many by chance, instead of each: of 1000. */
  readonly permille?: number
}

/** A log-normal distribution, as that of a real store nearly is. */
export interface Latency {
  readonly medianMs: number
  readonly p99Ms: number
}

/** Weather for requests: rules in their order, the first that applies counts. The same seed befalls the same requests. */
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
    // Twelve even numbers make a normal one; 2.326 deviations are the ninety-ninth percentile.
    let normal = -6
    for (let i = 0; i < 12; i++) normal += below(this.#chance, 1 << 20) / (1 << 20)
    return medianMs * Math.exp((Math.log(p99Ms / medianMs) / 2.326) * normal)
  }
}
