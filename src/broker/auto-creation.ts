import type { ControllerClient, CreatedTopic } from '../controller/commands.ts'
import type { Entropy } from '../ports/world.ts'
import type { KafkaError } from '../wire/errors.ts'
import { newTopicId } from './topic-ids.ts'

/** Creates topics that a request refers to; a request for a topic that is being created waits for that creation. */
export class AutoCreation {
  readonly #controller: ControllerClient
  readonly #entropy: Entropy
  readonly #creating = new Map<string, Promise<KafkaError>>()

  constructor(controller: ControllerClient, entropy: Entropy) {
    this.#controller = controller
    this.#entropy = entropy
  }

  /** The result for each name. The created topics are served. */
  async create(names: readonly string[]): Promise<ReadonlyMap<string, KafkaError>> {
    const fresh = names.filter((name) => !this.#creating.has(name))
    if (fresh.length > 0) {
      const created = this.#request(fresh)
      for (const name of fresh) {
        const error = created.then((topics) => topics.get(name)!.error)
        // Callers handle a rejection; this handler covers the reference in the map.
        error.catch(() => {})
        this.#creating.set(name, error)
      }
      const forget = (): void => {
        for (const name of fresh) this.#creating.delete(name)
      }
      created.then(forget, forget)
    }
    const results = names.map(async (name) => [name, await this.#creating.get(name)!] as const)
    return new Map(await Promise.all(results))
  }

  async #request(names: readonly string[]): Promise<ReadonlyMap<string, CreatedTopic>> {
    const topics = names.map((name) => ({
      name,
      topicId: newTopicId(this.#entropy),
      partitions: -1,
      replicationFactor: -1,
      assignments: [],
      configs: [],
    }))
    const created = await this.#controller.request({ type: 'createTopics', topics, validateOnly: false })
    return new Map(created.map((topic) => [topic.name, topic]))
  }
}
