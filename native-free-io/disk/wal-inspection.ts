import type { MutableImage } from '../../src/metadata/image.ts'
import type { WalIdentity } from '../../src/wal/wal-superblock.ts'
import type { WalContent } from './wal-place.ts'

/** Decision of a start about the contents of the WAL's location. */
export type WalFinding =
  /** There is no log, and there never was one. */
  | { readonly type: 'new' }
  | { readonly type: 'own' }
  /** A log of a former number of lanes. All its records are in objects. */
  | { readonly type: 'ended' }
  /** The location contains something else, which is not changed unless it is to be formatted. */
  | { readonly type: 'occupied'; readonly by: string }
  /** The log of this node is missing or incomplete. */
  | { readonly type: 'lost'; readonly why: string; readonly isUsable: boolean }
  /** Another problem, independent of the log. */
  | { readonly type: 'refused'; readonly why: string }

export interface WalExpectation {
  readonly identity: WalIdentity
  /** State from the metadata log; undefined if there is none yet. */
  readonly image: MutableImage | undefined
  /** The node has had a log before. */
  readonly mustExist: boolean
  /** A log of a release without identities counts as this node's own. */
  readonly mayBeFormer: boolean
}

/** Compares the contents of a location with the other files of the node. Decides, and changes nothing. */
export function inspectWal(content: WalContent, { identity, image, mustExist, mayBeFormer }: WalExpectation): WalFinding {
  switch (content.type) {
    case 'absent':
      return mustExist ? lost('it does not exist') : { type: 'new' }
    case 'blank':
      return mustExist ? lost('it contains only zeros') : { type: 'new' }
    case 'damaged':
      return mustExist ? lost('neither of its superblocks is whole') : { type: 'occupied', by: 'a damaged write-ahead log' }
    case 'foreign':
      return { type: 'occupied', by: content.what }
    default:
  }
  const { superblock, missingBytes, missingSegment } = content
  const found = superblock.identity
  if (found === undefined) {
    if (mayBeFormer) return { type: 'own' }
    return mustExist
      ? lost('it was written by an older release, before this node was', false)
      : { type: 'occupied', by: 'a write-ahead log of an older release' }
  }
  const difference = differenceOf(found, identity)
  if (difference !== undefined) return { type: 'occupied', by: `the write-ahead log of ${difference}` }
  const mark = image?.storage.wals.get(identity.lane)
  if (mark === undefined && image !== undefined && superblock.state.incarnation <= image.storage.endedIncarnation) return { type: 'ended' }
  if (missingBytes > 0) return lost(`its last ${missingBytes} bytes are missing`)
  if (missingSegment !== undefined) return lost(`its segment ${missingSegment} is missing or too short`)
  if (image !== undefined && superblock.metadataRecords > image.recordCount) {
    const why = `metadata.log has ${image.recordCount} records, but the superblock of the write-ahead log records ${superblock.metadataRecords}: metadata.log is truncated or out of date; restore it from a copy`
    return { type: 'refused', why }
  }
  if (mark !== undefined && mark.secret !== superblock.state.secret)
    return lost('it is a different log from the one recorded in metadata.log')
  if (mark !== undefined && superblock.state.incarnation < mark.incarnation) return lost('it is a copy from before the last start')
  return { type: 'own' }
}

const lost = (why: string, isUsable = true): WalFinding => ({ type: 'lost', why, isUsable })

/** Difference between two identities; undefined if they are the same. */
export function differenceOf(found: WalIdentity, expected: WalIdentity): string | undefined {
  if (found.clusterId !== expected.clusterId) return `cluster ${found.clusterId}, where this node is in cluster ${expected.clusterId}`
  if (found.nodeId !== expected.nodeId) return `node ${found.nodeId} of the same cluster, where this is node ${expected.nodeId}`
  if (found.lane !== expected.lane) return `lane ${found.lane}, where this is lane ${expected.lane}`
  if (found.foundingId !== expected.foundingId) {
    return `node ${expected.nodeId} with founding.id ${found.foundingId}, where log.dirs has founding.id ${expected.foundingId}`
  }
  return undefined
}
