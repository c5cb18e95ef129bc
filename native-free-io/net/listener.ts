import { createServer, type Server } from 'node:net'
import type { AcceptedHandle } from './connection.ts'

/** Listening on an address failed. */
export class NotListening extends Error {
  readonly code: string

  constructor({ code, message }: NodeJS.ErrnoException) {
    super(message)
    this.code = code ?? ''
  }
}

/**
 * Accepts connections and passes on their handles, from which nothing has been read. The option to read into a given buffer exists only for
 * sockets created by the application, not for those created by a server.
 */
export function listen(
  address: { host: string; port: number },
  backlog: number,
  onAccept: (accepted: AcceptedHandle) => void,
): Promise<{ server: Server; port: number }> {
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
      const remoteAddress = accepted.remoteAddress ?? ''
      const inner = accepted as unknown as { _handle: unknown }
      const handle = inner._handle
      // Destroys the first socket without closing the descriptor, which the handle keeps.
      inner._handle = null
      accepted.destroy()
      if (handle !== null) onAccept({ handle, remoteAddress })
    })
    server.once('error', (error: NodeJS.ErrnoException) => reject(new NotListening(error)))
    server.listen({ host: address.host, port: address.port, backlog }, () => {
      server.removeAllListeners('error')
      const bound = server.address()
      resolve({ server, port: typeof bound === 'object' && bound !== null ? bound.port : address.port })
    })
  })
}
