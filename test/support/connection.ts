import { connect, type Socket } from 'node:net'
import { Reader, type Writer } from './bytes.ts'
import { type Api, requestFrame } from './requests.ts'

interface Waiting {
  readonly flexible: boolean
  readonly resolve: (answer: Reader) => void
  readonly reject: (error: Error) => void
}

/** One client connection. Responses arrive in the order of the requests, so a list of waiting requests is sufficient. */
export class Connection {
  readonly socket: Socket
  readonly closed: Promise<void>
  #waiting: Waiting[] = []
  #received: Buffer[] = []
  #receivedBytes = 0
  #correlation = 0
  #isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#hear(chunk))
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => socket.once('close', () => resolve(this.#end())))
  }

  static open(port: number, host = '127.0.0.1'): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket))
      })
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Resolves to the body of the response, after its header. Rejects when the connection ends first. */
  call(api: Api, body: Writer, clientId?: string | null): Promise<Reader> {
    this.#correlation += 1
    return this.exchange(requestFrame(api, body, this.#correlation, clientId), api.flexible && api.key !== 18)
  }

  /** Sends a whole frame unchanged and receives the next response. */
  exchange(frame: Uint8Array, flexibleAnswer: boolean): Promise<Reader> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new Error('the connection is closed'))
      this.#waiting.push({ flexible: flexibleAnswer, resolve, reject })
      this.socket.write(frame)
    })
  }

  /** Sends arbitrary bytes; responses to them are discarded. */
  send(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  close(): Promise<void> {
    this.socket.destroy()
    return this.closed
  }

  #hear(chunk: Buffer): void {
    this.#received.push(chunk)
    this.#receivedBytes += chunk.length
    while (this.#receivedBytes >= 4) {
      const size = this.#join(4).readInt32BE(0)
      if (this.#receivedBytes < 4 + size) return
      const all = this.#join(this.#receivedBytes)
      this.#received = all.length > 4 + size ? [all.subarray(4 + size)] : []
      this.#receivedBytes -= 4 + size
      this.#answer(all.subarray(4, 4 + size))
    }
  }

  /** The received bytes with at least `count` of them in the first piece. */
  #join(count: number): Buffer {
    if (this.#received[0]!.length < count) this.#received = [Buffer.concat(this.#received)]
    return this.#received[0]!
  }

  #answer(message: Buffer): void {
    const waiting = this.#waiting.shift()
    if (!waiting) return
    const answer = new Reader(message, 4)
    if (waiting.flexible) answer.skipTags()
    waiting.resolve(answer)
  }

  #end(): void {
    this.#isClosed = true
    for (const waiting of this.#waiting.splice(0)) waiting.reject(new Error('the connection ended before the answer'))
  }
}

/** Opens a connection for the duration of `work`. */
export async function connected<T>(port: number, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await Connection.open(port)
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}
