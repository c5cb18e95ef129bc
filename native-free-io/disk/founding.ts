import type { StoreWal, WalUri } from '../../src/config/wal-uri.ts'
import type { MutableImage } from '../../src/metadata/image.ts'
import type { MetadataRecord } from '../../src/metadata/records.ts'
import type { Entropy, StoreFault, StoreLocation } from '../../src/ports.ts'
import type { WalIdentity } from '../../src/wal/wal-superblock.ts'
import type { Log } from '../process/logger.ts'
import { StartRefused } from '../process/start-refused.ts'
import type { BudgetData } from '../store/shared-store.ts'
import { openStoreNode } from '../store/store-node.ts'
import type { NodeLogs } from '../threads/node-logs.ts'
import type { DataFolder } from './data-folder.ts'
import type { DiskRoom } from './disk-room.ts'
import { openFolderNode } from './folder-node.ts'

/** What a start needs to verify the identity of a node's files. */
export interface FoundingParts {
  readonly wal: WalUri
  /** As `log.dirs` has it. */
  readonly folder: string
  readonly nodeId: number
  /** Null: what the folder has, or a random one. */
  readonly clusterId: string | null
  /** Where the objects are. */
  readonly location: StoreLocation
  /** Counts the requests of the start to it, in the rows of `storeTable`. */
  readonly meter: Float64Array
  /** Log memory. */
  readonly logBytes: number
  readonly options: {
    readonly formatWal: boolean
    readonly acceptLoss: boolean
    readonly replaceFounding: boolean
  }
  /** See `ChainParts`. */
  readonly keepMs: number
  /** Towards stores elsewhere, in which logs go first. */
  readonly budget: BudgetData | null
  readonly entropy: Entropy
  readonly log: Log
  readonly room: DiskRoom
  onFault(fault: StoreFault): void
  /** The metadata log cannot be written any more: the node has to stop. */
  onFailure(error: Error): void
}

/** A node with files that all belong together. */
export interface FoundedNode {
  readonly folder: DataFolder
  readonly identity: WalIdentity
  /** What the metadata log says. */
  readonly image: MutableImage
  readonly logs: NodeLogs
  /** Why acknowledged records are lost, which an operator has accepted, and of how many bytes where that is known here; undefined where none are known to be. */
  readonly loss: { readonly why: string; readonly bytes?: number } | undefined
  /** What the metadata log has to hold before the node serves anyone. */
  readonly firstRecords: readonly MetadataRecord[]
  /** To be called when they are durable. */
  finish(): Promise<void>
  /** To be called when the metadata log knows the write-ahead log of this start. */
  noteStart(incarnation: number): Promise<void>
  /** Another process may have the folder and the log. */
  release(): void
}

/** Opens the logs where the settings have them: in the node's folder, or all of them in the store of its write-ahead log. */
export const openNode = (parts: FoundingParts): Promise<FoundedNode> =>
  parts.wal.scheme === 'file' ? openFolderNode(parts, parts.wal) : openStoreNode(parts, parts.wal as StoreWal)

const idBytes = 16

/** A random id: 22 characters. */
export const newFoundingId = (entropy: Entropy): string => Buffer.from(entropy.bytes(idBytes)).toString('base64url')

export function firstRecords(image: MutableImage, { clusterId, nodeId, foundingId }: WalIdentity): MetadataRecord[] {
  const records: MetadataRecord[] = []
  if (image.clusterId === null) records.push({ type: 'clusterFormatted', clusterId })
  if (image.founding === null) records.push({ type: 'nodeFounded', nodeId, foundingId, firstObjectId: image.nextObjectId })
  return records
}

/** What cannot be decoded is damage, about which an operator has to do something. */
export function refuseUnreadable<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new StartRefused(`${path} cannot be read: ${(error as Error).message}; restore it from a copy`)
  }
}
