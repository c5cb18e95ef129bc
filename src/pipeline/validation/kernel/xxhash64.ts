import { get, set } from './job.ts'

/** XXH64 with seed 0, in pieces. Source: xxHash fast digest algorithm, 0.1.1. */
const prime1: u64 = 0x9e3779b185ebca87
const prime2: u64 = 0xc2b2ae3d27d4eb4f
const prime3: u64 = 0x165667b19e3779f9
const prime4: u64 = 0x85ebca77c2b2ae63
const prime5: u64 = 0x27d4eb2f165667c5

/** Fields of a sum that is not complete, as byte offsets from its address: four lanes, the number of bytes, bytes that fill no stripe. */
namespace sum {
  export const lanes: usize = 0
  export const bytes: usize = 32
  export const rest: usize = 40
  export const restBytes: usize = 72
}
export const xxhash64Bytes: usize = 80
const stripeBytes: usize = 32

// @ts-ignore: decorator
@inline function round(lane: u64, word: u64): u64 { return rotl(lane + word * prime2, 31) * prime1 }
// @ts-ignore: decorator
@inline function merge(hash: u64, lane: u64): u64 { return (hash ^ round(0, lane)) * prime1 + prime4 }

export function beginXxhash64(at: usize): void {
  store<u64>(at + sum.lanes, prime1 + prime2)
  store<u64>(at + sum.lanes, prime2, 8)
  store<u64>(at + sum.lanes, 0, 16)
  store<u64>(at + sum.lanes, 0 - prime1, 24)
  store<u64>(at + sum.bytes, 0)
  set(at, sum.restBytes, 0)
}

export function addXxhash64(at: usize, from: usize, bytes: usize): void {
  const end = from + bytes
  store<u64>(at + sum.bytes, load<u64>(at + sum.bytes) + bytes)
  let rest = get(at, sum.restBytes)
  if (rest > 0) {
    const taken = min(stripeBytes - rest, bytes)
    memory.copy(at + sum.rest + rest, from, taken)
    from += taken
    rest += taken
    if (rest == stripeBytes) {
      addStripes(at, at + sum.rest, at + sum.rest + stripeBytes)
      rest = 0
    }
  }
  from = addStripes(at, from, end)
  memory.copy(at + sum.rest + rest, from, end - from)
  set(at, sum.restBytes, rest + (end - from))
}

/** Adds whole stripes; returns where the first that is not whole begins. */
function addStripes(at: usize, from: usize, end: usize): usize {
  let a = load<u64>(at + sum.lanes)
  let b = load<u64>(at + sum.lanes, 8)
  let c = load<u64>(at + sum.lanes, 16)
  let d = load<u64>(at + sum.lanes, 24)
  while (end - from >= stripeBytes) {
    a = round(a, load<u64>(from))
    b = round(b, load<u64>(from, 8))
    c = round(c, load<u64>(from, 16))
    d = round(d, load<u64>(from, 24))
    from += stripeBytes
  }
  store<u64>(at + sum.lanes, a)
  store<u64>(at + sum.lanes, b, 8)
  store<u64>(at + sum.lanes, c, 16)
  store<u64>(at + sum.lanes, d, 24)
  return from
}

export function finishXxhash64(at: usize): u64 {
  const bytes = load<u64>(at + sum.bytes)
  let hash: u64
  if (bytes >= stripeBytes) {
    const a = load<u64>(at + sum.lanes)
    const b = load<u64>(at + sum.lanes, 8)
    const c = load<u64>(at + sum.lanes, 16)
    const d = load<u64>(at + sum.lanes, 24)
    hash = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18)
    hash = merge(merge(merge(merge(hash, a), b), c), d)
  } else hash = prime5
  hash += bytes
  let from = at + sum.rest
  const end = from + get(at, sum.restBytes)
  while (end - from >= 8) {
    hash = rotl(hash ^ round(0, load<u64>(from)), 27) * prime1 + prime4
    from += 8
  }
  if (end - from >= 4) {
    hash = rotl(hash ^ (<u64>load<u32>(from) * prime1), 23) * prime2 + prime3
    from += 4
  }
  while (from < end) {
    hash = rotl(hash ^ (<u64>load<u8>(from) * prime5), 11) * prime1
    from++
  }
  hash = (hash ^ (hash >>> 33)) * prime2
  hash = (hash ^ (hash >>> 29)) * prime3
  return hash ^ (hash >>> 32)
}
