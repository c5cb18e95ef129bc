import { subscriptionOf } from './embedded-protocol.ts'

/** The protocol type of groups that read topics; other types, such as Connect's workers, share other resources. */
export const consumerProtocolType = 'consumer'

/** The topics in a member's metadata; undefined for another format. */
export const topicsOf = (metadata: Buffer): readonly string[] | undefined => subscriptionOf(metadata)?.topics
