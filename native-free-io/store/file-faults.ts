import type { FaultKind, StoreFault, StoreOperation } from '../../src/ports/object-store.ts'
import { storeFault } from './mem-store.ts'

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

const codes: Readonly<Record<string, FaultKind>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EEXIST: 'exists',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  ENAMETOOLONG: 'invalid',
  EISDIR: 'invalid',
  ENOTEMPTY: 'invalid',
}

/** A failed disk operation is not retried; the owner of the disk must act. */
export const fileFault = (error: unknown, operation: StoreOperation, key: string): StoreFault =>
  storeFault(codes[codeOf(error) ?? ''] ?? 'unavailable', operation, key, (error as Error).message)
