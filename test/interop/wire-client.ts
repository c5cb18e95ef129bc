import { connect, type Socket } from 'node:net'
import type { Fields, Message, Wire } from '../../src/wire/schema.ts'
import { blank } from '../../src/wire/schema.ts'
import { frame, parse } from '../broker/world.ts'

/** A client that says exactly what it is told, with the tables of the wire. One request at a time. */
export class WireClient {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  #waiting: ((frame: Buffer | undefined) => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
      if (this.#received.length < 4 || this.#received.length < 4 + this.#received.readInt32BE(0)) return
      const answer = this.#received.subarray(4, 4 + this.#received.readInt32BE(0))
      this.#received = this.#received.subarray(4 + answer.length)
      this.#waiting?.(answer)
    })
    socket.on('error', () => {})
    socket.on('close', () => this.#waiting?.(undefined))
  }

  static open(port: number): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new WireClient(socket)))
    })
  }

  /** Other fields have their defaults. Rejects when the broker ends the connection instead. */
  async ask<Q extends Fields, R extends Fields>(
    request: Message<Q>,
    response: Message<R>,
    version: number,
    fields: Partial<Wire<Message<Q>>>,
  ): Promise<Wire<Message<R>>> {
    const body = frame(request, version, { ...blank(request), ...fields })
    const size = Buffer.alloc(4)
    size.writeInt32BE(body.length)
    const answer = await new Promise<Buffer | undefined>((resolve) => {
      this.#waiting = resolve
      this.#socket.write(Buffer.concat([size, body]))
    })
    if (answer === undefined) throw new Error('the broker ended the connection')
    return parse(response, version, answer)
  }

  close(): void {
    this.#socket.destroy()
  }
}
