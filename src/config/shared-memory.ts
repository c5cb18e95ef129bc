import type { Settings } from './settings.ts'

/** The memory that all threads share has at most 4 GiB; the rings and the buffers of validation use less than the rest. */
export const sharedMemoryMax = 3.5 * 2 ** 30

/** Bytes of the receive buffers and log caches of this many network threads and lanes. */
export const sharedMemory = (
  settings: Pick<Settings, 'queued.max.requests.size.bytes' | 's3.wal.cache.size'>,
  networkThreads: number,
  lanes: number,
): number => networkThreads * settings['queued.max.requests.size.bytes'] + lanes * settings['s3.wal.cache.size']
