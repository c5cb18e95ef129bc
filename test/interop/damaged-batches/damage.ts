import { gzipSync } from 'node:zlib'
import { nodeCodecs } from '../../../native-free-io/threads/codecs.ts'
import { below, chance, nextWord, type Prng } from '../../../src/base/prng.ts'
import type { PartitionSettings } from '../../../src/ports/partitions.ts'
import { packLz4 } from '../../../src/wire/compression/lz4.ts'
import { packSnappy } from '../../../src/wire/compression/snappy.ts'
import { batchHeader, type CodecName, codecNames } from '../../../src/wire/record-batch.ts'
import type { KafkaCodecs } from '../../support/kafka-codecs.ts'
import { settings as usual } from '../../unit/pipeline/sequencing/lane-world.ts'
import { batchOf, sealed } from '../../unit/pipeline/validation/samples.ts'
import { damageStream } from './codec-damage.ts'
import { damageRecord, draftRecord, putTogether, type RecordDraft } from './record-draft.ts'

export interface Damaged {
  readonly batch: Buffer
  readonly codec: CodecName
  /** Of the topic that it is sent to, and in words. */
  readonly settings: PartitionSettings
  readonly topic: string
  /** What was done to it, kind by kind. */
  readonly actions: readonly string[]
}

/** A batch that is damaged in its records, in its compressed bytes or in its header, and has a right CRC all the same. Some have nothing wrong. */
export async function damagedBatch(random: Prng, kafka: KafkaCodecs): Promise<Damaged> {
  const actions: string[] = []
  const records = draftRecords(random)
  const count = records.length
  if (chance(random, 400)) actions.push(damageRecord(random, records))
  let raw = putTogether(records)
  if (chance(random, 60)) {
    raw = Buffer.concat([raw, Buffer.alloc(1 + below(random, 20), below(random, 3))])
    actions.push('bytes behind the records')
  }
  if (chance(random, 40)) {
    raw = raw.subarray(0, below(random, raw.length + 1))
    actions.push('records cut off')
  }
  const codec = codecNames[below(random, codecNames.length)]!
  const [how, packed] = await pack(random, codec, raw, kafka)
  const damage = chance(random, 550) ? damageStream(random, codec, packed, raw) : { actions: [], bytes: packed }
  const batch = batchOf(codec, damage.bytes, count)
  const headerActions = chance(random, 120) ? damageHeader(random, batch) : []
  return { batch: sealed(batch), codec, ...topicOf(random), actions: [how, ...actions, ...damage.actions, ...headerActions] }
}

const timeMax = 2n ** 63n - 1n
/** Records are up to 5 s younger than `now`, and some much older or younger. */
const limits = [0n, 1000n, 3_600_000n] as const

/** What a topic requires of its batches. Most require nothing. */
function topicOf(random: Prng): Pick<Damaged, 'settings' | 'topic'> {
  const compacted = chance(random, 150)
  const isAppendTime = chance(random, 50)
  const limit = (): bigint => (chance(random, 150) ? limits[below(random, limits.length)]! : timeMax)
  const [before, after] = [limit(), limit()]
  const codec = chance(random, 250) ? codecNames[below(random, codecNames.length)]! : undefined
  const words = [
    ...(compacted ? ['cleanup.policy=compact'] : []),
    ...(isAppendTime ? ['message.timestamp.type=LogAppendTime'] : []),
    ...(before === timeMax ? [] : [`message.timestamp.before.max.ms=${before}`]),
    ...(after === timeMax ? [] : [`message.timestamp.after.max.ms=${after}`]),
    ...(codec === undefined ? [] : [`compression.type=${codec}`]),
  ]
  const settings: PartitionSettings = {
    ...usual,
    compacted,
    timestampType: isAppendTime ? 'LogAppendTime' : 'CreateTime',
    timestampBeforeMaxMs: before,
    timestampAfterMaxMs: after,
    packing: codec && { codec, level: usualLevels[codec] },
  }
  return { settings, topic: words.join(' ') }
}
const usualLevels = { none: 0, gzip: 6, snappy: 0, lz4: 9, zstd: 3 } as const

