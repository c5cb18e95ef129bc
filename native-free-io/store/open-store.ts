import type { ObjectStore, StoreLocation } from '../../src/ports/object-store.ts'
import type { StoreOptions } from './store-options.ts'

/**
 * Opens a store for this thread, and loads only the code that it needs. No request is sent yet: the first operation shows whether the store
 * exists.
 */
export async function openStore(location: StoreLocation, options: StoreOptions = {}): Promise<ObjectStore> {
  if (location.scheme === 's3') {
    const { S3Store } = await import('./s3-store.ts')
    return new S3Store(location, { environment: process.env, ...options })
  }
  const store =
    location.scheme === 'file'
      ? new (await import('./file-store.ts')).FileStore(location)
      : new (await import('./mem-store.ts')).MemStore(location)
  return options.meter === undefined ? store : (await import('./counted.ts')).counted(store, options.meter)
}
