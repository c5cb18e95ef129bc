import { jobBytesMax, type ValidationKernel, validationKernel } from './validation-kernel.ts'

const pageBytes = 65536
const pagesMax = 65536
/** Address of the job. Address 0 is not valid for the kernel. */
const jobAt = 1024
/** Start of the caller's part of the memory. */
const ownAt = jobAt + jobBytesMax
const alignment = 64

/** Memory of a decoder: a job of the kernel, followed by the data of its owner. */
export interface DecoderRoom {
  readonly kernel: ValidationKernel
  readonly job: number
  /** The first address that the owner may use, and the end. */
  readonly from: number
  readonly end: number
  readonly bytes: Buffer
}

/** Source of memory for decoders. */
export interface DecoderRooms {
  /** Returns a room with at least `bytes` for the owner. It replaces those returned before; their contents stay. */
  room(bytes: number): DecoderRoom
  /** Releases the memory to the system where that is possible. */
  release(): void
}

/** Memory for one decoder in one thread. It grows with its contents and can be released. */
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

  /** Size of the memory; pages that were never written occupy no physical memory. */
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

/** The first address after `at` and a gap that decoders may overrun. */
export const behind = (at: number): number => Math.ceil((at + alignment) / alignment) * alignment
