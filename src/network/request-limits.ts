/** Maximum request size by API key. A larger request is rejected as soon as its API key has arrived, before its remaining bytes. */

const produce = 0
/** Requests without lists: the longest has a client id and a few strings of at most 32 KiB. */
const withoutLists: ReadonlySet<number> = new Set([12, 17, 18, 22])
const withoutListsBytesMax = 256 << 10
/**
 * The largest requests of real clients: SyncGroup of a leader with the assignments of all members, and CreateTopics with manual replicas.
 */
const otherBytesMax = 8 << 20

/** `requestBytesMax` is `socket.request.max.bytes`, the limit of requests that contain records. */
export function requestBytesMaxOf(apiKey: number, requestBytesMax: number): number {
  if (apiKey === produce) return requestBytesMax
  return Math.min(requestBytesMax, withoutLists.has(apiKey) ? withoutListsBytesMax : otherBytesMax)
}

/** Larger requests are sent to the main thread one after another; their total is limited to `largeBytesMax`. */
export const largeRequestBytes = 64 << 10
export const largeBytesMax = 16 << 20
