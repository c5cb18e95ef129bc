import { readFileSync } from 'node:fs'

/**
 * Descriptors reserved for the node: about 40 for its threads and files while it is idle, 12 for each temporary worker thread, and those
 * for requests to the store and for /metrics. The others are for connections.
 */
export const ownFiles = 192

/** Number of files that this process may open (`ulimit -n`; Node raises it to the hard limit); NaN if the system has no /proc. */
export function filesMax(): number {
  try {
    const found = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return found === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(found ?? Number.NaN)
  } catch {
    return Number.NaN
  }
}
