import type { Entropy } from '../ports.ts'
import { zeroUuid } from '../wire/schema.ts'

/** A random topic id. Those that begin with a dash are left out, as Kafka does, since tools would take them for an option. */
export function newTopicId(entropy: Entropy): string {
  for (;;) {
    const id = Buffer.from(entropy.bytes(16)).toString('base64url')
    if (id !== zeroUuid && !id.startsWith('-')) return id
  }
}
