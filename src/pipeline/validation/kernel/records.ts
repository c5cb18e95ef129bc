import { flag, get, job, set, status } from './job.ts'

/**
 * The record checks of Kafka's LogValidator over decoded bytes, in the pieces in which a decoder leaves them.
 * Source: `DefaultRecord.readPartiallyFrom`, `LogValidator.validateRecord`, KIP-937.
 */
namespace state {
  export const phase: usize = job.records
  export const index: usize = job.records + 4
  export const count: usize = job.records + 8
  /** Bytes of the record that are not consumed yet. */
  export const left: usize = job.records + 12
  /** Of those, bytes of a key, value or header that are passed over. */
  export const skip: usize = job.records + 16
  export const headers: usize = job.records + 20
  export const rejected: usize = job.records + 24
}

namespace phase {
  export const record: i32 = 0
  export const value: i32 = 1
  export const headers: i32 = 2
  export const headerKey: i32 = 3
  export const headerValue: i32 = 4
}

/** The longest start of a record: length, attributes, timestamp delta, offset delta, key length. */
const startBytes: usize = 5 + 1 + 10 + 5 + 5
const lengthBytes: usize = 5

/** Where the last varint ended; whether one was longer than its type. */
let cursor: usize = 0
let overlong: bool = false

function longVarint32(at: usize): u32 {
  let value: u32 = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = <u32>load<u8>(at)
    at++
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      cursor = at
      return value
    }
  }
  cursor = at
  overlong = true
  return value
}

function longVarint64(at: usize): u64 {
  let value: u64 = 0
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = <u64>load<u8>(at)
    at++
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      cursor = at
      return value
    }
  }
  cursor = at
  overlong = true
  return value
}

// @ts-ignore: decorator
@inline function zigzag32(value: u32): i32 { return <i32>((value >>> 1) ^ -(value & 1)) }

/** A signed varint at `at`; `cursor` is behind it. */
// @ts-ignore: decorator
@inline function varint32(at: usize): i32 {
  const byte = <u32>load<u8>(at)
  if (byte < 0x80) {
    cursor = at + 1
    return zigzag32(byte)
  }
  return zigzag32(longVarint32(at))
}

// @ts-ignore: decorator
@inline function varint64(at: usize): i64 {
  const byte = <u64>load<u8>(at)
  const value = byte < 0x80 ? byte : longVarint64(at)
  if (byte < 0x80) cursor = at + 1
  return <i64>((value >>> 1) ^ -(value & 1))
}

export function beginRecords(at: usize, count: i32): void {
  set(at, state.phase, phase.record)
  set(at, state.index, 0)
  set(at, state.count, count)
  set(at, state.left, 0)
  set(at, state.skip, 0)
  set(at, state.headers, 0)
  set(at, state.rejected, 0)
  store<i64>(at + job.maxTimestamp, -1)
}

export function recordIndexOf(at: usize): i32 { return load<i32>(at + state.index) }
export function rejectedCountOf(at: usize): i32 { return load<i32>(at + state.rejected) }

/**
 * Checks what has been decoded and not been checked yet; `isLast` when nothing more will come. Leaves the start of a field whose end is
 * not there yet. Reads may pass the end of the output by the length of a varint, and decide nothing there.
 */
