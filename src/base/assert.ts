/** A broken invariant is a bug: the thread that detects one terminates, and its owner decides on the consequences. Active in production. */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${claim}`)
}

/** Closes a switch over a union, so that a new variant does not compile until every switch handles it. */
export function unreachable(value: never): never {
  throw new Error(`broken invariant: no case for ${JSON.stringify(value)}`)
}
