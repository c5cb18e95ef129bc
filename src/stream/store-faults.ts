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
  missing: { retry: false, about: 'There is no such object.' },
  exists: { retry: false, about: 'A conditional put found that somebody else was first.' },
  throttled: { retry: true, slower: true, about: 'The store asks for fewer requests (503 SlowDown, 429).' },
  timeout: { retry: true, about: 'No answer in time.' },
  unavailable: { retry: true, about: 'Refused or broken connections, names that do not resolve, 5xx.' },
  corrupt: { retry: true, about: 'A body shorter, longer or other than the store said; an answer that makes no sense.' },
  expired: { retry: true, about: 'The credentials have expired: they are asked for again.' },
  skewed: { retry: true, about: "The store's clock differs: the signature is corrected by its answer." },
  denied: { retry: false, about: 'The store knows who asks and refuses, or does not know them.' },
  full: { retry: false, about: 'No room left.' },
  unsupported: { retry: false, about: 'This store cannot do that.' },
  invalid: { retry: false, about: 'The store understood and refused: no such bucket, a wrong request.' },
  closed: { retry: false, about: 'The store was closed while it was asked.' },
}

/** Every answer of a store is a value or a fault. */
export const isFault = (answer: unknown): answer is StoreFault => typeof answer === 'object' && answer !== null && 'fault' in answer

/** For the log. */
export const faultText = ({ fault, operation, key, detail, attempts }: StoreFault): string =>
  `${operation} ${key}: ${fault} after ${attempts} ${attempts === 1 ? 'try' : 'tries'}: ${detail}`
