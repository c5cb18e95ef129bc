import type { StoreWal } from '../../src/config/wal-uri.ts'
import { openStoreNode } from '../store/store-node.ts'
import { openFolderNode } from './folder-node.ts'
import type { FoundedNode, FoundingParts } from './founding-parts.ts'

/** Opens the logs at the location in the settings: in the node's folder, or all of them in the store of its WAL. */
export const openNode = (parts: FoundingParts): Promise<FoundedNode> =>
  parts.wal.scheme === 'file' ? openFolderNode(parts, parts.wal) : openStoreNode(parts, parts.wal as StoreWal)
