import { randomFillSync } from 'node:crypto'
import { batchAt, encodeBatch } from '../../test/support/batch.ts'
import { Connection } from '../../test/support/connection.ts'
import { api, fetchRequest, produce, readFetch, readProduce, requestFrame } from '../../test/support/requests.ts'

/** A prime, so that a misplaced batch is not mistaken for one with the same bytes. */
const templateCount = 61
const recordsPerBatch = 63
const recordBytes = 1024
const inFlight = 5

/** Batches of random bytes: the records that are read are compared with those that were sent, byte for byte. */
export class Templates {
  readonly #batches: readonly Buffer[]

  constructor() {
    this.#batches = Array.from({ length: templateCount }, () => {
      const records = Array.from({ length: recordsPerBatch }, () => ({ value: randomFillSync(Buffer.alloc(recordBytes)) }))
      return encodeBatch(records)
    })
  }

  get batchBytes(): number {
    return this.#batches[0]!.length
  }

  batch(index: number): Buffer {
    return this.#batches[index % templateCount]!
  }

  /** Sends `count` batches, in order; `onSent` receives the number of acknowledged ones. */
  async send(port: number, topic: string, count: number, onSent: (batches: number) => void): Promise<void> {
    const connection = await Connection.open(port)
    const frames = this.#batches.map((records) => requestFrame(api.produce, produce([{ topic, partition: 0, records }]), 1))
    const waiting: Promise<void>[] = []
    const send = async (index: number): Promise<void> => {
      const [answer] = readProduce(await connection.exchange(frames[index % templateCount]!, true))
      if (answer?.error !== 0) throw new Error(`batch ${index} was rejected with error ${answer?.error}`)
      if (answer.baseOffset !== BigInt(index * recordsPerBatch)) throw new Error(`batch ${index} was given offset ${answer.baseOffset}`)
    }
    for (let sent = 0, done = 0; done < count; ) {
      while (sent < count && sent - done < inFlight) waiting.push(send(sent++))
      await waiting.shift()
      onSent(++done)
    }
    await connection.close()
  }

  /** Reads the topic and compares it; `onRead` is called for every batch. */
  async compare(port: number, topic: string, count: number, onRead: (batches: number) => void): Promise<void> {
    const connection = await Connection.open(port)
    for (let index = 0; index < count; ) {
      const offset = BigInt(index * recordsPerBatch)
      const limits = { maxBytes: 16 << 20, partitionMaxBytes: 8 << 20, waitMs: 500 }
      const { parts } = readFetch(await connection.call(api.fetch, fetchRequest([{ topic, partition: 0, offset }], limits)))
      const part = parts[0]
      if (part?.error !== 0) throw new Error(`Fetch at ${offset} answered ${part?.error}`)
      index += this.#compareBatches(part.records, index)
      onRead(index)
    }
    await connection.close()
  }

  #compareBatches(records: Buffer, first: number): number {
    let index = first
    for (let at = 0; records.length - at >= this.batchBytes; at += this.batchBytes, index++) {
      const baseOffset = records.readBigInt64BE(at)
      if (baseOffset !== BigInt(index * recordsPerBatch)) throw new Error(`offset ${baseOffset} came where batch ${index} was due`)
      // Base offset and leader epoch are the broker's.
      const same = (from: number, to: number): boolean => this.batch(index).compare(records, at + from, at + to, from, to) === 0
      if (!same(batchAt.length, batchAt.length + 4) || !same(batchAt.length + 8, this.batchBytes))
        throw new Error(`batch ${index} is not what was sent`)
    }
    return index - first
  }
}
