/** The received bytes are not a valid message. The text contains the expected value, the found value and the position. */
export class MalformedMessage extends Error {}

/** The value cannot be encoded, or not in this version. */
export class UnencodableMessage extends Error {}

/** Kafka rejects longer strings, although a compact length allows them. */
export const stringBytesMax = 0x7fff

/** Names of topics and clients are usually shorter: such strings have a faster path. */
export const shortStringBytesMax = 48
