import { randomUUID } from 'node:crypto'
import { isFault } from '../../src/object-store/store-faults.ts'
import type { ObjectStore, StoreAbilities, StoreFault } from '../../src/ports/object-store.ts'

/**
 * Verifies that the store exists, permits reads, writes and removals, and enforces conditions: some stores ignore them, and then every put
 * succeeds. Leaves no object. The key used starts with `prefix`.
 */
export async function probeStore(store: ObjectStore, prefix: string): Promise<StoreAbilities | StoreFault> {
  const key = `${prefix}-${randomUUID()}`
  const body = Buffer.from(key)
  const conditionalPut = await probeCondition(store, key, body)
  const fault =
    (isFault(conditionalPut) ? conditionalPut : undefined) ??
    (conditionalPut === true ? undefined : await store.put(key, [body])) ??
    (await readBack(store, key, body))
  const removed = await store.remove([key])
  return fault ?? removed ?? { conditionalPut: conditionalPut === true }
}

/** The second of two puts must be rejected. */
async function probeCondition(store: ObjectStore, key: string, body: Uint8Array): Promise<boolean | StoreFault> {
  if (!store.can.conditionalPut) return false
  for (const expected of [undefined, 'exists']) {
    const answer = await store.put(key, [body], { ifAbsent: true })
    if (answer?.fault === expected) continue
    return answer === undefined || answer.fault === 'unsupported' || answer.fault === 'exists' ? false : answer
  }
  return true
}

async function readBack(store: ObjectStore, key: string, body: Uint8Array): Promise<StoreFault | undefined> {
  const found = await store.get(key, 0, body.length)
  if (isFault(found)) return found
  if (Buffer.compare(found, body) === 0) return undefined
  return { fault: 'corrupt', operation: 'get', key, detail: 'it is not what was put', attempts: 1, mayBeDone: false }
}
