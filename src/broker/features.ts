/**
 * The features of Kafka that this node supports, and the level of each.
 *
 * Clients depend on these: the second protocol of transactions and share groups, which are absent, and consumer groups, which are
 * supported.
 * The level of `metadata.version` is that of Kafka 4.3, whose admin requests are supported. The metadata log has its own format,
 * so there is no other level to upgrade to.
 */
export const features: readonly { readonly name: string; readonly oldest: number; readonly latest: number; readonly level: number }[] = [
  { name: 'group.version', oldest: 1, latest: 1, level: 1 },
  { name: 'metadata.version', oldest: 30, latest: 30, level: 30 },
]

/** Features never change here. */
export const featuresEpoch = 0n
