/** Runs before anything else is loaded: the load alone opens more than a hundred files at once. Plain JavaScript, as it runs first. */
import { readFileSync } from 'node:fs'

const filesMin = 256

/** Ends the process with one line if its open-file limit is below the requirement of a node. */
export function checkFiles() {
  const [, found] = /^Max open files\s+\d+\s+(\d+)/m.exec(limits()) ?? []
  if (found === undefined || Number(found) >= filesMin) return
  process.stderr.write(`millrace: ulimit -n = ${found}: the process must be allowed to open at least ${filesMin} files.\n`)
  process.exit(1)
}

/** Empty where the system has no /proc. */
function limits() {
  try {
    return readFileSync('/proc/self/limits', 'latin1')
  } catch {
    return ''
  }
}
