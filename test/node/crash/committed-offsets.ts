import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/wire/api/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/wire/api/09-offset-fetch.ts'
import { zeroUuid } from '../../../src/wire/schema.ts'
import type { WireClient } from '../../support/wire-client.ts'
import { checkError } from './kept-state.ts'
import { Register } from './register.ts'

/** By partition of the only topic. */
type Offsets = ReadonlyMap<number, bigint>

const show = (offsets: Offsets): string =>
  `{${[...offsets]
    .sort(([a], [b]) => a - b)
    .map(([partition, offset]) => `${partition}:${offset}`)
    .join(' ')}}`

const metadataOf = (groupId: string, offset: bigint): string => `${groupId} at ${offset}`

/** The committed offsets of a group. A commit of several partitions is stored completely, or not at all. */
export class CommittedOffsets {
  readonly groupId: string
  readonly topic: string
  readonly #register: Register<Offsets>
  #next = 0n

  constructor(groupId: string, topic: string) {
    this.groupId = groupId
    this.topic = topic
    this.#register = new Register<Offsets>(`what group ${groupId} has committed for ${topic}`, new Map(), show)
  }

  get acknowledged(): number {
    return this.#register.acknowledged
  }

  get last(): Offsets {
    return this.#register.last
  }

  /** Commits offsets that were never committed before. A group member identifies itself by `member`. */
  async commit(client: WireClient, partitions: readonly number[], member: Partial<OffsetCommitRequest> = {}): Promise<void> {
    const offset = ++this.#next
    const acknowledge = this.#register.attempt(new Map([...this.last, ...partitions.map((partition) => [partition, offset] as const)]))
    const asked = partitions.map((partitionIndex) => ({
      partitionIndex,
      committedOffset: offset,
      committedLeaderEpoch: -1,
      committedMetadata: metadataOf(this.groupId, offset),
    }))
    const topics = [{ name: this.topic, topicId: zeroUuid, partitions: asked }]
    const { topics: answered } = await client.call(OffsetCommitRequest, OffsetCommitResponse, 9, {
      groupId: this.groupId,
      topics,
      ...member,
    })
    for (const { errorCode } of answered[0]!.partitions) checkError(errorCode, `a commit of ${this.groupId} for ${this.topic}`)
    acknowledge()
  }

  /** The offsets are to be deleted; the returned function must be called when the deletion was acknowledged. */
  forget(partitions: Iterable<number>): () => void {
    const left = new Map(this.last)
    for (const partition of partitions) left.delete(partition)
    return this.#register.attempt(left)
  }

  async verify(client: WireClient): Promise<void> {
    const asked = { groups: [{ groupId: this.groupId, memberId: null, memberEpoch: -1, topics: null }] }
    const { groups } = await client.call(OffsetFetchRequest, OffsetFetchResponse, 9, asked)
    checkError(groups[0]!.errorCode, `OffsetFetch of ${this.groupId}`)
    const found = new Map<number, bigint>()
    for (const { name, partitions } of groups[0]!.topics) {
      if (name !== this.topic) throw new Error(`${this.groupId} has an offset of ${name}, which it never committed`)
      for (const { partitionIndex, committedOffset, metadata, errorCode } of partitions) {
        checkError(errorCode, `OffsetFetch of ${this.groupId}, partition ${partitionIndex}`)
        if (metadata !== metadataOf(this.groupId, committedOffset))
          throw new Error(`${this.groupId}: offset ${committedOffset} of partition ${partitionIndex} comes with "${metadata}"`)
        found.set(partitionIndex, committedOffset)
      }
    }
    this.#register.found(found)
  }
}
