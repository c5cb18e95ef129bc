/** XXH32 with seed 0 of fewer than 16 bytes, in whole bytes: all that a frame descriptor needs. Source: xxHash fast digest algorithm, 0.1.1. */
export function xxhash32(bytes: Uint8Array): number {
  const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))
  let hash = 0x165667b1 + bytes.length
  for (const byte of bytes) hash = Math.imul(rotate(hash + Math.imul(byte, 0x165667b1), 11), 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae3d)
  return (hash ^ (hash >>> 16)) >>> 0
}
