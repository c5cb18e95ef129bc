import { once } from 'node:events'
import type { Server } from 'node:net'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Connection, type ConnectionOwner } from '../../../../native-free-io/net/connection.ts'
import { CopyMemory } from '../../../../native-free-io/net/copy-memory.ts'
import { openCopyingTransport } from '../../../../native-free-io/net/copying-transport.ts'
import { listen } from '../../../../native-free-io/net/listener.ts'
import { windowBytes } from '../../../../native-free-io/net/send-queue.ts'
import type { OpenTransport } from '../../../../native-free-io/net/transport.ts'
import { openZeroCopyTransport } from '../../../../native-free-io/net/zero-copy-transport.ts'
import { ByteBudget } from '../../../../src/base/byte-budget.ts'
import { anonymous } from '../../../../src/network/client-session.ts'
import { ReceiveBuffers } from '../../../../src/network/receive-buffers.ts'
import type { Admission, BufferLease, HeldBytes, RequestQueue } from '../../../../src/network/request-queue.ts'
import { FrontWorld } from '../../network/dispatcher-world.ts'

const kib = 1024
const base = 64 * kib
const opened: { server: Server; clients: Socket[] }[] = []
const session = { listener: 'PLAINTEXT', host: '127.0.0.1', principal: anonymous }

const transports: readonly [string, OpenTransport][] = [
  ['zero-copy', openZeroCopyTransport],
  ['copying', openCopyingTransport],
]

afterEach(() => {
  for (const { server, clients } of opened.splice(0)) {
    for (const client of clients) client.destroy()
    server.close()
  }
})

/** A listener whose connections read into a small memory, and the frames that arrive. */
async function world(
  open: OpenTransport,
  options: {
    memory?: number
    slow?: number
    frame?: (body: Buffer, held: HeldBytes, queue: RequestQueue) => Admission
    onRead?: () => void
  } = {},
) {
  const { memory: memoryBytes = 1024 * kib } = options
  const arena = Buffer.alloc(base + memoryBytes)
  const memory = new ReceiveBuffers(base, memoryBytes)
  const frames: Buffer[] = []
  const connections: Connection[] = []
  const notified: (() => void)[] = []
  const slow = new CopyMemory(options.slow ?? 0)
  let pauses = 0
  let closed = 0
  let late = 0
  let received = 0
  const owner: ConnectionOwner = {
    // It connects queues and disconnects them; the frames are passed to `options.frame`.
    dispatcher: new FrontWorld().dispatcher,
    requestReader: {
      memory,
      bytes: arena,
      view: new DataView(arena.buffer, arena.byteOffset, arena.length),
      scratch: { base: 0, bytes: base },
      requestBytesMax: 512 * kib,
      frame: (queue, start, end, held) => {
        const body = Buffer.from(arena.subarray(start, end))
        const taken = options.frame?.(body, held, queue) ?? 'taken'
        if (taken === 'taken') frames.push(body)
        return taken
      },
      spill: new ByteBudget(1 << 20),
      onCopy: () => {},
    },
    onRead: (bytes) => {
      received += bytes
      options.onRead?.()
      for (const wake of notified.splice(0)) wake()
    },
    onWrite: () => {},
    onPause: () => pauses++,
    onStarve: () => {},
    slow,
    onLate: () => late++,
    onClose: () => closed++,
  }
  const clients: Socket[] = []
  const { server, port } = await listen({ host: '127.0.0.1', port: 0 }, 16, (accepted) =>
    connections.push(new Connection(owner, session, (receiver) => open(accepted, receiver), 0)),
  )
  opened.push({ server, clients })
  return {
    arena,
    memory,
    slow,
    frames,
    connections,
    get pauses() {
      return pauses
    },
    get open() {
      return connections.length - closed
    },
    get late() {
      return late
    },
    get received() {
      return received
    },
    async client(): Promise<Socket> {
      const client = connect(port, '127.0.0.1')
      clients.push(client)
      const count = connections.length
      await once(client, 'connect')
      while (connections.length === count) await new Promise((resolve) => setImmediate(resolve))
      return client
    },
    /** Checks after every read. */
    async until(isDone: () => boolean): Promise<void> {
      while (!isDone()) await new Promise<void>((resolve) => notified.push(resolve))
    },
  }
}

