import type { MetricRow } from '../metrics/rows.ts'

const counter = (name: string, help: string): MetricRow => ({ name: `millrace_store_${name}_total`, help, type: 'counter' })

/**
 * Requests that a store charges for. PUT, POST, COPY and LIST are class A (expensive), GET and HEAD class B (cheap). DELETE is free in
 * nearly all stores. Every attempt counts, as on the bill.
 */
export const storeTable = {
  put: counter('put_requests', 'PUT requests: objects and parts of objects (class A).'),
  post: counter('post_requests', 'POST requests: multipart uploads started and completed (class A).'),
  copy: counter('copy_requests', 'COPY requests: copies inside the store (class A).'),
  list: counter('list_requests', 'LIST requests (class A).'),
  get: counter('get_requests', 'GET requests (class B).'),
  head: counter('head_requests', 'HEAD requests (class B).'),
  delete: counter('delete_requests', 'DELETE requests; each deletes up to 1,000 objects.'),
  sentBytes: counter('sent_bytes', 'Bytes of request bodies sent to the store.'),
  receivedBytes: counter('received_bytes', 'Bytes of objects received from the store.'),
  failed: counter('failed_requests', 'Requests that failed or got no response; they are included in the counters above.'),
} as const

export type StoreRequest = Exclude<keyof typeof storeTable, 'sentBytes' | 'receivedBytes' | 'failed'>

/** Counters of a store. A `MetricBlock` of `storeTable` is one. */
export interface StoreMeter {
  add(row: keyof typeof storeTable, by: number): void
}
