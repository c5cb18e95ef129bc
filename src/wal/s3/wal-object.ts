import { record } from '../../base/layout.ts'
import { getU64, putU64 } from '../../base/long.ts'
import type { TrimPoint } from '../../ports/trim-point.ts'
import { crc32c } from '../../wire/crc32c.ts'

/**
 * Header of every object of an S3 WAL. Little-endian. The log is stored as objects: each incarnation of a node writes objects 1, 2, 3, … of
 * its own epoch, and object 0 identifies the incarnation.
 */
const header = record({
  magic: 'u32',
  crc: 'u32',
  version: 'u32',
  kind: 'u32',
  epoch: 'u32',
  oldestEpoch: 'u32',
  sequence: 'u64',
  ownerHigh: 'u32',
  ownerLow: 'u32',
  bodyBytes: 'u64',
  bodyCrc: 'u32',
  secret: 'u32',
  position: 'u64',
  trimmed: 'u64',
  previous: 'u64',
  previousIncarnation: 'u32',
  window: 'u32',
  oldestSequence: 'u64',
})
const s3WalMagic = 0x43484d4c
const formatVersion = 2
export const s3WalHeaderBytes = header.bytes

/**
 * `claim`: the first object of an epoch. `piece`: appended records. `whole`: replaces all earlier objects. `fence`: a later incarnation
 * ended the epoch here; later objects of the epoch are ignored.
 */
const kinds = ['claim', 'piece', 'whole', 'fence'] as const
export type S3WalKind = (typeof kinds)[number]

/** Distinguishes two incarnations that assume the same epoch: 64 random bits. */
export interface S3WalOwner {
  readonly high: number
  readonly low: number
}

/** Fields of a WAL in each of its objects; other logs leave them empty. */
export interface WalObjectFields extends TrimPoint {
  /** Position of the first byte of the body. */
  readonly position: number
  readonly secret: number
  /** Size of the log cache: a record is contiguous in it. */
  readonly window: number
}

export const noMark: WalObjectFields = { position: 0, trimmed: 0, previous: 0, previousIncarnation: 0, secret: 0, window: 0 }

export interface S3WalHeader extends S3WalPlace {
  readonly kind: S3WalKind
  readonly owner: S3WalOwner
  /** The first object that was needed when this one was put. Before it there are only fences, and objects that arrived late. */
  readonly oldestEpoch: number
  readonly oldestSequence: number
  readonly bodyBytes: number
  readonly bodyCrc: number
  readonly mark: WalObjectFields
}

export function encodeS3WalHeader(s3WalHeader: S3WalHeader): Buffer {
  const { kind, epoch, sequence, owner, oldestEpoch, oldestSequence, bodyBytes, bodyCrc, mark } = s3WalHeader
  const bytes = Buffer.alloc(header.bytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  view.setUint32(header.magic, s3WalMagic, true)
  view.setUint32(header.version, formatVersion, true)
  view.setUint32(header.kind, kinds.indexOf(kind), true)
  view.setUint32(header.epoch, epoch, true)
  view.setUint32(header.oldestEpoch, oldestEpoch, true)
  putU64(view, header.sequence, sequence)
  view.setUint32(header.ownerHigh, owner.high, true)
  view.setUint32(header.ownerLow, owner.low, true)
  putU64(view, header.bodyBytes, bodyBytes)
  view.setUint32(header.bodyCrc, bodyCrc, true)
  view.setUint32(header.secret, mark.secret, true)
  putU64(view, header.position, mark.position)
  putU64(view, header.trimmed, mark.trimmed)
  putU64(view, header.previous, mark.previous)
  view.setUint32(header.previousIncarnation, mark.previousIncarnation, true)
  view.setUint32(header.window, mark.window, true)
  putU64(view, header.oldestSequence, oldestSequence)
  view.setUint32(header.crc, crc32c(bytes, header.version), true)
  return bytes
}

/** Undefined when the header is incomplete or damaged. Throws for another format version. */
export function decodeS3WalHeader(bytes: Uint8Array): S3WalHeader | undefined {
  if (bytes.length < header.bytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(header.magic, true) !== s3WalMagic) return undefined
  if (view.getUint32(header.crc, true) !== crc32c(bytes, header.version, header.bytes)) return undefined
  const version = view.getUint32(header.version, true)
  if (version !== formatVersion) throw new Error(`a log in the store has format ${version}; this Millrace reads ${formatVersion}`)
  return {
    kind: kinds[view.getUint32(header.kind, true)]!,
    epoch: view.getUint32(header.epoch, true),
    sequence: getU64(view, header.sequence),
    owner: { high: view.getUint32(header.ownerHigh, true), low: view.getUint32(header.ownerLow, true) },
    oldestEpoch: view.getUint32(header.oldestEpoch, true),
    oldestSequence: getU64(view, header.oldestSequence),
    bodyBytes: getU64(view, header.bodyBytes),
    bodyCrc: view.getUint32(header.bodyCrc, true),
    mark: {
      position: getU64(view, header.position),
      trimmed: getU64(view, header.trimmed),
      previous: getU64(view, header.previous),
      previousIncarnation: view.getUint32(header.previousIncarnation, true),
      secret: view.getUint32(header.secret, true),
      window: view.getUint32(header.window, true),
    },
  }
}

export const isSameOwner = (a: S3WalOwner, b: S3WalOwner): boolean => a.high === b.high && a.low === b.low

const epochDigits = 10
const sequenceDigits = 16

/** Position of an object in an S3 WAL. */
export interface S3WalPlace {
  readonly epoch: number
  readonly sequence: number
  /** Prefix of the key where it is not the prefix of the log: a former release stored the object. */
  readonly prefix?: string | undefined
}

/** The order of the keys is the order of the log. The prefix ends with a slash. */
export const s3WalKey = (logPrefix: string, { epoch, sequence, prefix = logPrefix }: S3WalPlace): string =>
  `${prefix}${String(epoch).padStart(epochDigits, '0')}/${String(sequence).padStart(sequenceDigits, '0')}`

/** Prefix of the keys of a WAL. Each lane of a node has a WAL of its own. */
export const walPrefix = (clusterId: string, nodeId: number, lane: number): string => `${formerWalPrefix(clusterId, nodeId)}${lane}/`

/** Prefix under which a former release stored the WAL of a node, which had one lane. It contains the prefixes of the lanes. */
export const formerWalPrefix = (clusterId: string, nodeId: number): string => `${clusterId}/wal/${nodeId}/`

/**
 * The last claim of a log that is continued under another prefix. Its epoch is greater than that of any incarnation: an incarnation of a
 * former release finds that its epoch is over.
 */
export const seal: S3WalPlace = { epoch: 2 ** 32 - 1, sequence: 0 }

/** Undefined for a key that does not belong to this S3 WAL. */
export function s3WalPlaceOf(prefix: string, key: string): S3WalPlace | undefined {
  const [epoch, sequence] = key.slice(prefix.length).split('/').map(Number)
  const place = { epoch: epoch ?? -1, sequence: sequence ?? -1 }
  return Number.isSafeInteger(place.epoch) && Number.isSafeInteger(place.sequence) && key === s3WalKey(prefix, place) ? place : undefined
}
