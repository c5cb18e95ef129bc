import { nodeCodecs } from '../../../native-free-io/threads/codecs.ts'
import { assert } from '../../../src/base/assert.ts'
import type { PartitionSettings } from '../../../src/ports/partitions.ts'
import { decompress } from '../../../src/wire/compression/codecs.ts'
import { errors } from '../../../src/wire/errors.ts'
import { batchAt, batchHeader, codecOf, isBatchError } from '../../../src/wire/record-batch.ts'
import { inOnePiece } from '../../../src/wire/slices.ts'
import { routedTopic } from '../../support/routed-topic.ts'
import { type Client, FrontWorld, topicId } from '../../unit/network/dispatcher-world.ts'
import { settings as usual } from '../../unit/pipeline/sequencing/lane-world.ts'

const logBytes = 8 << 20
/** Batches of one world: its arena is large, and its streams are kept. */
const batchesMax = 1000
const recordsBytesMax = 64 << 20

export interface Produced {
  /** 0: it is stored. */
  readonly error: number
  readonly message: string
  /** As a fetch returns it; empty for one that is rejected. */
  readonly stored: Buffer
  /** Its records were not packed again. */
  readonly isAsSent: boolean
}

/** Sends batches through a broker's Produce: request, validation, sequencer, log, and back by a Fetch. */
export class ProducePath {
  #world: FrontWorld | undefined
  #client: Client | undefined
  #batches = 0

  /** Each goes to a partition of its own, with the settings of its topic. */
  produce(batch: Buffer, settings: Partial<PartitionSettings> = {}): Produced {
    if (this.#batches % batchesMax === 0) this.#world = new FrontWorld({ log: logBytes })
    const world = this.#world!
    const partitionId = 3 + this.#batches++
    world.lane.open(partitionId, settings)
    world.routing.set(routedTopic('t', topicId, [partitionId], { ...usual, ...settings }))
    this.#client = world.client()
    const client = this.#client
    client.produce(1, batch)
    for (world.settle(); client.responses.length === 0; world.settle()) assert(world.validate() > 0, 'a validator thread has the batch')
    const { errorCode, errorMessage } = client.produced(0).responses[0]!.partitionResponses[0]!
    if (errorCode !== 0) return { error: errorCode, message: errorMessage ?? '', stored: Buffer.alloc(0), isAsSent: false }
    client.fetch(2, 0n, { partitionMaxBytes: logBytes })
    world.pass(1000)
    const stored = Buffer.from(inOnePiece(client.fetched(-1).responses[0]!.partitions[0]!.records ?? Buffer.alloc(0)))
    world.lane.trim(world.lane.durable)
    return { error: 0, message: '', stored, isAsSent: stored.subarray(batchHeader.bytes).equals(batch.subarray(batchHeader.bytes)) }
  }
}

const nameOf = (code: number): string =>
  Object.keys(errors).find((name) => errors[name as keyof typeof errors].code === code) ?? String(code)

/** "ok" and the largest timestamp of what was stored, as `KafkaCodecs.validate` has it; else the error. */
export function resultOf({ error, message, stored, isAsSent }: Produced, settings: Partial<PartitionSettings>): string {
  if (error !== 0) return `${nameOf(error)}: ${message}`
  const header = batchAt(stored, 0)
  if (isBatchError(header)) return `ok? what was stored is damaged: ${header.because}`
  const wanted = settings.packing?.codec
  if (wanted === undefined) return `ok ${header.maxTimestamp}`
  if (codecOf(header) !== wanted) return `ok? it was stored with ${codecOf(header)}`
  if (isAsSent) return `ok ${header.maxTimestamp}`
  try {
    // Decompressed only: Millrace's own reader of records rejects lengths of more than 32 bits, of which Kafka takes the lowest 32.
    decompress(wanted, stored.subarray(batchHeader.bytes), recordsBytesMax, nodeCodecs)
  } catch (damage) {
    return `ok? what was stored cannot be read: ${(damage as Error).message}`
  }
  return `ok ${header.maxTimestamp}`
}
