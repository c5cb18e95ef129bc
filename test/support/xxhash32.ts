const [prime1, prime2, prime3, prime4, prime5] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1] as const

const turn = (value: number, by: number): number => (value << by) | (value >>> (32 - by))
const round = (lane: number, word: number): number => Math.imul(turn((lane + Math.imul(word, prime2)) | 0, 13), prime1)

/** XXH32 with seed 0, a direct implementation. Source: xxHash fast digest algorithm, 0.1.1. */
export function xxhash32(bytes: Buffer): number {
  let at = 0
  let hash: number = prime5
  if (bytes.length >= 16) {
    const lanes = [(prime1 + prime2) | 0, prime2 | 0, 0, -prime1 | 0]
    for (; at + 16 <= bytes.length; at += 16) for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i]!, bytes.readInt32LE(at + 4 * i))
    hash = turn(lanes[0]!, 1) + turn(lanes[1]!, 7) + turn(lanes[2]!, 12) + turn(lanes[3]!, 18)
  }
  hash = (hash + bytes.length) | 0
  for (; at + 4 <= bytes.length; at += 4) hash = Math.imul(turn((hash + Math.imul(bytes.readInt32LE(at), prime3)) | 0, 17), prime4)
  for (; at < bytes.length; at++) hash = Math.imul(turn((hash + Math.imul(bytes[at]!, prime5)) | 0, 11), prime1)
  hash = Math.imul(hash ^ (hash >>> 15), prime2)
  hash = Math.imul(hash ^ (hash >>> 13), prime3)
  return (hash ^ (hash >>> 16)) >>> 0
}
