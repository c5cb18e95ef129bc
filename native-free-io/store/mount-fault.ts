import { isFault } from '../../src/object-store/store-faults.ts'
import type { ObjectStore, StoreFault } from '../../src/ports/object-store.ts'

/** An object in the empty mount point of a file system would disappear when the file system is mounted again. */
export async function mountFault(store: ObjectStore, marker: string | null): Promise<StoreFault | undefined> {
  const found = marker === null ? 0 : await store.size(marker)
  if (!isFault(found)) return undefined
  return found.fault === 'missing' ? { ...found, fault: 'unavailable', detail: 'the store is not mounted, or was emptied' } : found
}
