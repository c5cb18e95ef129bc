import { closeSync, constants, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { blockBytes } from '../src/stream/wal-record.ts'

/** One write at the most: the write-ahead log waits behind it on the same disk. */
const pieceBytesMax = 256 << 10

/** Memory of an arena to gather in: whole aligned blocks, and how to copy inside the arena. */
export interface Staging {
  readonly memory: Buffer
  readonly base: number
  readonly bytes: number
  copy(to: number, from: number, bytes: number): void
  /** Called after every piece with the milliseconds it took: whoever shares the disk gets as long. */
  pause(tookMs: number): void
}

/**
 * Writes a new file from its beginning to its end past the page cache, which has better things to hold. Through it where
 * the file system has no direct I/O.
 */
export class AlignedWriter {
  readonly #fd: number
  readonly #staging: Staging
  #staged = 0
  #written = 0

  constructor(path: string, staging: Staging) {
    this.#staging = staging
    this.#fd = openDirect(path)
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#written + this.#staged
  }

  /** Appends bytes of the arena. */
  appendAt(address: number, bytes: number): void {
    const { base, copy } = this.#staging
    this.#append(bytes, (at, from, count) => copy(base + at, address + from, count))
  }

  append(bytes: Uint8Array): void {
    const { base, memory } = this.#staging
    this.#append(bytes.length, (at, from, count) => memory.set(bytes.subarray(from, from + count), base + at))
  }

  /** Makes everything durable and closes the file, which has no name to rely on before that. */
  finish(): void {
    const size = this.bytes
    const whole = Math.ceil(this.#staged / blockBytes) * blockBytes
    this.#staging.memory.fill(0, this.#staging.base + this.#staged, this.#staging.base + whole)
    this.#flush(whole)
    ftruncateSync(this.#fd, size)
    fsyncSync(this.#fd)
    closeSync(this.#fd)
  }

  abandon(): void {
    closeSync(this.#fd)
  }

  #append(bytes: number, put: (at: number, from: number, count: number) => void): void {
    for (let done = 0; done < bytes; ) {
      const count = Math.min(bytes - done, this.#staging.bytes - this.#staged)
      put(this.#staged, done, count)
      this.#staged += count
      done += count
      if (this.#staged === this.#staging.bytes) this.#flush(this.#staged)
    }
  }

  #flush(bytes: number): void {
    if (bytes === 0) return
    const { memory, base, pause } = this.#staging
    for (let done = 0; done < bytes; ) {
      const piece = Math.min(bytes - done, pieceBytesMax)
      const began = performance.now()
      const written = writeSync(this.#fd, memory, base + done, piece, this.#written + done)
      if (written !== piece) throw new Error(`the disk took ${written} of ${piece} bytes`)
      done += piece
      pause(performance.now() - began)
    }
    this.#written += bytes
    this.#staged = 0
  }
}

function openDirect(path: string): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC
  try {
    // Durable piece by piece: one flush of a whole object would hold up every write of the log behind it.
    return openSync(path, flags | constants.O_DIRECT | constants.O_DSYNC, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
    return openSync(path, flags, 0o600)
  }
}
