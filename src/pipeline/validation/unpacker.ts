import { damaged } from '../../wire/compression/damaged.ts'
import { type CodecName, codecs } from '../../wire/record-batch.ts'
import { behind, DecoderMemory } from './decoder-memory.ts'
import { runStatus } from './validation-kernel.ts'

/** Output that one step of a decoder may need beyond the available room: the largest block of LZ4, and a margin. */
const stepBytes = (4 << 20) + 4096
/** Initial room for output, as a multiple of the input. */
const usualRatio = 4
/** Memory that is retained from one call to the next. */
const keptBytes = 16 << 20
/** One run decodes all that fits. */
const budget = 0x7fff_ffff

/**
 * Decompresses whole record batches with the decoders that validate them, so that every batch accepted by validation can be decompressed.
 */
export class Unpacker {
  readonly #memory: DecoderMemory

  /** `module` is compiled from `dist/decoding.wasm`. */
  constructor(module: WebAssembly.Module) {
    this.#memory = new DecoderMemory(module)
  }

  /** Throws MalformedMessage for damaged bytes, and for more than `bytesMax` bytes of output. */
  unpack(codec: CodecName, packed: Uint8Array, bytesMax: number): Buffer {
    try {
      return this.#unpack(codec, packed, bytesMax)
    } finally {
      if (this.#memory.bytes > keptBytes) this.#memory.release()
    }
  }

  #unpack(codec: CodecName, packed: Uint8Array, bytesMax: number): Buffer {
    const memory = this.#memory
    const windowMax = bytesMax + stepBytes
    const windowFrom = behind(packed.length)
    let windowBytes = Math.min(windowMax, packed.length * usualRatio + stepBytes)
    let room = memory.room(windowFrom + windowBytes)
    room.bytes.set(packed, room.from)
    const { kernel, job } = room
    const window = room.from + windowFrom
    windowBytes = Math.min(windowMax, room.end - window)
    kernel.beginUnpack(job, window, windowBytes, codecs[codec], room.from, packed.length)
    let status: number
    while ((status = kernel.run(job, budget)) !== runStatus.done) {
      if (status === runStatus.more) continue
      if (status !== runStatus.window) throw damaged(codec, 'the compressed bytes are not what the codec allows')
      if (windowBytes === windowMax) throw tooLarge(codec, bytesMax)
      windowBytes = Math.min(windowMax, windowBytes * 2)
      room = memory.room(windowFrom + windowBytes)
      kernel.extend(job, windowBytes)
    }
    const bytes = kernel.outputBytes(job)
    if (bytes > bytesMax) throw tooLarge(codec, bytesMax)
    // Memory that is about to be released is used only by the caller.
    if (memory.bytes > keptBytes) return room.bytes.subarray(window, window + bytes)
    const unpacked = Buffer.allocUnsafeSlow(bytes)
    room.bytes.copy(unpacked, 0, window, window + bytes)
    return unpacked
  }
}

const tooLarge = (codec: CodecName, bytesMax: number): Error => damaged(codec, `more than ${bytesMax} bytes come out`)
