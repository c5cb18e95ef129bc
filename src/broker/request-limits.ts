/** Bytes of a request, by API key. Frames above these are refused as soon as their API key has arrived, before the rest has. */

const produce = 0
/** Requests without lists: the longest has a client id and a few strings of at most 32 KiB. */
const withoutLists: ReadonlySet<number> = new Set([12, 17, 18, 22])
const withoutListsBytesMax = 256 << 10
/** The largest of real clients: SyncGroup of a leader with the assignments of all members, and CreateTopics with replicas by hand. */
const otherBytesMax = 8 << 20

/** `requestBytesMax` is `socket.request.max.bytes`, the bound on requests that carry records. */
export function requestBytesMaxOf(apiKey: number, requestBytesMax: number): number {
  if (apiKey === produce) return requestBytesMax
  return Math.min(requestBytesMax, withoutLists.has(apiKey) ? withoutListsBytesMax : otherBytesMax)
}

/** Requests that are larger are on their way to the main thread one after another, within `largeBytesMax` together. */
export const largeRequestBytes = 64 << 10
export const largeBytesMax = 16 << 20
