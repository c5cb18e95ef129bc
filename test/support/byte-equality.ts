import { expect } from 'vitest'

/** Compares bytes as bytes: element by element, `toEqual` takes a second for ten megabytes. */
expect.addEqualityTesters([
  (left: unknown, right: unknown): boolean | undefined => {
    const comparable = left instanceof Uint8Array && right instanceof Uint8Array && left.constructor === right.constructor
    return comparable ? Buffer.compare(left, right) === 0 : undefined
  },
])
