import { record } from '../base/layout.ts'
import { getU64, putU64 } from '../base/long.ts'
import type { WalState } from '../ports/lane.ts'
import { crc32c } from '../wire/crc32c.ts'
import { blockBytes } from './wal-record.ts'

/** Identity of the node that a WAL belongs to. A start compares it with the node's other files. */
export interface WalIdentity {
  readonly clusterId: string
  readonly nodeId: number
  readonly lane: number
  /** Random; drawn at the first start of the node. */
  readonly foundingId: string
}

/** Contents of a superblock. */
export interface Superblock {
  readonly state: WalState
  readonly sequence: number
  /** Undefined in format 2. */
  readonly identity: WalIdentity | undefined
  /** Minimum number of records in the metadata log when the superblock was written. */
  readonly metadataRecords: number
  /** Bytes of the log, from its start, that have been written at least once, with records or zeros. */
  readonly prepared: number
}

/** Size of the circular part of a log: none when the whole log is in segments. */
export const circularBytes = ({ capacity, segments, trimmed }: WalState): number =>
  segments === undefined || trimmed < segments.from ? capacity : 0

/** Two superblocks are written in turn, so that one is always complete. */
export const superblocks = 2
/** Start of the records, so that writes are aligned to the block size of any disk. */
export const logStart = 65536
export const formatVersion = 4
/** Written for a log without segments. */
const formatWithoutSegments = 3
const formatWithoutIdentity = 2

const fields = record({
  magic: 'u32',
  crc: 'u32',
  version: 'u32',
  incarnation: 'u32',
  sequence: 'u64',
  capacity: 'u64',
  trimmed: 'u64',
  previous: 'u64',
  previousIncarnation: 'u32',
  secret: 'u32',
  nodeId: 'u32',
  lane: 'u32',
  metadataRecords: 'u64',
  prepared: 'u64',
})
/** After the fields: two ids in ASCII, padded with zeros. */
const idBytes = 24
const clusterIdAt = fields.bytes
const foundingIdAt = clusterIdAt + idBytes
/** Since format 4: the size of a segment, and the first position that is in one. */
const segmentsAt = foundingIdAt + idBytes
const magic = 0x4c41574d // "MWAL"

/** Fills a block. */
export function encodeSuperblock(block: Buffer, { state, sequence, identity, metadataRecords, prepared }: Superblock): void {
  const view = new DataView(block.buffer, block.byteOffset, blockBytes)
  block.fill(0)
  view.setUint32(fields.magic, magic, true)
  view.setUint32(fields.version, versionOf(state, identity), true)
  view.setUint32(fields.incarnation, state.incarnation, true)
  putU64(view, fields.sequence, sequence)
  putU64(view, fields.capacity, state.capacity)
  putU64(view, fields.trimmed, state.trimmed)
  putU64(view, fields.previous, state.previous)
  view.setUint32(fields.previousIncarnation, state.previousIncarnation, true)
  view.setUint32(fields.secret, state.secret, true)
  if (identity !== undefined) {
    view.setUint32(fields.nodeId, identity.nodeId, true)
    view.setUint32(fields.lane, identity.lane, true)
    putU64(view, fields.metadataRecords, metadataRecords)
    putU64(view, fields.prepared, prepared)
    block.write(identity.clusterId, clusterIdAt, idBytes, 'latin1')
    block.write(identity.foundingId, foundingIdAt, idBytes, 'latin1')
    if (state.segments !== undefined) {
      putU64(view, segmentsAt, state.segments.bytes)
      putU64(view, segmentsAt + 8, state.segments.from)
    }
  }
  view.setUint32(fields.crc, crc32c(block, fields.version, blockBytes), true)
}

function versionOf({ segments }: WalState, identity: WalIdentity | undefined): number {
  if (identity === undefined) return formatWithoutIdentity
  return segments === undefined ? formatWithoutSegments : formatVersion
}

export type ReadSuperblock =
  | { readonly type: 'none' }
  /** There are superblocks, but none is complete. */
  | { readonly type: 'damaged' }
  /** Written by another release. */
  | { readonly type: 'version'; readonly version: number }
  | { readonly type: 'whole'; readonly superblock: Superblock }

/** The newer of the complete superblocks, from the first two blocks of a log. */
export function readSuperblocks(head: Buffer): ReadSuperblock {
  let newest: ReadSuperblock = { type: 'none' }
  for (let slot = 0; slot < superblocks; slot++) {
    const block = head.subarray(slot * blockBytes, (slot + 1) * blockBytes)
    const found = block.length < blockBytes ? ({ type: 'none' } as const) : readOne(block)
    if (found.type === 'none') continue
    if (found.type === 'version') return found
    const isNewer = found.type === 'whole' && (newest.type !== 'whole' || found.superblock.sequence > newest.superblock.sequence)
    if (newest.type === 'none' || isNewer) newest = found
  }
  return newest
}

function readOne(block: Buffer): ReadSuperblock {
  const view = new DataView(block.buffer, block.byteOffset, blockBytes)
  if (view.getUint32(fields.magic, true) !== magic) return { type: 'none' }
  if (view.getUint32(fields.crc, true) !== crc32c(block, fields.version, blockBytes)) return { type: 'damaged' }
  const version = view.getUint32(fields.version, true)
  if (version < formatWithoutIdentity || version > formatVersion) return { type: 'version', version }
  const state = {
    capacity: getU64(view, fields.capacity),
    incarnation: view.getUint32(fields.incarnation, true),
    secret: view.getUint32(fields.secret, true),
    trimmed: getU64(view, fields.trimmed),
    previous: getU64(view, fields.previous),
    previousIncarnation: view.getUint32(fields.previousIncarnation, true),
  }
  const sequence = getU64(view, fields.sequence)
  if (version === formatWithoutIdentity) {
    return { type: 'whole', superblock: { state, sequence, identity: undefined, metadataRecords: 0, prepared: 0 } }
  }
  const identity = {
    clusterId: textAt(block, clusterIdAt),
    nodeId: view.getUint32(fields.nodeId, true),
    lane: view.getUint32(fields.lane, true),
    foundingId: textAt(block, foundingIdAt),
  }
  const metadataRecords = getU64(view, fields.metadataRecords)
  const prepared = getU64(view, fields.prepared)
  if (version === formatWithoutSegments) return { type: 'whole', superblock: { state, sequence, identity, metadataRecords, prepared } }
  const segments = { bytes: getU64(view, segmentsAt), from: getU64(view, segmentsAt + 8) }
  return { type: 'whole', superblock: { state: { ...state, segments }, sequence, identity, metadataRecords, prepared } }
}

const textAt = (block: Buffer, at: number): string => block.toString('latin1', at, at + idBytes).replace(/\0+$/, '')
