import { type MetadataDelta, replayAll } from './delta.ts'
import type { Image, MutableImage } from './image.ts'
import type { MetadataRecord } from './records.ts'

/**
 * A component that follows the metadata. `prepare` is called as soon as the image contains a delta, in the order of the log. The returned
 * work is performed in that order too, one after another: the image may be newer by then.
 */
export interface MetadataPublisher {
  prepare(delta: MetadataDelta, image: Image): (() => Promise<void>) | undefined
}

/** The metadata of this node: committed records become an image, and deltas for the publishers. Every node has one. */
export class MetadataFollower {
  readonly #image: MutableImage
  readonly #failed: (error: Error) => void
  readonly #publishers: MetadataPublisher[] = []
  #published: Promise<void> = Promise.resolve()

  /** `failed`: a publisher cannot follow, and the node must stop. */
  constructor(image: MutableImage, failed: (error: Error) => void) {
    this.#image = image
    this.#failed = failed
  }

  /** The committed image. It changes only in `follow`. */
  get image(): Image {
    return this.#image
  }

  /** Publishers receive deltas in the order in which they were added. */
  add(publisher: MetadataPublisher): void {
    this.#publishers.push(publisher)
  }

  /** Records that are committed, in the order of the log. */
  follow(records: readonly MetadataRecord[]): void {
    const delta = replayAll(this.#image, records)
    const work = this.#publishers.flatMap((publisher) => publisher.prepare(delta, this.#image) ?? [])
    if (work.length === 0) return
    this.#published = this.#published
      .then(async () => {
        for (const perform of work) await perform()
      })
      .catch((error: Error) => {
        this.#failed(error)
        // Later deltas would be published over a gap.
        return new Promise<void>(() => {})
      })
  }

  /** Resolves when all publishers have performed the deltas so far. */
  get published(): Promise<void> {
    return this.#published
  }
}