function draftRecords(random: Prng): RecordDraft[] {
  const count = 1 + below(random, chance(random, 100) ? 400 : 12)
  const valueBytesMax = [10, 100, 300, count <= 12 && chance(random, 100) ? 40_000 : 1000][below(random, 4)]!
  return Array.from({ length: count }, (_, index) => draftRecord(random, index, valueBytesMax))
}

/** By Kafka's codecs and ours, with what their formats leave open. */
async function pack(random: Prng, codec: CodecName, raw: Buffer, kafka: KafkaCodecs): Promise<[string, Buffer]> {
  if (codec === 'none') return ['as they are', raw]
  const isTheirs = chance(random, 400)
  if (isTheirs && codec !== 'snappy') {
    const level = codec === 'zstd' ? below(random, 20) - 5 : 1 + below(random, 9)
    return ["Kafka's", await kafka.pack(codec, raw, level)]
  }
  switch (codec) {
    case 'gzip': {
      const options = { level: below(random, 10), memLevel: 1 + below(random, 9), strategy: below(random, 5) }
      return ["zlib's", chance(random, 200) ? inTwo(random, raw, (part) => gzipSync(part, options)) : gzipSync(raw, options)]
    }
    case 'snappy':
      return isTheirs
        ? ["Kafka's", await kafka.pack(codec, raw)]
        : chance(random, 500)
          ? ['bare', bareSnappy(packSnappy(raw))]
          : ['ours', packSnappy(raw)]
    case 'lz4':
      return ['ours', packLz4(raw, 1 + below(random, 8))]
    case 'zstd': {
      const whole = (part: Buffer): Buffer => nodeCodecs.zstd(part, 1 + below(random, 8))
      return ['ours', chance(random, 200) ? inTwo(random, raw, whole) : whole(raw)]
    }
  }
}

function inTwo(random: Prng, raw: Buffer, packer: (part: Buffer) => Buffer): Buffer {
  const at = below(random, raw.length + 1)
  return Buffer.concat([packer(raw.subarray(0, at)), packer(raw.subarray(at))])
}

/** The first block of a framed stream, where it is the only one. */
function bareSnappy(framed: Buffer): Buffer {
  if (framed.length < 20 || framed.readUInt32BE(0) !== 0x82534e41) return framed
  const bytes = framed.readUInt32BE(16)
  return framed.length === 20 + bytes ? framed.subarray(20) : framed
}

const headerNumbers = ['lastOffsetDelta', 'recordsCount', 'baseSequence'] as const
const headerTimes = ['baseTimestamp', 'maxTimestamp', 'producerId'] as const
/** Bits that are not of a transaction. */
const attributeBits = [1, 2, 4, 8, 0x20, 0x40, 0x80, 0x100, 0x4000, 0x8000]

function damageHeader(random: Prng, batch: Buffer): string[] {
  switch (below(random, 3)) {
    case 0: {
      const bit = attributeBits[below(random, attributeBits.length)]!
      const attributes = batch.readUInt16BE(batchHeader.attributes) ^ bit
      batch.writeUInt16BE(attributes, batchHeader.attributes)
      return [`attributes changed in ${bit}`]
    }
    case 1: {
      const field = headerNumbers[below(random, headerNumbers.length)]!
      const near = batch.readInt32BE(batchHeader[field]) + below(random, 7) - 3
      const value = [near, near, -1, 0, 2 ** 31 - 1, nextWord(random) | 0][below(random, 6)]!
      batch.writeInt32BE(value | 0, batchHeader[field])
      return [`${field} is another`]
    }
    default: {
      const field = headerTimes[below(random, headerTimes.length)]!
      const value = [-1n, 0n, BigInt(nextWord(random)), 2n ** 63n - 1n, -(2n ** 63n)][below(random, 5)]!
      batch.writeBigInt64BE(value, batchHeader[field])
      return [`${field} is another`]
    }
  }
}
