import { connect, type Socket } from 'node:net'
import { address, type Frame, type Sequencer } from './frame.ts'

export type Acknowledged = (partition: number, baseOffset: number, sinceMs: number) => void

export interface ProducerConnectionOptions {
  readonly port: number
  readonly frames: readonly Frame[]
  /** Null without idempotence. */
  readonly sequencer: Sequencer | null
  readonly topic: string
  readonly partitions: number
  readonly firstPartition: number
  readonly acknowledged: Acknowledged
  readonly failed: (reason: string) => void
}

const readBytes = 64 * 1024

/**
 * One connection with a fixed number of requests in flight, each in a frame of its own. A frame is free again when its response has
 * arrived: then the kernel no longer uses its bytes. Responses are read at fixed positions, because each is about one partition.
 */
export class ProducerConnection {
  readonly #options: ProducerConnectionOptions
  readonly #socket: Socket
  readonly #sentAt: Float64Array
  readonly #partitionOf: Int32Array
  readonly #nextSequence: Int32Array
  readonly #errorAt: number
  readonly opened: Promise<void>
  #sent = 0
  #answered = 0
  #partition: number
  #carry = Buffer.alloc(0)

  constructor(options: ProducerConnectionOptions) {
    this.#options = options
    this.#partition = options.firstPartition
    this.#sentAt = new Float64Array(options.frames.length)
    this.#partitionOf = new Int32Array(options.frames.length)
    this.#nextSequence = new Int32Array(options.partitions)
    this.#errorAt = 4 + 4 + 1 + 1 + 1 + Buffer.byteLength(options.topic) + 1 + 4
    const buffer = Buffer.alloc(readBytes)
    const notified = (count: number): boolean => {
      this.#hear(buffer.subarray(0, count))
      return true
    }
    this.#socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback: notified } })
    this.opened = new Promise((resolve, reject) => this.#socket.once('connect', resolve).once('error', reject))
    this.#socket.on('error', (error) => options.failed(error.message))
    this.#socket.on(
      'close',
      () => this.inFlight > 0 && options.failed(`the broker closed a connection with ${this.inFlight} requests open`),
    )
  }

  get inFlight(): number {
    return this.#sent - this.#answered
  }

  get hasRoom(): boolean {
    return this.inFlight < this.#options.frames.length
  }

  /** `sinceMs` is the due time of the request, from which the latency counts. */
  send(sinceMs: number): void {
    const { frames, sequencer, partitions } = this.#options
    const slot = this.#sent % frames.length
    const frame = frames[slot]!
    const partition = this.#partition
    address(frame, this.#sent, partition)
    if (sequencer) {
      sequencer.set(frame, this.#nextSequence[partition]!)
      this.#nextSequence[partition]! += frame.records
    }
    this.#sentAt[slot] = sinceMs
    this.#partitionOf[slot] = partition
    this.#partition = (partition + 1) % partitions
    this.#sent += 1
    this.#socket.write(frame.bytes)
  }

  close(): void {
    this.#socket.destroy()
  }

  #hear(chunk: Buffer): void {
    const bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk])
    let at = 0
    this.#socket.cork()
    while (bytes.length - at >= 4) {
      const end = at + 4 + bytes.readInt32BE(at)
      if (end > bytes.length) break
      this.#answer(bytes.subarray(at, end))
      at = end
    }
    this.#socket.uncork()
    this.#carry = Buffer.from(bytes.subarray(at))
  }

  #answer(answer: Buffer): void {
    const { failed, acknowledged, frames } = this.#options
    const slot = this.#answered % frames.length
    if (answer.readInt32BE(4) !== this.#answered) {
      failed(`answer ${answer.readInt32BE(4)} came where ${this.#answered} was due`)
      return
    }
    const error = answer.readInt16BE(this.#errorAt)
    if (error !== 0) {
      failed(`a batch was rejected with error ${error}`)
      return
    }
    this.#answered += 1
    const baseOffset = answer.readUInt32BE(this.#errorAt + 2) * 2 ** 32 + answer.readUInt32BE(this.#errorAt + 6)
    acknowledged(this.#partitionOf[slot]!, baseOffset, this.#sentAt[slot]!)
  }
}
