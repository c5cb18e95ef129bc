import type { FaultKind, StoreFault } from '../ports/object-store.ts'

interface FaultRow {
  /** A retry may succeed: the store retries within its limits before it returns the fault. */
  readonly retry: boolean
  /** The store is overloaded: requests must be fewer and later. */
  readonly slower?: true
  readonly about: string
}

/** Faults of a request to a store. Faults that a caller or the retry treats differently have different kinds. */
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

/** Every result of a store is a value or a fault. */
export const isFault = (answer: unknown): answer is StoreFault => typeof answer === 'object' && answer !== null && 'fault' in answer

/** Text for the logger. */
export const faultText = ({ fault, operation, key, detail, attempts }: StoreFault): string =>
  `${operation} ${key}: ${fault} after ${attempts} ${attempts === 1 ? 'try' : 'tries'}: ${detail}`

/** Fault of a store as an error, for callers that only log it. */
export class StoreFailed extends Error {
  readonly fault: StoreFault

  constructor(fault: StoreFault) {
    super(`the store cannot ${fault.operation} ${fault.key}: ${fault.fault}, ${fault.detail}`)
    this.fault = fault
  }
}

/** The result of a store operation. Throws StoreFailed for a fault. */
export function orThrow<T>(answer: T | StoreFault): T {
  if (isFault(answer)) throw new StoreFailed(answer)
  return answer as T
}

/** After a fault of the store, the next round retries; any other error ends the node. */
export const faultOrFailure =
  ({ onFault, onFailure }: { onFault(fault: StoreFault): void; onFailure(error: Error): void }) =>
  (error: Error): void =>
    error instanceof StoreFailed ? onFault(error.fault) : onFailure(error)
