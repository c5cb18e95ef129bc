import { assert } from '../../src/base/assert.ts'

const keyMax = 512

/** Requirements of every store for a key: see `ObjectStore`. An invalid key is a bug of the caller. */
export function assertKey(key: string): void {
  assert(key.length > 0 && key.length <= keyMax, `a key has 1 to ${keyMax} characters`)
  assert(
    key.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
    `no part of a key is empty or dots: ${key}`,
  )
  assert(
    [...key].every((character) => character >= ' ' && character !== '\u007f'),
    'a key has no control characters',
  )
}

/** The order of keys in a list: by their bytes in UTF-8. */
export const compareKeys = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Number of keys in a page of a list, as in S3. */
export const pageKeys = 1000
