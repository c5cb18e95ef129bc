import { Packr } from 'msgpackr/pack'
import type { ProducerSnapshots, SavedProducers } from '../../src/ports/producers.ts'
import { crc32c } from '../../src/wire/crc32c.ts'

const packr = new Packr({ useRecords: false })
const crcBytes = 4

/** The producers of a lane, packed. */
export interface PackedLane {
  readonly position: number
  readonly partitions: Uint8Array
}

export const packProducers = (partitions: ProducerSnapshots): Uint8Array => packr.pack(partitions)

const unpackProducers = (packed: Uint8Array): ProducerSnapshots => packr.unpack(packed) as ProducerSnapshots

/** MessagePack: the start of a list of this length below 16. */
const listOf = (length: number): number => 0x90 | length

/**
 * A snapshot: a CRC and a MessagePack list. Of one lane: founding id, position, partitions. Of several: founding id, the positions, and the
 * packed partitions of each lane.
 */
export function encodeProducers(foundingId: string, lanes: readonly PackedLane[]): Uint8Array[] {
  const [first] = lanes
  const content =
    lanes.length === 1
      ? [Uint8Array.of(listOf(3)), packr.pack(foundingId), packr.pack(first!.position), first!.partitions]
      : [packr.pack([foundingId, lanes.map(({ position }) => position), ...lanes.map(({ partitions }) => partitions)])]
  const crc = Buffer.alloc(crcBytes)
  crc.writeUInt32LE(content.reduce((sum, piece) => crc32c(piece, 0, piece.length, sum), 0))
  return [crc, ...content]
}

type OneLane = readonly [foundingId: string, position: number, partitions: ProducerSnapshots]
type SeveralLanes = readonly [foundingId: string, positions: readonly number[], ...partitions: Uint8Array[]]

/** Undefined when the snapshot is damaged. */
export function decodeProducers(content: Buffer): SavedProducers | undefined {
  const packed = content.subarray(crcBytes)
  if (content.length < crcBytes || content.readUInt32LE() !== crc32c(packed)) return undefined
  const found = packr.unpack(packed) as ProducerSnapshots | OneLane | SeveralLanes
  if (!isIdentified(found)) return { foundingId: null, lanes: [{ position: Number.MAX_SAFE_INTEGER, partitions: found }] }
  if (isOne(found)) return { foundingId: found[0], lanes: [{ position: found[1], partitions: found[2] }] }
  const [foundingId, positions, ...lanes] = found
  return { foundingId, lanes: lanes.map((partitions, lane) => ({ position: positions[lane]!, partitions: unpackProducers(partitions) })) }
}

const isIdentified = (found: ProducerSnapshots | OneLane | SeveralLanes): found is OneLane | SeveralLanes => typeof found[0] === 'string'
const isOne = (found: OneLane | SeveralLanes): found is OneLane => typeof found[1] === 'number'
