import { isFault } from '../../src/object-store/store-faults.ts'
import type { ObjectStore, StoreFault } from '../../src/ports/object-store.ts'
import { freeSpare, type SpareSegments, sparesIn } from '../disk/spare-segments.ts'
import type { RemoveTask } from '../threads/object-tasks.ts'

/** Removes objects, and recycles those that were segments of the log, as far as there is room for spare segments. */
export async function removeObjects(store: ObjectStore, { keys, spares }: RemoveTask): Promise<StoreFault | undefined> {
  if (spares.length === 0 || store.recycle === undefined) return store.remove(keys)
  const rest: string[] = []
  for (const key of keys) {
    const recycled = await recycle(store, key, spares)
    if (isFault(recycled)) return recycled
    if (recycled === 'declined') rest.push(key)
  }
  return store.remove(rest)
}

/** The lane with the fewest spare segments gets the file, if its segments are not larger. */
async function recycle(store: ObjectStore, key: string, spares: readonly SpareSegments[]): ReturnType<NonNullable<ObjectStore['recycle']>> {
  const countIn = ({ folder }: SpareSegments): number => sparesIn(folder).length
  for (const each of spares.toSorted((a, b) => countIn(a) - countIn(b))) {
    const path = freeSpare(each)
    const recycled = path === undefined ? 'declined' : await store.recycle!(key, path, each.bytes)
    if (recycled !== 'declined') return recycled
  }
  return 'declined'
}
