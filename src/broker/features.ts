/**
 * The features of Kafka that are true of this node, and the level that each is at.
 *
 * Clients gate on these: the second protocol of transactions, the new group protocol and share groups, none of which is here. The level of
 * `metadata.version` is that of Kafka 4.3, whose admin requests are understood; the metadata log has a format of its own, so there
 * is no other to go to.
 */
export const features: readonly { readonly name: string; readonly oldest: number; readonly latest: number; readonly level: number }[] = [
  { name: 'metadata.version', oldest: 30, latest: 30, level: 30 },
]

/** Features never change here. */
export const featuresEpoch = 0n
