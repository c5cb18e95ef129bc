import type { WalUri } from '../../src/config/wal-uri.ts'
import type { MutableImage } from '../../src/metadata/image.ts'
import type { MetadataRecord } from '../../src/metadata/records.ts'
import type { StoreFault, StoreLocation } from '../../src/ports/object-store.ts'
import type { Entropy } from '../../src/ports/world.ts'
import type { WalIdentity } from '../../src/wal/wal-superblock.ts'
import type { Log } from '../process/logger.ts'
import { StartRefused } from '../process/start-refused.ts'
import type { BudgetData } from '../store/shared-store.ts'
import type { NodeLogs } from '../threads/node-logs.ts'
import type { DataFolder } from './data-folder.ts'
import type { DiskRoom } from './disk-room.ts'

/** Inputs of a start for the verification of the identity of a node's files. */
export interface FoundingParts {
  readonly wal: WalUri
  /** From `log.dirs`. */
  readonly folder: string
  readonly nodeId: number
  /** Number of lanes in the settings. A node that has been founded is opened with the number of its last start. */
  readonly lanes: number
  /** Null: the value of the folder, or a random one. */
  readonly clusterId: string | null
  /** Location of the objects. */
  readonly location: StoreLocation
  /** Counters of the start's requests to the store, in the rows of `storeTable`. */
  readonly meter: Float64Array
  /** Size of the log cache. */
  readonly logBytes: number
  readonly options: {
    readonly formatWal: boolean
    readonly acceptLoss: boolean
    readonly replaceFounding: boolean
  }
  /** See `S3WalParts`. */
  readonly keepMs: number
  /** Budget for remote stores, in which logs have the highest priority. */
  readonly budget: BudgetData | null
  readonly entropy: Entropy
  readonly log: Log
  readonly room: DiskRoom
  onFault(fault: StoreFault): void
  /** The metadata log cannot be written any more: the node must stop. */
  onFailure(error: Error): void
}

/** Identity of a node in all of its files. */
export type NodeIdentity = Omit<WalIdentity, 'lane'>

/** A loss of acknowledged records that an operator has accepted; the number of lost bytes if known. */
export interface AcceptedLoss {
  readonly why: string
  readonly bytes?: number
}

/** A node after its files were found to have one identity. */
export interface FoundedNode {
  readonly folder: DataFolder
  readonly identity: NodeIdentity
  /** State from the metadata log. */
  readonly image: MutableImage
  readonly logs: NodeLogs
  /** By lane; undefined if no loss is known. */
  readonly losses: readonly (AcceptedLoss | undefined)[]
  /** Records that the metadata log must contain before the node serves clients. */
  readonly firstRecords: readonly MetadataRecord[]
  /** To be called when they are durable. */
  finish(): Promise<void>
  /** To be called when the metadata log contains the WAL of this start. */
  noteStart(incarnation: number): Promise<void>
  /** Unlocks the folder and the log for other processes. */
  release(): void
}

const idBytes = 16

/** A random id: 22 characters. */
export const newFoundingId = (entropy: Entropy): string => Buffer.from(entropy.bytes(idBytes)).toString('base64url')

/** The number of lanes of the logs: of the last start, once the node has been founded. */
export const lanesOf = (image: MutableImage | undefined, { lanes }: Pick<FoundingParts, 'lanes'>): number =>
  image === undefined || image.cluster.clusterId === null ? lanes : image.storage.lanes

/**
 * Whether a lane must have a log: it has had one since the last change of the number of lanes. `mustExist`: the node has had a log, perhaps in a
 * release that recorded nothing about it in the metadata log.
 */
export function hasLog(image: MutableImage | undefined, lane: number, mustExist: boolean): boolean {
  if (lane === 0 && (image?.storage.endedIncarnation ?? 0) === 0) return mustExist
  return image?.storage.wals.has(lane) === true
}

export function firstRecords(image: MutableImage, identity: NodeIdentity, lanes: number): MetadataRecord[] {
  const { clusterId, nodeId, foundingId } = identity
  const records: MetadataRecord[] = []
  if (image.cluster.clusterId === null) records.push({ type: 'clusterFormatted', clusterId })
  if (image.cluster.founding === null) records.push({ type: 'nodeFounded', nodeId, foundingId, firstObjectId: image.storage.nextObjectId })
  if (image.storage.lanes !== lanes) records.push({ type: 'lanesChanged', lanes, incarnation: 0 })
  return records
}

/** Content that cannot be decoded is damaged, and an operator must act. */
export function refuseUnreadable<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new StartRefused(`${path} cannot be read: ${(error as Error).message}; restore it from a copy`)
  }
}
