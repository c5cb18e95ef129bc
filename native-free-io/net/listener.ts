import { createServer, type Server, type Socket } from 'node:net'

/** Listening on an address failed. */
export class NotListening extends Error {
  readonly code: string

  constructor({ code, message }: NodeJS.ErrnoException) {
    super(message)
    this.code = code ?? ''
  }
}

/** An open listener. `handle`: its file descriptor. */
export interface Listener {
  readonly server: Server
  readonly port: number
  readonly handle: number
}

/** Accepts connections and passes on their sockets, from which nothing has been read. A socket: a copy of a listener. */
export function listen(
  address: { host: string; port: number } | Socket,
  backlog: number,
  onAccept: (accepted: Socket) => void,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
      if (!accepted.destroyed) onAccept(accepted)
    })
    server.once('error', (error: NodeJS.ErrnoException) => reject(new NotListening(error)))
    const onListening = (): void => {
      server.removeAllListeners('error')
      const bound = server.address()
      resolve({ server, port: typeof bound === 'object' && bound !== null ? bound.port : 0, handle: handleOf(server) })
    }
    if ('host' in address) server.listen({ host: address.host, port: address.port, backlog }, onListening)
    else server.listen(address, backlog, onListening)
  })
}

/** Node has no public way to the file descriptor of a listener. -1 if there is none. */
const handleOf = (server: Server): number => (server as unknown as { readonly _handle?: { readonly fd?: number } })._handle?.fd ?? -1
