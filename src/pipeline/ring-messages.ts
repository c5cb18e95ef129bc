/**
 * Layouts of the ring messages: one table for each message, one word for each field; `long` takes two words (`putLong`, `getLong`). Lists
 * follow the fixed part.
 */
type Word = 'int' | 'long'
type Frame<T> = { readonly [K in keyof T]: number } & { readonly words: number }

function frame<const T extends Record<string, Word>>(table: T): Frame<T> {
  const at: Record<string, number> = {}
  let words = 0
  for (const [name, kind] of Object.entries(table)) {
    at[name] = words
    words += kind === 'long' ? 2 : 1
  }
  return Object.freeze({ ...at, words }) as Frame<T>
}

/** Network worker to sequencer, in the append ring. `address` and `bytes` are the partition's records field. */
export const appendKind = 1
export const append = frame({ request: 'int', part: 'int', partitionId: 'int', address: 'int', bytes: 'int', flags: 'int' })
/**
 * `beforeZstd`: the request is older than zstd (Produce before v7, KIP-110). `checked`: the records of a compressed batch are validated.
 * `exempt`: they are not to be validated (`compressed.record.validation.enable`). A compressed batch with neither is rejected.
 */
export const appendFlags = { beforeZstd: 1, checked: 2, exempt: 4 } as const

/** Network worker to sequencer, in the read ring. */
export const readKind = { fetch: 1, expire: 2, release: 3 } as const
/** Followed by `parts` times `fetchPart`. */
export const fetch = frame({ request: 'int', minBytes: 'int', maxBytes: 'int', wait: 'int', parts: 'int' })
export const fetchPart = frame({ partitionId: 'int', offset: 'long', maxBytes: 'int', leaderEpoch: 'int', lastFetchedEpoch: 'int' })
/** `expire`: answer with the available records. Every fetch is answered exactly once. */
export const fetchRequest = frame({ request: 'int' })
/** The slices of an answer are no longer read, except `bytes` from `address` on. The body is written in this order. */
export const release = frame({ pin: 'int', address: 'int', bytes: 'int' })

/** Sequencer to network worker. */
export const answerKind = { appended: 1, fetched: 2 } as const
/** Valid when the log is durable up to `durableAt`. Followed by `rejected` times `rejectedRecord`. */
export const appended = frame({
  request: 'int',
  part: 'int',
  error: 'int',
  reason: 'int',
  baseOffset: 'long',
  logAppendTime: 'long',
  logStartOffset: 'long',
  durableAt: 'long',
  rejected: 'int',
})
export const rejectedRecord = frame({ index: 'int', reason: 'int' })
/** Followed by `parts` times `fetchedPart`. `pin` must be released when the slices have been read; -1 if there is none. */
export const fetched = frame({ request: 'int', pin: 'int', parts: 'int' })
/** Followed by `count` times `fetchedSlice` (`hot`) or `fetchedRange` (`warm`). */
export const fetchedPart = frame({
  partitionId: 'int',
  error: 'int',
  where: 'int',
  count: 'int',
  allowance: 'int',
  highWatermark: 'long',
  logStartOffset: 'long',
  leaderEpoch: 'int',
})
/**
 * `hot`: in the log cache; `warm`: in the WAL file only; `cold`: in the object store. `diverged`: the last fetched epoch ends before the
 * offset, at the high watermark.
 */
export const where = { none: 0, hot: 1, warm: 2, cold: 3, diverged: 4 } as const
export const fetchedSlice = frame({ address: 'int', bytes: 'int' })
/** `position` is a position in the WAL. */
export const fetchedRange = frame({ position: 'long', bytes: 'int' })

/** Network worker to validator thread: a compressed batch and the rules of its topic for records. Times in milliseconds. */
export const validationKind = 1
export const validationJob = frame({ id: 'int', address: 'int', bytes: 'int', keys: 'int', oldest: 'long', newest: 'long' })
/** Validator thread to network worker, of kind `validationKind`. Followed by `rejected` times `rejectedRecord`. */
export const validationResult = frame({ id: 'int', error: 'int', reason: 'int', flags: 'int', rejected: 'int' })

/** Reasons for the rejection of a batch: the message that is returned with the error code. */
export const reasons = [
  '',
  'The record batch is larger than max.message.bytes.',
  'A produce request must contain exactly one record batch of format 2 for each partition.',
  'The CRC-32C of the record batch does not match its contents.',
  'The number of records does not match the offsets of the record batch.',
  'Clients are not allowed to write control batches.',
  'The sequence number of an idempotent producer must be at least 0.',
  'The base offset of a produced record batch must be 0.',
  'The records of the batch are malformed.',
  'A compacted topic does not accept records without a key.',
  'The timestamp of a record is outside the range that the topic allows.',
  'The compression codec is not supported.',
  'Compression with zstd requires Produce version 7 or later.',
  'The timestamp type of a produced record batch must be CreateTime.',
  'The sequence number does not follow the last one of the producer.',
  'The producer epoch is older than the latest one of the producer id.',
  'Transactions are not supported.',
  'This server does not host the partition.',
  'The compressed records of the batch cannot be decompressed.',
  'The compressed records of the batch contain a back reference of more than 128 MiB.',
  'The timestamp of a record is negative, and compression.type requires that the batch is compressed again.',
  'The producer epoch or sequence number is negative, and compression.type requires that the batch is compressed again.',
] as const

export const reason = {
  none: 0,
  tooLarge: 1,
  notOneBatch: 2,
  crc: 3,
  count: 4,
  control: 5,
  sequence: 6,
  baseOffset: 7,
  malformed: 8,
  keyless: 9,
  timestamp: 10,
  codec: 11,
  zstd: 12,
  appendTime: 13,
  outOfOrder: 14,
  fenced: 15,
  transactional: 16,
  unknown: 17,
  undecodable: 18,
  window: 19,
  negativeTimestamp: 20,
  negativeEpoch: 21,
} as const
