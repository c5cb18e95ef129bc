/** The validation kernel: what a thread calls. All addresses are of the imported memory. */
import { prepareGzip, stepGzip } from './inflate.ts'
import { flag, get, job, set, status, step } from './job.ts'
import { stepLz4 } from './lz4.ts'
import { beginRecords, checkRecords, recordIndexOf, rejectedCountOf } from './records.ts'
import { stepSnappy } from './snappy.ts'
import { stepStored } from './stored.ts'
import { stepZstd } from './zstd.ts'
import { prepareSequences } from './zstd-sequences.ts'

/** Fields of a record batch of format 2, big-endian. See `src/wire/record-batch.ts`. */
namespace batch {
  export const attributes: usize = 21
  export const baseTimestamp: usize = 27
  export const maxTimestamp: usize = 35
  export const recordsCount: usize = 57
  export const bytes: usize = 61
  export const codecMask: u32 = 7
  export const logAppendTime: u32 = 8
}

namespace codec {
  export const none: usize = 0
  export const gzip: usize = 1
  export const snappy: usize = 2
  export const lz4: usize = 3
  export const zstd: usize = 4
}

/** Bytes of a job, without its window buffer. */
export function jobBytes(): i32 { return <i32>job.bytes }

/** Makes a job of the bytes at `at`: once, before its first batch. */
export function prepare(at: usize): void {
  prepareGzip(at)
  prepareSequences(at)
}

/** Prepares a job at `at`, with a window buffer of `windowBytes`, for the compressed batch of `bytes` at `from`. Times in milliseconds. */
export function begin(at: usize, window: usize, windowBytes: usize, from: usize, bytes: usize, flags: i32, oldest: f64, newest: f64): void {
  beginBatch(at, window, windowBytes, from, bytes, flags)
  store<i64>(at + job.oldest, <i64>oldest)
  store<i64>(at + job.newest, <i64>newest)
}

/**
 * Prepares a job like `begin`, for the stored batch at `from`, compressed or not, in which a record of a timestamp of at least `target` is
 * sought, among those with an offset delta of at least `least`.
 */
export function beginSearch(at: usize, window: usize, windowBytes: usize, from: usize, bytes: usize, least: i32, target: i64): void {
  beginBatch(at, window, windowBytes, from, bytes, flag.search)
  store<i64>(at + job.oldest, i64.MIN_VALUE)
  store<i64>(at + job.newest, i64.MAX_VALUE)
  store<i32>(at + job.least, least)
  store<i64>(at + job.target, target)
  store<i64>(at + job.best, i64.MIN_VALUE)
  store<i32>(at + job.bestDelta, -1)
}

/** The latest timestamp that a search has seen, and the offset delta of the first record that has it: -1 for none. */
export function bestTimestamp(at: usize): i64 { return load<i64>(at + job.best) }
export function bestDelta(at: usize): i32 { return load<i32>(at + job.bestDelta) }

/** Prepares a job that leaves all that the `bytes` at `from` decode to in its window buffer, without records being checked. */
export function beginUnpack(at: usize, window: usize, windowBytes: usize, chosen: usize, from: usize, bytes: usize): void {
  beginDecoder(at, window, windowBytes, chosen, from, bytes)
  set(at, job.flags, flag.unpack)
}

/** Gives the job of `beginUnpack` more room: it ran out of it. */
export function extend(at: usize, windowBytes: usize): void { set(at, job.windowEnd, get(at, job.window) + windowBytes) }

/** Bytes in the window buffer. */
export function outputBytes(at: usize): u32 { return <u32>(get(at, job.output) - get(at, job.window)) }

function beginDecoder(at: usize, window: usize, windowBytes: usize, chosen: usize, from: usize, bytes: usize): void {
  set(at, job.input, from)
  set(at, job.inputEnd, from + bytes)
  set(at, job.window, window)
  set(at, job.windowEnd, window + windowBytes)
  set(at, job.output, window)
  set(at, job.checked, window)
  set(at, job.history, 0)
  set(at, job.dropped, 0)
  set(at, job.phase, 0)
  set(at, job.codec, chosen)
}

function beginBatch(at: usize, window: usize, windowBytes: usize, from: usize, bytes: usize, flags: i32): void {
  const attributes = <u32>bswap(load<u16>(from + batch.attributes))
  beginDecoder(at, window, windowBytes, attributes & batch.codecMask, from + batch.bytes, bytes - batch.bytes)
  set(at, job.batch, from)
  set(at, job.flags, flags | (attributes & batch.logAppendTime ? flag.fixed : 0))
  store<i64>(at + job.baseTimestamp, bswap(load<i64>(from + batch.baseTimestamp)))
  store<i64>(at + job.fixedTimestamp, bswap(load<i64>(from + batch.maxTimestamp)))
  beginRecords(at, bswap(load<i32>(from + batch.recordsCount)))
}

/** Works until the job is decided or about `budget` bytes of output have been made. Returns a `status`. */
export function run(at: usize, budget: i32): i32 {
  store<i32>(at + job.budget, budget)
  const chosen = get(at, job.codec)
  const isUnpack = (load<i32>(at + job.flags) & flag.unpack) != 0
  do {
    let went: i32
    if (chosen == codec.lz4) went = stepLz4(at)
    else if (chosen == codec.zstd) went = stepZstd(at)
    else if (chosen == codec.snappy) went = stepSnappy(at)
    else if (chosen == codec.gzip) went = stepGzip(at)
    else if (chosen == codec.none) went = stepStored(at)
    else went = step.damaged
    if (went < 0) return -went
    if (isUnpack) {
      set(at, job.checked, get(at, job.output))
      if (went == step.end) return status.done
      continue
    }
    const result = checkRecords(at, went == step.end)
    if (result != status.more) return result
  } while (load<i32>(at + job.budget) > 0)
  return status.more
}

/** The record at which a job ended as malformed. */
export function recordIndex(at: usize): i32 { return recordIndexOf(at) }

/** How many records break a rule of their topic, at most 8,192, and the i-th: its index << 1, | 1 for its timestamp, | 0 for its key. */
export function rejectedCount(at: usize): i32 { return rejectedCountOf(at) }
export function rejectedRecord(at: usize, i: i32): i32 { return load<i32>(at + job.rejected + (<usize>i << 2)) }

/** Whether the header of the batch has another largest timestamp than its records. */
export function hasOtherMaxTimestamp(at: usize): bool {
  if (load<i32>(at + job.flags) & flag.fixed) return false
  return bswap(load<i64>(get(at, job.batch) + batch.maxTimestamp)) != load<i64>(at + job.maxTimestamp)
}

/** Writes the largest timestamp of the records into the header of the batch. The CRC is the caller's. */
export function setMaxTimestamp(at: usize): void {
  store<i64>(get(at, job.batch) + batch.maxTimestamp, bswap(load<i64>(at + job.maxTimestamp)))
}
