import { jobBytesMax, type ValidationKernel, validationKernel } from './validation-kernel.ts'

const pageBytes = 65536
const pagesMax = 65536
/** Where the job lies. Address 0 is no address for the kernel. */
const jobAt = 1024
/** Where the caller's own part of the memory begins. */
const ownAt = jobAt + jobBytesMax
const alignment = 64

/** What a decoder works in: a job of the kernel, and behind it what its owner places there. */
export interface DecoderRoom {
  readonly kernel: ValidationKernel
  readonly job: number
  /** The first address that the owner may use, and the end. */
  readonly from: number
  readonly end: number
  readonly bytes: Buffer
}

/** Where a decoder gets its room from. */
export interface DecoderRooms {
  /** A room with at least `bytes` for the owner. It replaces those returned before; what lies in them stays. */
  room(bytes: number): DecoderRoom
  /** Gives the memory back to the system where it can be. */
  release(): void
}

/** A memory of one thread for one decoder, which grows with what is placed in it and can be released. */
export class DecoderMemory implements DecoderRooms {
  readonly #module: WebAssembly.Module
  #memory: WebAssembly.Memory<ArrayBuffer> | undefined
  #room: DecoderRoom | undefined

  /** `module` is compiled from `dist/decoding.wasm`. */
  constructor(module: WebAssembly.Module) {
    this.#module = module
  }

  room(bytes: number): DecoderRoom {
    const pages = Math.ceil((ownAt + bytes) / pageBytes)
    let room = this.#room
    if (room === undefined || this.#memory === undefined) {
      this.#memory = new WebAssembly.Memory<ArrayBuffer>({ initial: pages, maximum: pagesMax })
      const kernel = validationKernel(this.#module, this.#memory)
      kernel.prepare(jobAt)
      room = this.#roomOf(kernel, this.#memory)
    } else if (pages * pageBytes > room.end) {
      this.#memory.grow(pages - room.end / pageBytes)
      room = this.#roomOf(room.kernel, this.#memory)
    }
    this.#room = room
    return room
  }

  /** Of the memory; what has never been written takes no room. */
  get bytes(): number {
    return this.#room?.end ?? 0
  }

  release(): void {
    this.#memory = undefined
    this.#room = undefined
  }

  #roomOf(kernel: ValidationKernel, { buffer }: WebAssembly.Memory<ArrayBuffer>): DecoderRoom {
    return { kernel, job: jobAt, from: ownAt, end: buffer.byteLength, bytes: Buffer.from(buffer) }
  }
}

/** The first address behind `at` and a gap, over which decoders may read. */
export const behind = (at: number): number => Math.ceil((at + alignment) / alignment) * alignment
