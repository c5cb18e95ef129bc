import type { Socket } from 'node:net'
import type { Transport, TransportReceiver } from './transport.ts'

/**
 * Copies received bytes into the window. Uses only documented functions of Node.
 *
 * Absent: a limit of its own for bytes that arrive while the receiver is paused. Node keeps at most its high-water mark, 64 KiB, besides
 * the last chunk.
 */
class CopyingTransport implements Transport {
  readonly output: Socket
  readonly #receiver: TransportReceiver
  /** Received bytes that are not copied yet. */
  #rest: Buffer | undefined
  #isPaused = true
  #isCopying = false

  constructor(socket: Socket, receiver: TransportReceiver) {
    this.output = socket
    this.#receiver = receiver
    socket.on('data', (chunk: Buffer) => {
      this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
      this.#copy()
    })
    // Attaching the listener has started the flow.
    socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#copy()
  }

  pause(): void {
    this.#isPaused = true
    this.output.pause()
  }

  /** A window is requested immediately before the copy. */
  renewWindow(): void {}

  #copy(): void {
    if (this.#isCopying) return
    this.#isCopying = true
    while (this.#rest !== undefined && !this.#isPaused && !this.output.destroyed) {
      const window = this.#receiver.window()
      const bytes = Math.min(window.length, this.#rest.length)
      window.set(this.#rest.subarray(0, bytes))
      this.#rest = bytes < this.#rest.length ? this.#rest.subarray(bytes) : undefined
      this.#isPaused = !this.#receiver.received(bytes)
    }
    this.#isCopying = false
    if (this.#isPaused) this.output.pause()
    else this.output.resume()
  }
}

export const openCopyingTransport = (accepted: Socket, receiver: TransportReceiver): Transport => new CopyingTransport(accepted, receiver)