export function checkRecords(at: usize, isLast: bool): i32 {
  let from = get(at, job.checked)
  const end = get(at, job.output)
  let index = load<i32>(at + state.index)
  const count = load<i32>(at + state.count)
  let now = load<i32>(at + state.phase)
  let left = load<i32>(at + state.left)
  let skip = load<i32>(at + state.skip)
  let headers = load<i32>(at + state.headers)
  const base = load<i64>(at + job.baseTimestamp)
  let latest = load<i64>(at + job.maxTimestamp)
  const oldest = load<i64>(at + job.oldest)
  const newest = load<i64>(at + job.newest)
  const flags = load<i32>(at + job.flags)
  const isSearch = (flags & flag.search) != 0
  let result = status.more
  overlong = false

  while (true) {
    if (skip > 0) {
      const there = min<usize>(<usize>skip, end - from)
      from += there
      skip -= <i32>there
      left -= <i32>there
      if (skip > 0) break
    }
    const available = end - from
    if (now == phase.record) {
      if (index == count) {
        result = available > 0 ? status.malformed : status.done
        break
      }
      if (available < startBytes && !isLast) break
      const bytes = varint32(from)
      let next = cursor
      if (next > end || bytes <= 0) {
        result = status.malformed
        break
      }
      const start = next
      const delta = varint64(next + 1) // behind the attributes, of which none is in use
      const offset = varint32(cursor)
      const key = varint32(cursor)
      next = cursor
      left = bytes - <i32>(next - start)
      if (next > end || overlong || (offset != index && !isSearch) || left < 0 || key < -1 || key > left) {
        result = status.malformed
        break
      }
      const timestamp = flags & flag.fixed ? load<i64>(at + job.fixedTimestamp) : base + delta
      if (key < 0 && flags & flag.keys) reject(at, index << 1)
      else if (timestamp != -1 && (timestamp < oldest || timestamp > newest)) reject(at, (index << 1) | 1)
      if (timestamp > latest) latest = timestamp
      if (isSearch && isBetter(at, offset, timestamp)) {
        result = status.found
        break
      }
      from = next
      skip = max(key, 0)
      now = phase.value
      // The rest of a record that is there as a whole is checked in one go.
      if (<usize>left > end - from) continue
      const limit = from + <usize>left
      from += <usize>skip
      skip = 0
      const value = varint32(from)
      from = cursor
      if (from > limit || value < -1 || (value > 0 && <usize>value > limit - from)) {
        result = status.malformed
        break
      }
      if (value > 0) from += <usize>value
      headers = varint32(from)
      from = cursor
      while (headers > 0 && from <= limit) {
        const name = varint32(from)
        from = cursor
        if (from > limit || name < 0 || <usize>name > limit - from) break
        const content = varint32(from + <usize>name)
        from = cursor
        if (from > limit || content < -1 || (content > 0 && <usize>content > limit - from)) break
        if (content > 0) from += <usize>content
        headers--
      }
      if (headers != 0 || from != limit || overlong) {
        result = status.malformed
        break
      }
      left = 0
      now = phase.record
      index++
      continue
    }
    if (now == phase.headerKey && headers == 0) {
      if (left != 0) {
        result = status.malformed
        break
      }
      now = phase.record
      index++
      continue
    }
    if (available < lengthBytes && !isLast) break
    const value = varint32(from)
    const taken = <i32>(cursor - from)
    if (cursor > end || overlong || taken > left) {
      result = status.malformed
      break
    }
    from = cursor
    left -= taken
    if (now == phase.headers) {
      headers = value
      if (headers < 0 || headers > left) {
        result = status.malformed
        break
      }
      now = phase.headerKey
      continue
    }
    const least = now == phase.headerKey ? 0 : -1
    if (value < least || value > left) {
      result = status.malformed
      break
    }
    skip = max(value, 0)
    if (now == phase.headerValue) {
      headers--
      now = phase.headerKey
    } else now = now == phase.headerKey ? phase.headerValue : phase.headers
  }

  // What is left over at the end of the input is a record that is cut off.
  if (isLast && result == status.more) result = status.malformed
  if (!isLast && result == status.done) result = status.more
  set(at, job.checked, from)
  store<i32>(at + state.index, index)
  store<i32>(at + state.phase, now)
  store<i32>(at + state.left, left)
  store<i32>(at + state.skip, skip)
  store<i32>(at + state.headers, headers)
  store<i64>(at + job.maxTimestamp, latest)
  return result
}

/** Keeps the first record of the latest timestamp, from an offset on. True where it is what is sought. */
function isBetter(at: usize, offset: i32, timestamp: i64): bool {
  if (offset < load<i32>(at + job.least)) return false
  if (load<i32>(at + job.bestDelta) >= 0 && timestamp <= load<i64>(at + job.best)) return false
  store<i64>(at + job.best, timestamp)
  store<i32>(at + job.bestDelta, offset)
  return timestamp >= load<i64>(at + job.target)
}

function reject(at: usize, entry: i32): void {
  const count = load<i32>(at + state.rejected)
  if (count == job.rejectedMax) return
  store<i32>(at + job.rejected + (<usize>count << 2), entry)
  store<i32>(at + state.rejected, count + 1)
}
