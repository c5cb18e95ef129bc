import type { Environment } from '../../src/config/store-uri.ts'
import type { ObjectStore, StoreLocation } from '../../src/ports.ts'

/**
 * A store of this thread; only the code that it needs is loaded. Nothing is asked of it yet: whether it is there, the first
 * answer says.
 */
export async function openStore(location: StoreLocation, environment: Environment = process.env): Promise<ObjectStore> {
  switch (location.scheme) {
    case 'file':
      return new (await import('./file-store.ts')).FileStore(location)
    case 'mem':
      return new (await import('./mem-store.ts')).MemStore(location)
    case 's3':
      return new (await import('./s3-store.ts')).S3Store(location, environment)
  }
}
