const [prime1, prime2, prime3, prime4, prime5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const

const word = (value: bigint): bigint => BigInt.asUintN(64, value)
const turn = (value: bigint, by: bigint): bigint => word((word(value) << by) | (word(value) >> (64n - by)))
const round = (lane: bigint, input: bigint): bigint => word(turn(lane + input * prime2, 31n) * prime1)

/** XXH64 with seed 0, a direct implementation. Source: xxHash fast digest algorithm, 0.1.1. */
export function xxhash64(bytes: Buffer): bigint {
  let at = 0
  let hash: bigint = prime5
  if (bytes.length >= 32) {
    const lanes = [prime1 + prime2, prime2, 0n, -prime1].map(word)
    for (; at + 32 <= bytes.length; at += 32) for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i]!, bytes.readBigUInt64LE(at + 8 * i))
    hash = word(turn(lanes[0]!, 1n) + turn(lanes[1]!, 7n) + turn(lanes[2]!, 12n) + turn(lanes[3]!, 18n))
    for (const lane of lanes) hash = word((hash ^ round(0n, lane)) * prime1 + prime4)
  }
  hash = word(hash + BigInt(bytes.length))
  for (; at + 8 <= bytes.length; at += 8) hash = word(turn(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * prime1 + prime4)
  if (at + 4 <= bytes.length) {
    hash = word(turn(hash ^ word(BigInt(bytes.readUInt32LE(at)) * prime1), 23n) * prime2 + prime3)
    at += 4
  }
  for (; at < bytes.length; at++) hash = word(turn(hash ^ word(BigInt(bytes[at]!) * prime5), 11n) * prime1)
  hash = word((hash ^ (hash >> 33n)) * prime2)
  hash = word((hash ^ (hash >> 29n)) * prime3)
  return hash ^ (hash >> 32n)
}
