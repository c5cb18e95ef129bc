import { Socket } from 'node:net'
import type { Transport, TransportReceiver } from './transport.ts'

/** The undocumented parts of Node that this transport uses. `zeroCopyFault` checks them at the start. */
interface Handle {
  useUserBuffer(buffer: Uint8Array): void
}
interface WithHandle {
  _handle: Handle | null
}
type SocketOptions = ConstructorParameters<typeof Socket>[0] & {
  readonly handle: Handle
  readonly onread: { buffer(): Buffer; callback(bytes: number): boolean }
}

/**
 * Reads from the kernel directly into the window. The option for that exists only for sockets that the application creates, so the handle
 * of the accepted socket moves to such a socket.
 */
class ZeroCopyTransport implements Transport {
  readonly output: Socket
  readonly #handle: Handle
  readonly #receiver: TransportReceiver

  constructor(handle: Handle, receiver: TransportReceiver) {
    this.#handle = handle
    this.#receiver = receiver
    const options: SocketOptions = {
      handle,
      readable: true,
      writable: true,
      onread: { buffer: () => receiver.window(), callback: (bytes) => receiver.received(bytes) },
    }
    this.output = new Socket(options)
  }

  resume(): void {
    this.output.resume()
  }

  pause(): void {
    this.output.pause()
  }

  /** Node obtains the next window as soon as it has filled the last. Each replacement costs some bytes until the connection ends. */
  renewWindow(): void {
    this.#handle.useUserBuffer(this.#receiver.window())
  }
}

export function openZeroCopyTransport(accepted: Socket, receiver: TransportReceiver): Transport {
  const inner = accepted as Socket & Partial<WithHandle>
  const handle = inner._handle
  if (handle === null || handle === undefined) throw new Error('the accepted socket has no handle')
  // Destroys the first socket without closing the descriptor, which the handle keeps.
  inner._handle = null
  accepted.destroy()
  return new ZeroCopyTransport(handle, receiver)
}
