import { batchAt, encodeBatch } from '../../test/support/batch.ts'
import { crc32cRegister } from '../../test/support/crc32c.ts'
import { api, produce, requestFrame } from '../../test/support/requests.ts'
import type { PackedRecords } from './messages.ts'

/** A Produce request that is built once and sent many times: only correlation id, partition and sequence change. */
export interface Frame {
  readonly bytes: Buffer
  readonly partitionAt: number
  readonly batchStart: number
  readonly records: number
  readonly batchBytes: number
}

export interface FrameSpec {
  readonly topic: string
  readonly batchBytes: number
  readonly recordBytes: number
  readonly acks: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly packed?: PackedRecords | undefined
}

const correlationAt = 8

export function buildFrame(spec: FrameSpec): Frame {
  const { packed } = spec
  const records = packed === undefined ? fill(spec) : Array.from({ length: packed.count }, () => ({ value: null }))
  const compressed = packed === undefined ? {} : { attributes: packed.codec, payload: Buffer.from(packed.base64, 'base64') }
  const idempotent = { producerId: spec.producerId, producerEpoch: spec.producerEpoch, baseSequence: spec.producerId < 0n ? -1 : 0 }
  const batch = encodeBatch(records, { ...idempotent, ...compressed })
  const body = produce([{ topic: spec.topic, partition: 0, records: batch }], spec.acks)
  const bytes = Buffer.from(requestFrame(api.produce, body, 0))
  // After the batch there are three empty tag sections; before it are its length and the partition.
  const batchStart = bytes.length - 3 - batch.length
  const lengthBytes = 1 + Math.floor(Math.log2(batch.length + 1) / 7)
  return { bytes, partitionAt: batchStart - lengthBytes - 4, batchStart, records: records.length, batchBytes: batch.length }
}

/** As many records as fit the batch size, of incompressible bytes. */
function fill(spec: FrameSpec): { readonly value: Buffer }[] {
  const overhead = 10
  const count = Math.max(1, Math.floor((spec.batchBytes - batchAt.records) / (spec.recordBytes + overhead)))
  let word = 1
  return Array.from({ length: count }, () => {
    const value = Buffer.alloc(spec.recordBytes)
    for (let i = 0; i < value.length; i += 1) {
      word = (Math.imul(word, 1103515245) + 12345) >>> 0
      value[i] = word >>> 16
    }
    return { value }
  })
}

/** The same request in bytes of its own. */
export const copyFrame = (frame: Frame): Frame => ({ ...frame, bytes: Buffer.from(frame.bytes) })

/** Invariant: the checksum covers none of the bytes that this changes, so it stays valid. */
export function address(frame: Frame, correlation: number, partition: number): void {
  frame.bytes.writeInt32BE(correlation, correlationAt)
  frame.bytes.writeInt32BE(partition, frame.partitionAt)
}

/**
 * Sets the sequence of a frame without reading its records again. A checksum is linear over exclusive or. So each byte of
 * the sequence has its own contribution, which depends only on the number of bytes that follow it.
 */
export class Sequencer {
  readonly #contributions: readonly Uint32Array[]
  readonly #checksumAtNought: number

  constructor(frame: Frame) {
    const after = frame.batchBytes - batchAt.baseSequence - 4
    this.#contributions = [0, 1, 2, 3].map((byte) => contributions(3 - byte + after))
    this.#checksumAtNought = frame.bytes.readUInt32BE(frame.batchStart + batchAt.crc)
  }

  set(frame: Frame, sequence: number): void {
    let checksum = this.#checksumAtNought
    this.#contributions.forEach((table, byte) => {
      checksum ^= table[(sequence >>> (24 - byte * 8)) & 0xff]!
    })
    frame.bytes.writeInt32BE(sequence, frame.batchStart + batchAt.baseSequence)
    frame.bytes.writeUInt32BE(checksum >>> 0, frame.batchStart + batchAt.crc)
  }
}

/** Contribution of each byte value to the register when `following` zero bytes come after it. */
function contributions(following: number): Uint32Array {
  const noughts = Buffer.alloc(following)
  const bits = Array.from({ length: 8 }, (_, bit) => crc32cRegister(noughts, crc32cRegister(Buffer.of(1 << bit), 0)))
  return new Uint32Array(256).map((_, value) => bits.reduce((all, word, bit) => ((value >> bit) & 1 ? all ^ word : all), 0))
}
