import { assert } from '../../src/base/assert.ts'

const keyMax = 512

/** What every store takes for a key: see `ObjectStore`. A wrong one is a bug of the caller. */
export function assertKey(key: string): void {
  assert(key.length > 0 && key.length <= keyMax, `a key has 1 to ${keyMax} characters`)
  assert(
    key.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
    `no part of a key is empty or dots: ${key}`,
  )
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  assert(!/[\u0000-\u001f\u007f]/.test(key), 'a key has no control characters')
}

/** The order of keys in a list: that of their bytes in UTF-8. */
export const compareKeys = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Keys to a page of a list, as S3 has it. */
export const pageKeys = 1000
