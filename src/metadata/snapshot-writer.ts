import type { Image } from './image.ts'
import { recordsOf } from './image.ts'
import type { MetadataLog } from './metadata-log.ts'
import { encodeRecord } from './records.ts'

/** Growth of the log since the last snapshot after which it is rewritten. */
export const snapshotAfterBytes = 8 << 20

/** Replaces a long metadata log by the records of its image. */
export class SnapshotWriter {
  readonly #log: MetadataLog
  /** Size of the last snapshot. */
  #bytes = 0

  constructor(log: MetadataLog) {
    this.#log = log
  }

  /** To be called when the image equals the contents of the log, and no append is in progress. */
  consider(image: Image): void {
    if (this.#log.bytes <= this.#bytes + snapshotAfterBytes) return
    const records = recordsOf(image).map(encodeRecord)
    this.#bytes = records.reduce((sum, record) => sum + record.length, 0)
    void this.#log.replace(records)
  }
}
