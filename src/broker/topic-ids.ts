import type { Entropy } from '../ports/world.ts'
import { zeroUuid } from '../wire/schema.ts'

const uuidGroups = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/

/** A random UUID in Java's text format. */
export function newUuid(entropy: Entropy): string {
  const bytes = Buffer.from(entropy.bytes(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex').replace(uuidGroups, '$1-$2-$3-$4-$5')
}

/** A random topic id. As in Kafka, ids with a leading dash are excluded, since tools would parse them as an option. */
export function newTopicId(entropy: Entropy): string {
  for (;;) {
    const id = Buffer.from(entropy.bytes(16)).toString('base64url')
    if (id !== zeroUuid && !id.startsWith('-')) return id
  }
}
