import type { Time } from '../../src/ports/time.ts'

/** The clocks and timers of this process. */
export const nodeTime: Time = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, wake) {
    const timer = setTimeout(wake, ms).unref()
    return () => clearTimeout(timer)
  },
}
