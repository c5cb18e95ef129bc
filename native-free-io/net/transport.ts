import type { Socket } from 'node:net'

/** Receives the bytes of a transport, in memory that it supplies. */
export interface TransportReceiver {
  /** Memory for the next read; never empty. */
  window(): Buffer
  /** `bytes` have arrived in the last window. Returns false to stop reads until `resume`. */
  received(bytes: number): boolean
}

/**
 * How the bytes of an accepted connection reach the receive buffers. Output is the same for every transport. TLS is one more transport: it
 * decrypts into the window.
 */
export interface Transport {
  readonly output: Socket
  /** Starts or continues reads. Has no effect within `received`: its result decides. */
  resume(): void
  pause(): void
  /** The last window is no longer valid: the next bytes arrive in a new one. */
  renewWindow(): void
}

/** Opens a transport on an open connection of `net.Server` from which nothing has been read. Reads start with `resume`. */
export type OpenTransport = (accepted: Socket, receiver: TransportReceiver) => Transport
