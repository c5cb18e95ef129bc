import { subscriptionOf } from './embedded-protocol.ts'

/** The protocol type of groups that read topics; others, such as Connect's workers, share something else. */
export const consumerProtocolType = 'consumer'

/** The topics that a member's metadata names; undefined where it is something else. */
export const topicsOf = (metadata: Buffer): readonly string[] | undefined => subscriptionOf(metadata)?.topics
