/**
 * Finite state entropy: the table of a state machine from the counts of its symbols. Source: RFC 8878, section 4.1.
 *
 * A state is 8 bytes: bits to read for the next state (8), extra bits of the value (8), where the next state is without the bits that are
 * read, in bytes from a base (16), the base of the value (32).
 */

/** Fields of a scratch area. */
namespace scratch {
  export const counts: usize = 0
  export const next: usize = 512
  export const spread: usize = 1024
  export const list: usize = 1536
}
export const scratchBytes: usize = 1536 + 512 + 264

const logMin: u32 = 5

/** What `readCounts` has read besides counts. */
export let countsLog: u32 = 0
export let countsSymbols: u32 = 0

/** Reads counts of symbols up to `symbolMax` into the scratch area. Returns where they end, 0 for damage. */
export function readCounts(area: usize, from: usize, end: usize, symbolMax: u32, logMax: u32): usize {
  if (from >= end) return 0
  const available = <u32>(end - from) << 3
  const log: u32 = (<u32>load<u8>(from) & 15) + logMin
  if (log > logMax) return 0
  let position: u32 = 4
  let left: u32 = (1 << log) + 1
  let threshold: u32 = 1 << log
  let bits = log + 1
  let symbol: u32 = 0
  do {
    if (position > available) return 0
    const word = load<u32>(from + (position >>> 3)) >>> (position & 7)
    const unused: u32 = 2 * threshold - 1 - left
    let value = word & (threshold - 1)
    if (value < unused) position += bits - 1
    else {
      value = word & (2 * threshold - 1)
      if (value >= threshold) value -= unused
      position += bits
    }
    store<i16>(area + (symbol << 1), <i16>(<i32>value - 1), scratch.counts)
    symbol++
    left -= value == 0 ? 1 : value - 1
    if (value == 1) {
      let zeros: u32
      do {
        if (position > available) return 0
        zeros = (<u32>load<u16>(from + (position >>> 3)) >>> (position & 7)) & 3
        position += 2
        if (symbol + zeros > symbolMax) return 0
        for (let i: u32 = 0; i < zeros; i++) store<i16>(area + ((symbol + i) << 1), 0, scratch.counts)
        symbol += zeros
      } while (zeros == 3)
    }
    while (left < threshold) {
      threshold >>>= 1
      bits--
    }
  } while (left > 1 && symbol <= symbolMax)
  if (left != 1 || position > available) return 0
  countsLog = log
  countsSymbols = symbol
  return from + ((position + 7) >>> 3)
}

/** Sets counts, one after the other, from nibbles that are each larger by one. */
export function setCounts(area: usize, first: u32, nibbles: u64, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<i16>(area + ((first + i) << 1), <i16>(<i32>((nibbles >>> (i << 2)) & 15) - 1), scratch.counts)
  }
}

/**
 * Builds a table of 2^`log` states from the counts of `symbols`. Without templates a state has its symbol for a value. The table lies
 * `origin` bytes behind the base of next states.
 */
export function buildStates(table: usize, area: usize, symbols: u32, log: u32, templates: usize, origin: usize): void {
  const size: u32 = 1 << log
  const mask = size - 1
  const step = (size >>> 1) + (size >>> 3) + 3
  // The symbols one after the other, as often as they count, eight at a time: most count less.
  let high = size
  let end: u32 = 0
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = <i32>load<i16>(area + (symbol << 1), scratch.counts)
    const eight = <u64>symbol * 0x0101010101010101
    store<u64>(area + end, eight, scratch.list)
    for (let i = 8; i < count; i += 8) store<u64>(area + end + i, eight, scratch.list)
    const isRare = <u32>(count < 0)
    store<u16>(area + (symbol << 1), abs(count), scratch.next)
    high -= isRare
    end += isRare ? 0 : count
  }
  // In steps over the table, but for its end: that is for the symbols that count less than one.
  let position: u32 = 0
  let next: u32 = 0
  for (let i: u32 = 0; i < size; i++) {
    store<u8>(area + position, load<u8>(area + next, scratch.list), scratch.spread)
    next += <u32>(position < high)
    position = (position + step) & mask
  }
  let last = mask
  for (let symbol: u32 = 0; last >= high && symbol < symbols; symbol++) {
    if (<i32>load<i16>(area + (symbol << 1), scratch.counts) < 0) store<u8>(area + last--, symbol, scratch.spread)
  }
  for (let state: u32 = 0; state < size; state++) {
    const symbol = <usize>load<u8>(area + state, scratch.spread)
    const from = <u32>load<u16>(area + (symbol << 1), scratch.next)
    store<u16>(area + (symbol << 1), from + 1, scratch.next)
    const bits = log - (31 - clz(from))
    const template = templates != 0 ? load<u64>(templates + (symbol << 3)) : <u64>symbol << 32
    store<u64>(table + (state << 3), template | <u64>(bits | (((((from << bits) - size) << 3) + <u32>origin) << 16)))
  }
}
