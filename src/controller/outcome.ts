import type { Settings } from '../config/settings.ts'
import type { MetadataRecord } from '../metadata/records.ts'

/** What a command comes to: records, and an answer that holds once they are replayed. Nothing is changed by running a command. */
export interface Outcome<A> {
  readonly records: readonly MetadataRecord[]
  readonly answer: A
}

/** Partitions that one request may add: a bound on the records of a command. */
export const partitionsMax = 10_000

/** What the controller knows of the node besides the image. */
export interface ControllerNode {
  readonly nodeId: number
  readonly settings: Settings
}
