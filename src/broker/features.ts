/**
 * The features of Kafka that are true of this node, and the level that each is at.
 *
 * Clients gate on these: the second protocol of transactions and share groups, which are not here, and consumer groups, which are. The level of
 * `metadata.version` is that of Kafka 4.3, whose admin requests are understood; the metadata log has a format of its own, so there
 * is no other to go to.
 */
export const features: readonly { readonly name: string; readonly oldest: number; readonly latest: number; readonly level: number }[] = [
  { name: 'group.version', oldest: 1, latest: 1, level: 1 },
  { name: 'metadata.version', oldest: 30, latest: 30, level: 30 },
]

/** Features never change here. */
export const featuresEpoch = 0n
