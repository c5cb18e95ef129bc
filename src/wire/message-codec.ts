import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** Reads and writes one version of one message. Reading throws MalformedMessage; writing, UnencodableMessage. */
export interface Codec<T> {
  read(from: Reader): T
  write(to: Writer, value: T): void
}
