import { isFault } from '../../src/object-store/store-faults.ts'
import type { ObjectStore, StoreFault } from '../../src/ports/object-store.ts'
import { freeSpare } from '../disk/spare-segments.ts'
import type { RemoveTask } from '../threads/object-tasks.ts'

/** Removes objects, and recycles those that were segments of the log, as far as there is room for spare segments. */
export async function removeObjects(store: ObjectStore, { keys, spares }: RemoveTask): Promise<StoreFault | undefined> {
  if (spares === undefined || store.recycle === undefined) return store.remove(keys)
  const rest: string[] = []
  for (const key of keys) {
    const path = freeSpare(spares)
    const recycled = path === undefined ? 'declined' : await store.recycle(key, path, spares.bytes)
    if (isFault(recycled)) return recycled
    if (recycled === 'declined') rest.push(key)
  }
  return store.remove(rest)
}
