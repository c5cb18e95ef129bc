/** The receiving half of the loopback measurement: prints its port, then the number of received bytes. */
import { createServer, Socket } from 'node:net'

const buffer = Buffer.alloc(256 * 1024)
let bytes = 0

const server = createServer({ pauseOnConnect: true }, (accepted) => {
  // A server cannot create sockets that read into memory of their own; a new socket with the accepted handle can.
  const holder = accepted as unknown as { _handle: object | null }
  const handle = holder._handle
  holder._handle = null
  accepted.destroy()
  const callback = (count: number): boolean => {
    bytes += count
    return true
  }
  const socket = new Socket({ handle, readable: true, writable: true, onread: { buffer, callback } } as ConstructorParameters<
    typeof Socket
  >[0])
  socket.once('end', () => process.send!(bytes))
  socket.resume()
})
server.listen(0, '127.0.0.1', () => process.send!((server.address() as { port: number }).port))
process.once('disconnect', () => process.exit(0))
