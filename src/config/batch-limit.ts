import type { Settings } from './settings.ts'

/** The log cache has room for this many of the largest records: one is written, one is sequenced, and pinned ranges do not move. */
export const batchesInLogMemory = 4
/** Size of the header before a batch in the WAL; see `walRecord`. */
export const walHeaderBytes = 64

/** The largest batch that `s3.wal.cache.size` allows, in bytes. */
export const batchBytesMax = (settings: Pick<Settings, 's3.wal.cache.size'>): number =>
  Math.floor(settings['s3.wal.cache.size'] / batchesInLogMemory) - walHeaderBytes

/** Ends the sentence "KEY = VALUE: ". */
export const batchBytesAllowed = (settings: Settings): string =>
  `must be at most ${batchBytesMax(settings)}, a quarter of s3.wal.cache.size = ${settings['s3.wal.cache.size']} less ${walHeaderBytes}`
