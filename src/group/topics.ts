/** The fields of a topic that groups need. */
export interface KnownTopic {
  readonly name: string
  readonly topicId: string
  readonly partitions: number
}

/** The topics of the cluster. */
export class Topics {
  readonly #byName = new Map<string, KnownTopic>()
  readonly #byId = new Map<string, KnownTopic>()
  /** Increases with every new topic: the version against which expressions were resolved. */
  version = 0

  get names(): Iterable<string> {
    return this.#byName.keys()
  }

  named(name: string): KnownTopic | undefined {
    return this.#byName.get(name)
  }

  withId(topicId: string): KnownTopic | undefined {
    return this.#byId.get(topicId)
  }

  set(topic: KnownTopic): void {
    if (!this.#byId.has(topic.topicId)) this.version++
    this.#byName.set(topic.name, topic)
    this.#byId.set(topic.topicId, topic)
  }

  delete(name: string): void {
    const topic = this.#byName.get(name)
    if (topic === undefined) return
    this.#byName.delete(name)
    this.#byId.delete(topic.topicId)
  }
}
