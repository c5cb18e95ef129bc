import type { Environment } from '../../src/config/store-uri.ts'
import type { StoreMeter } from '../../src/object-store/request-metrics.ts'
import type { RetryClock } from './attempts.ts'

export interface StoreOptions {
  /** Source of credentials that the location does not contain. */
  readonly environment?: Environment
  /** Counter of billed requests and bytes. */
  readonly meter?: StoreMeter
  readonly clock?: RetryClock
}
