import { connect, type Socket } from 'node:net'
import type { Fields, Message, Wire } from '../../src/wire/schema.ts'
import { blank } from '../../src/wire/schema.ts'
import { frame, parse } from '../unit/broker/broker-world.ts'

/** The broker has closed the connection, and the results of pending requests are unknown. */
export class ConnectionEnded extends Error {
  constructor() {
    super('the broker ended the connection')
  }
}

/** A client that sends exactly the given fields, with the tables of the wire. Pipelined requests are answered in order. */
export class WireClient {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  readonly #waiting: ((frame: Buffer | undefined) => void)[] = []
  #isClosed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#hear(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isClosed = true
      for (const send of this.#waiting.splice(0)) send(undefined)
    })
  }

  static open(port: number): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new WireClient(socket)))
    })
  }

  /** Other fields have their defaults. Rejects when the broker closes the connection instead. */
  async call<Q extends Fields, R extends Fields>(
    request: Message<Q>,
    response: Message<R>,
    version: number,
    fields: Partial<Wire<Message<Q>>>,
  ): Promise<Wire<Message<R>>> {
    const answer = await new Promise<Buffer | undefined>((resolve) => {
      if (this.isClosed) return resolve(undefined)
      this.#waiting.push(resolve)
      this.send(request, version, fields)
    })
    if (answer === undefined) throw new ConnectionEnded()
    return parse(response, version, answer)
  }

  /** Sends a request without waiting for a response. */
  send<Q extends Fields>(request: Message<Q>, version: number, fields: Partial<Wire<Message<Q>>>): void {
    const body = frame(request, version, { ...blank(request), ...fields })
    const size = Buffer.alloc(4)
    size.writeInt32BE(body.length)
    this.#socket.write(Buffer.concat([size, body]))
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  close(): void {
    this.#socket.destroy()
  }

  #hear(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk])
    while (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readInt32BE(0)) {
      const answer = this.#received.subarray(4, 4 + this.#received.readInt32BE(0))
      this.#received = this.#received.subarray(4 + answer.length)
      this.#waiting.shift()?.(answer)
    }
  }
}
