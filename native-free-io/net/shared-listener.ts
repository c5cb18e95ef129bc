import { fork } from 'node:child_process'
import type { Socket } from 'node:net'

/**
 * Listeners of another thread of this process, each with a file descriptor of its own, for `server.listen`.
 *
 * Two threads must not use one descriptor: the first that closes it closes it for both, and libuv then ends the process. Node has no call
 * that duplicates a descriptor, and no `reusePort` before 22.12. So a process that ends at once inherits the listeners and sends them back,
 * and the system gives every received descriptor a new number.
 *
 * `entry`: path of `workers/listener-copies`. Rejects if that process cannot do it.
 */
export function copyListeners(entry: string, handles: readonly number[]): Promise<readonly Socket[]> {
  return new Promise((resolve, reject) => {
    const copies: Socket[] = []
    const child = fork(entry, [String(handles.length)], { stdio: ['ignore', 'ignore', 'ignore', 'ipc', ...handles], execArgv: [] })
    child.on('message', (_, copy) => {
      copies.push(copy as Socket)
      if (copies.length === handles.length) resolve(copies)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the process that copies the listeners ended with exit code ${code}`)))
  })
}
