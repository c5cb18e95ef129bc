/** XXH32 with seed 0. Source: xxHash fast digest algorithm, 0.1.1. */
const prime1: u32 = 0x9e3779b1
const prime2: u32 = 0x85ebca77
const prime3: u32 = 0xc2b2ae3d
const prime4: u32 = 0x27d4eb2f
const prime5: u32 = 0x165667b1

// @ts-ignore: decorator
@inline function round(lane: u32, word: u32): u32 { return rotl(lane + word * prime2, 13) * prime1 }

export function xxhash32(from: usize, bytes: usize): u32 {
  const end = from + bytes
  let hash: u32
  if (bytes >= 16) {
    let a = prime1 + prime2
    let b = prime2
    let c: u32 = 0
    let d: u32 = 0 - prime1
    while (end - from >= 16) {
      a = round(a, load<u32>(from))
      b = round(b, load<u32>(from, 4))
      c = round(c, load<u32>(from, 8))
      d = round(d, load<u32>(from, 12))
      from += 16
    }
    hash = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18)
  } else hash = prime5
  hash += <u32>bytes
  while (end - from >= 4) {
    hash = rotl(hash + load<u32>(from) * prime3, 17) * prime4
    from += 4
  }
  while (from < end) {
    hash = rotl(hash + <u32>load<u8>(from) * prime5, 11) * prime1
    from++
  }
  hash = (hash ^ (hash >>> 15)) * prime2
  hash = (hash ^ (hash >>> 13)) * prime3
  return hash ^ (hash >>> 16)
}