const framed = (body: Buffer): Buffer => {
  const size = Buffer.alloc(4)
  size.writeInt32BE(body.length)
  return Buffer.concat([size, body])
}

/** Fills what is free with a pattern, as other connections would with their frames. */
function occupy(memory: ReceiveBuffers, arena: Buffer): () => boolean {
  const taken: number[] = []
  for (let at = memory.take(64 * kib); at >= 0; at = memory.take(64 * kib)) taken.push(at)
  for (const at of taken) arena.fill(0xaa, at, at + 64 * kib)
  return () => {
    const isUntouched = taken.every((at) => arena.subarray(at, at + 64 * kib).every((byte) => byte === 0xaa))
    for (const at of taken) memory.release(at, 64 * kib)
    return isUntouched
  }
}

/** A lease of memory that notes what is still read of it. */
function lend(arena: Buffer, at: number, bytes: number): { lease: BufferLease; part: Buffer; kept: () => number; range: () => number[] } {
  let range = [at, at + bytes]
  const part = arena.subarray(at, at + bytes)
  const address = part.byteOffset - at
  const lease = {
    keep: (start: number, end: number) => (range = [start - address, end - address]),
    release: () => (range = [0, 0]),
    end: () => (range = [0, 0]),
  }
  return { part, lease, kept: () => range[1]! - range[0]!, range: () => range }
}

/** Connects a client that reads nothing, and sends it 6 MiB of pattern out of the arena. */
async function slowReader(open: OpenTransport, slow: number) {
  const there = await world(open, { memory: 8 << 20, slow })
  const { arena, connections, client } = there
  const socket = await client()
  socket.pause()
  const bytes = 6 << 20
  for (let at = base; at < base + bytes; at++) arena[at] = (at * 7 + (at >>> 9)) & 0xff
  const sent = Buffer.concat([Buffer.from('head'), arena.subarray(base, base + bytes), Buffer.from('tail')])
  const { lease, part, kept, range } = lend(arena, base, bytes)
  connections[0]!.send([Buffer.from('head'), part.subarray(0, 3 << 20), part.subarray(3 << 20), Buffer.from('tail')], lease)
  // What the kernel took at once is known to be taken a little later.
  await new Promise((resolve) => setImmediate(resolve))
  const all = async (): Promise<Buffer> => {
    const chunks: Buffer[] = []
    let length = 0
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
    })
    socket.resume()
    while (length < sent.length) await once(socket, 'data')
    return Buffer.concat(chunks)
  }
  return { there, connection: connections[0]!, arena, sent, kept, range, all, bytes }
}

