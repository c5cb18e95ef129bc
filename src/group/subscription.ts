import { codec } from '../wire/codec.ts'
import { MalformedMessage, Reader } from '../wire/cursor.ts'
import { ConsumerProtocolSubscription } from '../wire/internal/consumer-protocol.ts'

/** The protocol type of groups that read topics; others, such as Connect's workers, share something else. */
export const consumerProtocolType = 'consumer'

const latest = 3

/** The topics that a member's metadata names; undefined where it is something else. A version of the future begins as the latest does. */
export function topicsOf(metadata: Buffer): readonly string[] | undefined {
  try {
    const reader = new Reader(metadata)
    const version = reader.int16()
    if (version < 0) return undefined
    return codec(ConsumerProtocolSubscription, Math.min(version, latest)).read(reader).topics
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}
