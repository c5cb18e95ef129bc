/** Before anything else is loaded: that alone opens more than a hundred files at once. Plain JavaScript, as it runs first. */
import { readFileSync } from 'node:fs'

const filesMin = 256

/** Ends the process with one line where it may not open as many files as a node needs. */
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