describe.each(transports)('connection: over the %s transport', (_name, open) => {
  test('bytes after a rest do not arrive in released memory', async () => {
    const { arena, memory, frames, connections, client, until } = await world(open)
    const socket = await client()
    socket.write(framed(Buffer.alloc(100, 1)))
    await until(() => frames.length === 1)
    connections[0]!.rest(Number.MAX_SAFE_INTEGER, 0)
    expect(memory.freeBytes).toBe(1024 * kib)
    // The block returned last is allocated first.
    const [given, spare] = [memory.take(64 * kib), memory.take(64 * kib)]
    memory.release(given, 64 * kib)
    const isUntouched = occupy(memory, arena)
    memory.release(spare, 64 * kib)
    socket.write(framed(Buffer.alloc(200, 2)))
    await until(() => frames.length === 2)
    expect(isUntouched()).toBe(true)
    expect(frames[1]!.equals(Buffer.alloc(200, 2))).toBe(true)
  })

  test('bytes after a pause do not arrive in released memory', async () => {
    let isBusy = false
    const there = await world(open, {
      frame: (_, __, queue) => {
        if (isBusy) queue.gate.pause('ring-full')
        return isBusy ? 'later' : 'taken'
      },
    })
    const { arena, memory, frames, connections, until } = there
    const socket = await there.client()
    isBusy = true
    const large = framed(Buffer.alloc(400 * kib, 3))
    socket.write(Buffer.concat([framed(Buffer.alloc(10 * kib, 2)), large.subarray(0, 1000)]))
    await until(() => there.pauses === 1)
    isBusy = false
    // The large frame has no room in the segment of the small one, and moves to another.
    connections[0]!.gate.resume('ring-full')
    expect(frames.length).toBe(1)
    const isUntouched = occupy(memory, arena)
    socket.write(large.subarray(1000, 30 * kib))
    await until(() => there.received === framed(Buffer.alloc(10 * kib)).length + 30 * kib)
    expect(isUntouched()).toBe(true)
    socket.write(large.subarray(30 * kib))
    await until(() => frames.length === 2)
    expect(frames[1]!.equals(large.subarray(4))).toBe(true)
  })

  test('reads that paused for unread responses resume when the client reads', async () => {
    const { frames, connections, client, until } = await world(open, {
      frame: (body, _, queue) => {
        if (queue.connection.unsentBytes > 1 << 20) {
          queue.gate.pause('send-queue')
          return 'later'
        }
        if (body[0] === 1) queue.connection.send([Buffer.alloc(16 << 20)], undefined)
        return 'taken'
      },
    })
    const socket = await client()
    socket.pause()
    socket.write(Buffer.concat([framed(Buffer.from([1])), framed(Buffer.from([2]))]))
    await until(() => frames.length === 1)
    expect(connections[0]!.unsentBytes).toBeGreaterThan(1 << 20)
    socket.resume()
    await until(() => frames.length === 2)
  })

  test('unread responses are copied out in time, and arrive whole although their memory is reused', async () => {
    const { there, connection, arena, sent, kept, range, all, bytes } = await slowReader(open, 8 << 20)
    expect(there.late).toBe(1)
    expect(connection.unsentBytes).toBeGreaterThan(0)
    expect(connection.relieve(0, 1000)).toBe(true)
    expect(kept()).toBe(bytes)
    const inFlight = Buffer.from(arena)
    expect(connection.relieve(Number.MAX_SAFE_INTEGER, 1000)).toBe(false)
    expect(kept()).toBeLessThanOrEqual(windowBytes)
    // The little that the kernel was given stays: all other memory has other owners now.
    const [start, end] = range()
    arena.fill(0xee, base)
    inFlight.copy(arena, start!, start!, end!)
    expect((await all()).equals(sent)).toBe(true)
    expect(kept()).toBe(0)
  })

  test('unread responses stay in place without memory for a copy, and arrive', async () => {
    const { connection, sent, kept, all, bytes } = await slowReader(open, 1 << 20)
    expect(connection.relieve(Number.MAX_SAFE_INTEGER, 1000)).toBe(true)
    expect(kept()).toBe(bytes)
    expect((await all()).equals(sent)).toBe(true)
    expect(kept()).toBe(0)
  })

  test('a closed connection releases its leases and its copies', async () => {
    const { there, connection, kept } = await slowReader(open, 8 << 20)
    connection.relieve(Number.MAX_SAFE_INTEGER, 0)
    expect(there.slow.freeBytes).toBeLessThan(8 << 20)
    connection.close('enough')
    while (there.open > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(kept()).toBe(0)
    expect(there.slow.freeBytes).toBe(8 << 20)
  })

  test('a frame that is retried within its own read does not stop later reads', async () => {
    let isBusy = true
    const there = await world(open, {
      frame: (_, __, queue) => {
        if (!isBusy) return 'taken'
        isBusy = false
        queue.gate.pause('ring-full')
        return 'later'
      },
      onRead: () => there.connections[0]?.gate.resume('ring-full'),
    })
    const socket = await there.client()
    socket.write(framed(Buffer.alloc(10, 1)))
    await there.until(() => there.frames.length === 1)
    socket.write(framed(Buffer.alloc(10, 2)))
    await there.until(() => there.frames.length === 2)
  })
})
