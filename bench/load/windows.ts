import { Histogram } from './histogram.ts'

/** A part of a run, of a fixed length. */
export interface LoadWindow {
  readonly mibPerSecond: number
  readonly p99Ms: number
  readonly p999Ms: number
}

const mib = 1024 * 1024

/** Figures of a run by second and by window, from its acknowledgements in the order of their time. A part that has not ended has none. */
export class Windows {
  readonly windows: LoadWindow[] = []
  readonly mibBySecond: number[] = []
  readonly #windowSeconds: number
  readonly #onSecond: (mib: number) => void
  #latencies = new Histogram()
  #windowBytes = 0
  #secondBytes = 0

  constructor(windowSeconds: number, onSecond: (mib: number) => void = () => {}) {
    this.#windowSeconds = windowSeconds
    this.#onSecond = onSecond
  }

  /** `atMs` counts from the start of the run. */
  record(atMs: number, latencyMs: number, bytes: number): void {
    this.advance(atMs)
    this.#latencies.record(latencyMs)
    this.#windowBytes += bytes
    this.#secondBytes += bytes
  }

  /** Ends the seconds and windows that were over at this time, also those without an acknowledgement. */
  advance(atMs: number): void {
    while (atMs >= (this.mibBySecond.length + 1) * 1000) {
      this.mibBySecond.push(this.#secondBytes / mib)
      this.#onSecond(this.#secondBytes / mib)
      this.#secondBytes = 0
    }
    while (atMs >= (this.windows.length + 1) * this.#windowSeconds * 1000) {
      this.windows.push({
        mibPerSecond: this.#windowBytes / mib / this.#windowSeconds,
        p99Ms: this.#latencies.quantileMs(0.99),
        p999Ms: this.#latencies.quantileMs(0.999),
      })
      this.#windowBytes = 0
      this.#latencies = new Histogram()
    }
  }
}

/** The slowest window as a share of the first; 1 for a run of one window. */
export function slowestShare(windows: readonly LoadWindow[]): number | undefined {
  const [first] = windows
  return first === undefined ? undefined : Math.min(...windows.map((each) => each.mibPerSecond)) / first.mibPerSecond
}
