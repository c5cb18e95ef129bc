import type { MetricRow } from '../metrics/rows.ts'

const counter = (name: string, help: string): MetricRow => ({ name: `millrace_${name}`, help, type: 'counter' })

/** What reading old records costs, in bytes of data blocks. */
export const storageMetrics = {
  hits: counter('block_cache_hit_bytes_total', 'Old records that were read from block memory.'),
  misses: counter('block_cache_miss_bytes_total', 'Old records that somebody waited for the store for.'),
  read_ahead: counter('block_cache_read_ahead_bytes_total', 'Old records read before somebody asked.'),
  unread: counter('block_cache_unread_bytes_total', 'Of these, what made room again before somebody asked.'),
} as const
