import { readFileSync } from 'node:fs'

/**
 * Descriptors that a node keeps for itself: some 40 of its threads and files while it is idle, 12 for each worker thread that
 * comes and goes, and those of requests to the store and of /metrics. Connections get the rest.
 */
export const ownFiles = 192

/** Files that this process may open (`ulimit -n`; Node raises it to the hard limit); NaN where the system has no /proc. */
export function filesMax(): number {
  try {
    const found = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return found === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(found ?? Number.NaN)
  } catch {
    return Number.NaN
  }
}
