import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { PartitionSettings } from '../../src/ports/partitions.ts'
import { codecs } from '../../src/wire/record-batch.ts'
import { javaArguments } from './kafka.ts'
import { root } from './root.ts'

export const codecIds = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
export type Codec = keyof typeof codecIds

const usualLevel = 0x7f
const source = join(root, 'test', 'interop', 'damaged-batches', 'KafkaCodecs.java')

/** Kafka's own codecs and record checks, in a Java process that answers in order. */
export class KafkaCodecs {
  readonly #child: ChildProcess
  readonly #waiting: { answer(bytes: Buffer): void; fail(error: Error): void }[] = []
  #received: Buffer = Buffer.alloc(0)
  #ended: Error | undefined

  constructor() {
    const args = javaArguments(source, '-Xmx1g')
    this.#child = spawn('java', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdin!.on('error', () => {})
    this.#child.stdout!.on('data', (bytes: Buffer) => this.#receive(bytes))
    this.#child.once('close', (code) => {
      this.#ended = new Error(`Kafka's codecs ended with ${code}`)
      for (const { fail } of this.#waiting) fail(this.#ended)
    })
  }

  pack(codec: Codec, bytes: Buffer, level = usualLevel): Promise<Buffer> {
    return this.#request('p', (codecIds[codec] << 8) | (level & 0xff), bytes)
  }

  /** "ok" and the largest timestamp, or Kafka's exception, for a batch that arrives at `now`. */
  async validate(batch: Buffer, now: number, settings: PartitionSettings): Promise<string> {
    const { compacted, timestampType, timestampBeforeMaxMs, timestampAfterMaxMs, packing } = settings
    const target = packing === undefined ? 0 : codecs[packing.codec] + 1
    const flags = (compacted ? 1 : 0) | (timestampType === 'LogAppendTime' ? 2 : 0)
    const times = Buffer.alloc(24)
    times.writeBigInt64BE(BigInt(now))
    times.writeBigInt64BE(timestampBeforeMaxMs, 8)
    times.writeBigInt64BE(timestampAfterMaxMs, 16)
    return (await this.#request('j', (target << 8) | flags, Buffer.concat([times, batch]))).toString()
  }

  end(): void {
    this.#child.stdin!.end()
  }

  #request(operation: string, argument: number, bytes: Buffer): Promise<Buffer> {
    if (this.#ended) return Promise.reject(this.#ended)
    const header = Buffer.alloc(9)
    header.write(operation, 0, 'latin1')
    header.writeInt32BE(argument, 1)
    header.writeInt32BE(bytes.length, 5)
    this.#child.stdin!.write(Buffer.concat([header, bytes]))
    return new Promise((answer, fail) => this.#waiting.push({ answer, fail }))
  }

  #receive(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    let at = 0
    while (this.#received.length - at >= 4) {
      const end = at + 4 + this.#received.readInt32BE(at)
      if (end > this.#received.length) break
      this.#waiting.shift()?.answer(Buffer.from(this.#received.subarray(at + 4, end)))
      at = end
    }
    this.#received = this.#received.subarray(at)
  }
}
