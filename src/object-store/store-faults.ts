import type { FaultKind, StoreFault } from '../ports.ts'

interface FaultRow {
  /** Trying again may help: the store does it within its bounds before it answers with the fault. */
  readonly retry: boolean
  /** The store has more requests than it likes: fewer at a time, and later. */
  readonly slower?: true
  readonly about: string
}

/** What can be wrong with a request to a store. A kind of its own is what a caller, or the retry, treats differently. */
export const faultTable: Readonly<Record<FaultKind, FaultRow>> = {
  missing: { retry: false, about: 'The object does not exist.' },
  exists: { retry: false, about: 'A conditional put found an object with this key.' },
  throttled: { retry: true, slower: true, about: 'The store limits the request rate (503 SlowDown, 429).' },
  timeout: { retry: true, about: 'No response within the timeout.' },
  unavailable: { retry: true, about: 'Connection refused or broken, host name not resolved, or a 5xx response.' },
  corrupt: { retry: true, about: 'A body that does not match its length or checksum, or a malformed response.' },
  expired: { retry: true, about: 'The credentials have expired. They are requested again.' },
  skewed: { retry: true, about: 'The clock of the store differs. Signatures are corrected by the time in its response.' },
  denied: { retry: false, about: 'The credentials are invalid, or lack a permission.' },
  full: { retry: false, about: 'The store has no space.' },
  unsupported: { retry: false, about: 'The store does not support the operation.' },
  invalid: { retry: false, about: 'The store rejected the request, for example because the bucket does not exist.' },
  closed: { retry: false, about: 'The node closed the store during the request.' },
}

/** Every answer of a store is a value or a fault. */
export const isFault = (answer: unknown): answer is StoreFault => typeof answer === 'object' && answer !== null && 'fault' in answer

/** For the log. */
export const faultText = ({ fault, operation, key, detail, attempts }: StoreFault): string =>
  `${operation} ${key}: ${fault} after ${attempts} ${attempts === 1 ? 'try' : 'tries'}: ${detail}`
