import type { MetricRow } from '../metrics/rows.ts'

const counter = (name: string, help: string): MetricRow => ({ name: `millrace_${name}`, help, type: 'counter' })

/** Cost of cold reads, in bytes of data blocks. */
export const storageMetrics = {
  hits: counter('block_cache_hit_bytes_total', 'Bytes of data blocks that cold reads found in the block cache.'),
  misses: counter('block_cache_miss_bytes_total', 'Bytes of data blocks that cold reads fetched from the object store.'),
  read_ahead: counter('block_cache_read_ahead_bytes_total', 'Bytes of data blocks read ahead of a sequential reader.'),
  unread: counter('block_cache_unread_bytes_total', 'Bytes of data blocks that were read ahead and evicted unused.'),
} as const
