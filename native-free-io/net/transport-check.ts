import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { OpenTransport } from './transport.ts'

const checkMs = 1000
const windowBytes = 16

/** Sent one after another: each must arrive in the window that is requested before it, alone. */
const parts = [Buffer.from('first'), Buffer.from('second')]

/**
 * Sends bytes over one loopback connection and checks that the transport reads them into the window, and into the next window after
 * `renewWindow`. Returns the fault as a text, or undefined if there is none.
 *
 * The zero-copy transport uses undocumented parts of Node, so a version of Node may lack them or change them.
 */
export async function transportFault(open: OpenTransport): Promise<string | undefined> {
  const server = createServer({ pauseOnConnect: true })
  const sockets: Socket[] = []
  let timer: NodeJS.Timeout | undefined
  try {
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`no result within ${checkMs} ms`), checkMs)
    })
    const failed = once(server.listen(0, '127.0.0.1'), 'listening').then(() => check(server, sockets, open))
    return await Promise.race([failed, late])
  } catch (error) {
    return (error as Error).message
  } finally {
    clearTimeout(timer)
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}

async function check(server: ReturnType<typeof createServer>, sockets: Socket[], open: OpenTransport): Promise<string | undefined> {
  const address = server.address()
  if (address === null || typeof address === 'string') return 'the server has no port'
  const client = connect(address.port, '127.0.0.1')
  client.on('error', () => {})
  sockets.push(client)
  const [accepted] = (await once(server, 'connection')) as [Socket]
  sockets.push(accepted)
  let window = Buffer.alloc(0)
  let onReceived: (read: { readonly bytes: number; readonly window: Buffer }) => void = () => {}
  const transport = open(accepted, {
    window: () => {
      window = Buffer.alloc(windowBytes)
      return window
    },
    received: (bytes) => {
      onReceived({ bytes, window })
      return true
    },
  })
  sockets.push(transport.output)
  transport.output.on('error', () => {})
  transport.resume()
  for (const part of parts) {
    transport.renewWindow()
    const read = await new Promise<{ readonly bytes: number; readonly window: Buffer }>((resolve) => {
      onReceived = resolve
      client.write(part)
    })
    const expected = Buffer.concat([part], windowBytes)
    if (read.bytes !== part.length || !read.window.equals(expected)) return `'${part}' did not arrive in its window`
  }
  return undefined
}
