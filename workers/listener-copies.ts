/** A process that sends the listeners it has inherited back to its parent, and ends. See `copyListeners`. */
import { Socket } from 'node:net'

/** Standard streams and the channel to the parent come first. */
const firstInherited = 4
const count = Number(process.argv[2])

// Without the parent there is nothing to do.
process.on('disconnect', () => process.exit(1))
for (let index = 0; index < count; index++) {
  const isLast = index === count - 1
  // Neither readable nor writable: it is not connected.
  const listener = new Socket({ fd: firstInherited + index, readable: false, writable: false })
  process.send!(index, listener, { keepOpen: true }, () => isLast && process.exit(0))
}
