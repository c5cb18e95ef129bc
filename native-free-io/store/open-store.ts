import type { Environment } from '../../src/config/store-uri.ts'
import type { StoreMeter } from '../../src/object-store/request-metrics.ts'
import type { ObjectStore, StoreLocation } from '../../src/ports.ts'
import type { RetryClock } from './attempts.ts'

export interface StoreOptions {
  /** Where credentials are looked for that the location does not have. */
  readonly environment?: Environment
  /** Counts requests and bytes: the bill. */
  readonly meter?: StoreMeter
  readonly rhythm?: RetryClock
}

/**
 * A store of this thread; only the code that it needs is loaded. Nothing is asked of it yet: whether it is there, the first
 * answer says.
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
