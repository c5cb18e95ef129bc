import { nodeCodecs } from '../../../native-free-io/threads/codecs.ts'
import { type BatchOptions, buildBatch, type NewRecord } from '../../../src/wire/batch-builder.ts'
import { crc32c } from '../../../src/wire/crc32c.ts'
import { attribute, batchHeader, type CodecName } from '../../../src/wire/record-batch.ts'
import type { BrokerView } from './broker-view.ts'
import { Deferred, type Draft } from './draft.ts'

const beginning = 1_700_000_000_000n

function randomRecord(draft: Draft): NewRecord {
  return {
    timestamp: beginning + BigInt(draft.one([0, 1, 5, 10, 20])),
    key: draft.one([null, Buffer.from('k'), Buffer.from('key'), Buffer.alloc(0)]),
    value: draft.one([null, Buffer.from('value'), Buffer.alloc(0), Buffer.alloc(150, 'v')]),
    headers: draft.chance(150) ? [{ key: 'h', value: Buffer.from('1') }] : [],
  }
}

interface Fault {
  readonly name: string
  readonly damage: (batch: Buffer) => Buffer
}

const unsealed = (change: (batch: Buffer) => unknown) => (batch: Buffer) => {
  change(batch)
  return batch
}
const sealed = (batch: Buffer): Buffer => {
  batch.writeUInt32BE(crc32c(batch, batchHeader.attributes), batchHeader.crc)
  return batch
}
const changed = (name: string, change: (batch: Buffer) => unknown): Fault => ({
  name,
  damage: (batch) => {
    change(batch)
    return sealed(batch)
  },
})

const flagged = (bits: number) => (batch: Buffer) =>
  batch.writeInt16BE(batch.readInt16BE(batchHeader.attributes) | bits, batchHeader.attributes)

/** What is wrong with a batch that is otherwise good. Absent: what has Kafka reject, or never answer, all of its request. */
const faults: readonly Fault[] = [
  { name: 'wrong crc', damage: unsealed((batch) => batch.writeUInt32BE(1, batchHeader.crc)) },
  { name: 'magic 0', damage: unsealed((batch) => batch.writeInt8(0, batchHeader.magic)) },
  { name: 'magic 1', damage: unsealed((batch) => batch.writeInt8(1, batchHeader.magic)) },
  { name: 'cut short', damage: (batch) => batch.subarray(0, batch.length - 3) },
  { name: 'header cut short', damage: (batch) => batch.subarray(0, 40) },
  { name: 'no bytes', damage: () => Buffer.alloc(0) },
  changed('one record too few announced', (batch) =>
    batch.writeInt32BE(batch.readInt32BE(batchHeader.recordsCount) - 1, batchHeader.recordsCount),
  ),
  changed('one record too many announced', (batch) =>
    batch.writeInt32BE(batch.readInt32BE(batchHeader.recordsCount) + 1, batchHeader.recordsCount),
  ),
  changed('count -1', (batch) => batch.writeInt32BE(-1, batchHeader.recordsCount)),
  changed('last offset delta too large', (batch) =>
    batch.writeInt32BE(batch.readInt32BE(batchHeader.lastOffsetDelta) + 1, batchHeader.lastOffsetDelta),
  ),
  changed('base offset 7', (batch) => batch.writeBigInt64BE(7n, batchHeader.baseOffset)),
  changed('control', flagged(attribute.control)),
  changed('log append time', flagged(attribute.logAppendTime)),
  changed('delete horizon', flagged(attribute.deleteHorizon)),
  changed('unused attribute', flagged(0x80)),
  changed('far future', (batch) => {
    batch.writeBigInt64BE(4_000_000_000_000n, batchHeader.baseTimestamp)
    batch.writeBigInt64BE(4_000_000_000_000n, batchHeader.maxTimestamp)
  }),
  changed('wrong max timestamp', (batch) => batch.writeBigInt64BE(beginning + 500n, batchHeader.maxTimestamp)),
  changed('max timestamp -1', (batch) => batch.writeBigInt64BE(-1n, batchHeader.maxTimestamp)),
  changed('leader epoch 9', (batch) => batch.writeInt32BE(9, batchHeader.partitionLeaderEpoch)),
]

/** A batch, good or bad, without a producer id or of a producer that may or may not be where it should be. */
export function producedRecords(draft: Draft): unknown {
  const records = Array.from({ length: draft.one([1, 1, 1, 1, 1, 2, 2, 3, 0]) }, () => randomRecord(draft))
  const fault = draft.chance(250) ? draft.one(faults) : undefined
  const codec = draft.one<CodecName>(
    fault !== undefined && !fault.name.startsWith('log append')
      ? ['none']
      : ['none', 'none', 'none', 'none', 'none', 'gzip', 'snappy', 'lz4', 'zstd'],
  )
  const isTwo = fault === undefined && draft.chance(30)
  const producer = draft.chance(350) ? randomProducer(draft) : undefined
  const producerLabel = producer ? `, ${producer.label}` : ''
  const label = `batch of ${records.map(shownRecord).join(' ')}, ${codec}${producerLabel}${fault ? `, ${fault.name}` : ''}${isTwo ? ', twice' : ''}`
  return new Deferred(label, (view) => {
    const batch = buildBatch(records, { codec, codecs: nodeCodecs, ...producer?.of(view) })
    const made = fault?.damage(batch) ?? batch
    return isTwo ? Buffer.concat([made, made]) : made
  })
}

const shownRecord = ({ timestamp, key, value, headers }: NewRecord): string =>
  `[+${timestamp! - beginning} ${key?.toString() ?? null}:${value?.length ?? null}${headers!.length ? ' h' : ''}]`

interface Producer {
  readonly label: string
  readonly of: (view: BrokerView) => BatchOptions
}

function randomProducer(draft: Draft): Producer {
  const age = draft.one([0, 0, 0, 1, 9])
  const producerEpoch = draft.one([0, 0, 0, 0, 0, 0, 1, -1])
  const baseSequence = draft.one([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 9, -1, 2_147_483_647])
  return {
    label: `producer ${age} back, epoch ${producerEpoch}, sequence ${baseSequence}`,
    of: (view) => ({ producerId: view.producer(age), producerEpoch, baseSequence }),
  }
}
