/** Clocks and timers of a component that waits. Times in milliseconds. */
export interface Time {
  /** Wall clock, milliseconds since 1970. */
  wall(): number
  /** Monotonic clock, milliseconds since an arbitrary start. */
  monotonic(): number
  /** Calls `wake` once after the delay. The returned function cancels the call. The timer does not keep the process alive. */
  after(ms: number, wake: () => void): () => void
}

/** Resolves after the delay. */
export const delay = (time: Time, ms: number): Promise<void> => new Promise((resolve) => void time.after(ms, resolve))
