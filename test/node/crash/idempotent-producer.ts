import { below, type Prng } from '../../../src/base/prng.ts'
import type { Producer } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import type { Connection } from '../../support/connection.ts'
import { api, produce, readProduce } from '../../support/requests.ts'

/** A batch and its bytes, which are the same in every attempt, so that the broker can detect duplicates. */
interface Batch {
  readonly first: number
  readonly count: number
  readonly bytes: Buffer
}

const inFlightMax = 5
const recordsMax = 40
const fillerMax = 2000
const duplicateSequenceNumber = 46

/**
 * The only writer of one partition. Its n-th record contains the partition and n, and no other records are written. So the record at offset
 * n must be the n-th, regardless of crashes.
 */
export class IdempotentProducer {
  readonly topic: string
  readonly partition: number
  readonly #producer: Producer
  readonly #random: Prng
  readonly #timeoutMs: number | undefined
  /** Batches that were sent and not acknowledged, in order: all of them are sent again on the next connection. */
  #open: Batch[] = []
  #next = 0
  #acknowledged = 0

  /** `timeoutMs`: timeout of the broker for a batch; by default the maximum of most clients. */
  constructor(topic: string, partition: number, producer: Producer, random: Prng, timeoutMs?: number) {
    this.topic = topic
    this.partition = partition
    this.#producer = producer
    this.#random = random
    this.#timeoutMs = timeoutMs
  }

  /** Records before this number were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Records before this number may be in the log. */
  get attempted(): number {
    return this.#next
  }

  /** Writes until the connection ends or `mayGoOn` returns false; rejects on an invalid response of the broker. */
  async run(connection: Connection, mayGoOn: () => boolean): Promise<void> {
    const waiting = this.#open.map((batch) => this.#sendQuietly(connection, batch))
    while (!connection.isClosed) {
      while (waiting.length < inFlightMax && mayGoOn()) waiting.push(this.#sendQuietly(connection, this.#make()))
      const first = waiting.shift()
      if (first === undefined) return
      if (!(await first)) return
    }
  }

  /** The first error ends a run; the errors that follow from it are ignored. */
  #sendQuietly(connection: Connection, batch: Batch): Promise<boolean> {
    const sent = this.#send(connection, batch)
    sent.catch(() => {})
    return sent
  }

  /** Returns false when no response arrived. */
  async #send(connection: Connection, batch: Batch): Promise<boolean> {
    const parts = [{ topic: this.topic, partition: this.partition, records: batch.bytes }]
    const body = await connection.call(api.produce, produce(parts, -1, null, this.#timeoutMs)).catch(() => null)
    if (body === null) return false
    const answer = readProduce(body)[0]!
    const isKnown = answer.error === duplicateSequenceNumber
    if (answer.error !== 0 && !isKnown) throw new Error(`${this.#name(batch)} was rejected with error ${answer.error}`)
    if (!isKnown && answer.baseOffset !== BigInt(batch.first)) throw new Error(`${this.#name(batch)} was given offset ${answer.baseOffset}`)
    if (this.#open[0] !== batch) throw new Error(`${this.#name(batch)} was acknowledged out of turn`)
    this.#open.shift()
    this.#acknowledged = batch.first + batch.count
    return true
  }

  #make(): Batch {
    const first = this.#next
    const count = 1 + below(this.#random, recordsMax)
    const records = Array.from({ length: count }, (_, index) => ({
      value: recordValue(this.partition, first + index, below(this.#random, fillerMax)),
    }))
    const bytes = encodeBatch(records, { producerId: this.#producer.producerId, producerEpoch: this.#producer.epoch, baseSequence: first })
    const batch = { first, count, bytes }
    this.#open.push(batch)
    this.#next += count
    return batch
  }

  #name(batch: Batch): string {
    return `batch ${batch.first}..${batch.first + batch.count - 1} of partition ${this.partition}`
  }
}

/** Partition, number, and bytes derived from both, so that a mix-up inside a record is detected too. */
export function recordValue(partition: number, number: number, fillerBytes: number): Buffer {
  const value = Buffer.alloc(12 + fillerBytes, (partition * 31 + number) & 0xff)
  value.writeInt32BE(partition, 0)
  value.writeDoubleBE(number, 4)
  return value
}

export const isRecordValue = (value: Buffer | null, partition: number, number: number): boolean =>
  value !== null && value.length >= 12 && value.equals(recordValue(partition, number, value.length - 12))
