/**
 * A validation job: one compressed record batch on its way through a decoder and the record checks.
 *
 * The language of this folder is AssemblyScript: TypeScript syntax over WebAssembly's integers, compiled at build time into
 * `dist/validation.wasm`. All state is in the arena, in a job's own bytes and its window buffer, so that a job can stop after a budget
 * of work and continue later, and so that one thread can have several jobs.
 */

/** Fields of a job, as byte offsets from its address. Addresses are of the arena; pairs of `i64` are aligned to 8. */
export namespace job {
  /** Compressed input that is not consumed yet, and its end. */
  export const input: usize = 0
  export const inputEnd: usize = 4
  /** The window buffer: decoded bytes from `window`; the next goes to `output`; nothing may be written at `windowEnd` or behind. */
  export const window: usize = 8
  export const windowEnd: usize = 12
  export const output: usize = 16
  /** Output before this address has been given to the record checks. */
  export const checked: usize = 20
  /** How far back a decoder may refer, by its format; bytes. */
  export const history: usize = 24
  /** Work that may still be done in this run: about one unit for a byte of output. */
  export const budget: usize = 28
  /** The batch, its codec, and flags from the caller. */
  export const batch: usize = 32
  export const codec: usize = 36
  export const flags: usize = 40
  /** Progress of the decoder: its own meaning. */
  export const phase: usize = 44
  /** Bytes that have left the window buffer at its front, since the decoder's history began. */
  export const dropped: usize = 48
  export const oldest: usize = 56
  export const newest: usize = 64
  export const baseTimestamp: usize = 72
  export const fixedTimestamp: usize = 80
  export const maxTimestamp: usize = 88
  /** The record checks, see `records.ts`. */
  export const records: usize = 96
  /** A search, see `records.ts`: the smallest offset delta and the timestamp that are sought; the best timestamp and its offset delta. */
  export const least: usize = 160
  export const target: usize = 168
  export const best: usize = 176
  export const bestDelta: usize = 184
  /** Private to the decoder in use. */
  export const decoder: usize = 256
  /** Tables of the decoders. */
  export const tables: usize = 1024
  export const tablesBytes: usize = 96 * 1024
  /** Records that break a rule of their topic: index << 1 | 1 for a timestamp, | 0 for a missing key. */
  export const rejected: usize = 1024 + 96 * 1024
  export const rejectedMax: i32 = 8192
  export const bytes: usize = 1024 + 96 * 1024 + 8192 * 4
}

/** How a run ends. */
export namespace status {
  export const done: i32 = 0
  /** The budget is used up: run again. */
  export const more: i32 = 1
  /** The compressed bytes are not what their codec allows. */
  export const damaged: i32 = 2
  /** A record is malformed, or there are fewer or more than the batch header states. */
  export const malformed: i32 = 3
  /** The decoder needs a larger window buffer: begin again with one, or extend this one where it holds the whole output. */
  export const window: i32 = 4
  /** A search has found a record at or after its timestamp. */
  export const found: i32 = 5
}

/** Flags of a job. */
export namespace flag {
  /** A record without a key is rejected: the topic is compacted. */
  export const keys: i32 = 1
  /** Every record has `fixedTimestamp`: the timestamp type of the batch is log append time. */
  export const fixed: i32 = 2
  /** The batch is a stored one, whose offsets may have gaps, and a timestamp is sought in it. */
  export const search: i32 = 4
  /** The window buffer holds the whole output, and records are not checked. */
  export const unpack: i32 = 8
}

/** What a decoder's step returns: there is more, it is at the end of its input, or a `status` as a negative number. */
export namespace step {
  export const further: i32 = 0
  export const end: i32 = 1
  export const damaged: i32 = -2
  export const window: i32 = -4
}

/** Output that the window buffer takes, at least, before what is no longer needed is dropped. */
const usedBytesMin: usize = 1 << 20

/** Output between two moves of a long history, at most. */
export const moveBytes: usize = 16 << 20

/** A decoder may write up to this many bytes behind its output: copies go in steps of 16. */
export const slack: usize = 64

// @ts-ignore: decorator
@inline export function get(at: usize, field: usize): usize { return load<u32>(at + field) }
// @ts-ignore: decorator
@inline export function set(at: usize, field: usize, value: usize): void { store<u32>(at + field, <u32>value) }

/** Reduces the budget by work that leaves no output, such as building a table. */
// @ts-ignore: decorator
@inline export function charge(at: usize, work: i32): void { store<i32>(at + job.budget, load<i32>(at + job.budget) - work) }

/**
 * Makes room for `bytes` of output by dropping what lies further back than the history and has been checked. False where the buffer is
 * too small for both.
 */
export function room(at: usize, bytes: usize): bool {
  const output = get(at, job.output)
  const windowEnd = get(at, job.windowEnd) - slack
  const window = get(at, job.window)
  if (load<i32>(at + job.flags) & flag.unpack) return output + bytes <= windowEnd
  // No more of the buffer is touched than the history is worth: what was written last is still in the cache.
  const used = max(2 * get(at, job.history), usedBytesMin)
  if (output + bytes <= min(windowEnd, window + used + bytes)) return true
  const held = output - window
  const unchecked = output - get(at, job.checked)
  const kept = min(held, max(get(at, job.history), unchecked))
  if (window + kept + bytes > windowEnd) return false
  memory.copy(window, output - kept, kept)
  set(at, job.dropped, get(at, job.dropped) + held - kept)
  set(at, job.output, window + kept)
  set(at, job.checked, window + kept - unchecked)
  return true
}

/** Copies `bytes` from `distance` back, front to back, as matches repeat themselves. Writes up to 15 bytes behind the end. */
// @ts-ignore: decorator
@inline export function copyMatch(to: usize, distance: usize, bytes: usize): void {
  let from = to - distance
  const end = to + bytes
  if (distance >= 16) {
    do {
      v128.store(to, v128.load(from))
      to += 16
      from += 16
    } while (to < end)
    return
  }
  if (distance == 1) {
    const same = i8x16.splat(load<i8>(from))
    do {
      v128.store(to, same)
      to += 16
    } while (to < end)
    return
  }
  if (distance >= 8) {
    do {
      store<u64>(to, load<u64>(from))
      to += 8
      from += 8
    } while (to < end)
    return
  }
  // The first bytes one by one, until the pattern is wide enough to be copied in words.
  let step = distance
  while (step < 8) step += distance
  const wide = min(end, to + step - distance)
  while (to < wide) {
    store<u8>(to, load<u8>(from))
    to++
    from++
  }
  from = to - step
  while (to < end) {
    store<u64>(to, load<u64>(from))
    to += 8
    from += 8
  }
}

/** Copies `bytes` from elsewhere. Reads and writes up to 15 bytes behind the end. */
// @ts-ignore: decorator
@inline export function copyLiterals(to: usize, from: usize, bytes: usize): void {
  const end = to + bytes
  do {
    v128.store(to, v128.load(from))
    to += 16
    from += 16
  } while (to < end)
}
