import { zeroUuid } from '../../../src/wire/schema.ts'

/** Of no topic. */
export const unknownId = 'MillraceKnowsNoSuchIdw'

/** What one broker has made up so far, and what it is called when answers are compared. */
export class BrokerView {
  readonly port: number
  readonly suffix: string
  readonly #topicIds = new Map<string, string[]>()
  readonly #producers: bigint[] = []
  readonly #members = new Map<string, string>()
  readonly #generations = new Map<string, number>()
  readonly #names = new Map<string, string>()
  session = 0

  constructor(port: number, suffix: string) {
    this.port = port
    this.suffix = suffix
  }

  /** The id of a topic, or that of one before it of the same name. */
  topicId(name: string, age: number): string {
    return this.#topicIds.get(name)?.at(-1 - age) ?? unknownId
  }

  sawTopic(name: string, topicId: string): void {
    const ids = this.#topicIds.get(name) ?? []
    if (topicId === zeroUuid || ids.includes(topicId)) return
    this.#topicIds.set(name, [...ids, topicId])
    this.#names.set(topicId, `<id ${ids.length} of ${name}>`)
  }

  producer(age: number): bigint {
    return this.#producers.at(-1 - age) ?? 424_242n
  }

  sawProducer(id: bigint): void {
    this.#producers.push(id)
  }

  producerName(id: bigint): string {
    const index = this.#producers.indexOf(id)
    return index < 0 ? `${id}` : `<producer ${index}>`
  }

  member(group: string, slot: string): string {
    return this.#members.get(`${group}/${slot}`) ?? ''
  }

  sawMember(group: string, slot: string, id: string): void {
    const place = `${group}/${slot}`
    this.#members.set(place, id)
    if (!this.#names.has(id)) this.#names.set(id, `<member ${place}>`)
  }

  generation(group: string): number {
    return this.#generations.get(group) ?? 0
  }

  sawGeneration(group: string, generation: number): void {
    this.#generations.set(group, generation)
  }

  /** A text with everything in it that was made up called by its name. */
  named(text: string): string {
    const known = this.#names.get(text) ?? text
    return known.replaceAll(this.suffix, '')
  }
}
