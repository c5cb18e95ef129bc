import { errors } from '../wire/errors.ts'
import { SessionAges } from './session-eviction.ts'

/** One partition of a fetch, as requested by the client. */
export interface Wanted {
  /** Empty where the request names topics by id. */
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  offset: bigint
  maxBytes: number
  leaderEpoch: number
  /** Leader epoch of the record before the offset; negative if absent. */
  lastFetchedEpoch: number
}

/** A partition of a session, with the values of the last response. */
export interface SessionPartition extends Wanted {
  highWatermark: bigint
  logStartOffset: bigint
}

const noSession = 0
const initialEpoch = 0
const finalEpoch = -1
const unsent = -1n
/** Total partitions in all sessions of a worker; a long name counts for more. Above the limit, fetches have no session. */
export const sessionPartitionsMax = 1 << 17
const nameBytesPerPartition = 256
const weightOf = ({ topic }: { readonly topic: string }): number => 1 + Math.floor(topic.length / nameBytesPerPartition)

export class FetchSession {
  readonly id: number
  readonly byId: boolean
  readonly partitions = new Map<string, SessionPartition>()
  epoch = 1
  /** See `sessionPartitionsMax`. */
  weight = 0

  constructor(id: number, byId: boolean) {
    this.id = id
    this.byId = byId
  }

  follow(wanted: Wanted): void {
    const key = keyOf(wanted)
    const known = this.partitions.get(key)
    if (known === undefined) {
      this.partitions.set(key, { ...wanted, highWatermark: unsent, logStartOffset: unsent })
      this.weight += weightOf(wanted)
    } else {
      const { offset, maxBytes, leaderEpoch, lastFetchedEpoch } = wanted
      Object.assign(known, { offset, maxBytes, leaderEpoch, lastFetchedEpoch })
    }
  }

  forget(topic: string, topicId: string, partition: number): void {
    if (this.partitions.delete(keyOf({ topic, topicId, partition }))) this.weight -= weightOf({ topic })
  }

  /** A partition with new data moves to the end, so that the next response starts with the others. */
  rotate(followed: SessionPartition): void {
    const key = keyOf(followed)
    if (this.partitions.delete(key)) this.partitions.set(key, followed)
  }
}

const keyOf = (p: { topic: string; topicId: string; partition: number }): string => `${p.partition}:${p.topic}:${p.topicId}`

/** The partitions of a fetch after its session is applied. */
export type Context =
  | { readonly type: 'full'; readonly session: FetchSession | undefined; readonly partitions: readonly Wanted[] }
  | { readonly type: 'incremental'; readonly session: FetchSession; readonly partitions: readonly SessionPartition[] }
  | { readonly type: 'error'; readonly error: number }

/** The fetch sessions of one network worker. Source: KIP-227. */
export class FetchSessions {
  readonly #sessions = new Map<number, FetchSession>()
  readonly #ages = new SessionAges()
  readonly #slots: number
  readonly #nextId: () => number
  #weight = 0

  /** `nextId` returns positive numbers that are hard to guess. */
  constructor(slots: number, nextId: () => number) {
    this.#slots = slots
    this.#nextId = nextId
  }

  get count(): number {
    return this.#sessions.size
  }

  /** `forgotten` and `partitions` of the request; a session uses topic ids (`byId`) or names, never both. */
  open(
    request: {
      id: number
      epoch: number
      byId: boolean
      partitions: readonly Wanted[]
      forgotten: readonly { topic: string; topicId: string; partitions: readonly number[] }[]
    },
    now: number,
  ): Context {
    const { id, epoch, byId, partitions } = request
    if (epoch === initialEpoch || epoch === finalEpoch) {
      if (id !== noSession) this.#delete(id)
      const fits = this.#weight + partitions.reduce((sum, wanted) => sum + weightOf(wanted), 0) <= sessionPartitionsMax
      const session = epoch === initialEpoch && fits ? this.#create(byId, partitions.length, now) : undefined
      for (const wanted of partitions) session?.follow(wanted)
      this.#weight += session?.weight ?? 0
      return { type: 'full', session, partitions: session === undefined ? partitions : [...session.partitions.values()] }
    }
    const session = this.#sessions.get(id)
    if (session === undefined) return { type: 'error', error: errors.FETCH_SESSION_ID_NOT_FOUND.code }
    if (session.epoch !== epoch) return { type: 'error', error: errors.INVALID_FETCH_SESSION_EPOCH.code }
    if (session.byId !== byId) return { type: 'error', error: errors.FETCH_SESSION_TOPIC_ID_ERROR.code }
    this.#weight -= session.weight
    for (const wanted of partitions) session.follow(wanted)
    this.#weight += session.weight
    if (this.#weight > sessionPartitionsMax) {
      this.#delete(id)
      return { type: 'error', error: errors.FETCH_SESSION_ID_NOT_FOUND.code }
    }
    this.#weight -= session.weight
    for (const { topic, topicId, partitions: numbers } of request.forgotten) for (const n of numbers) session.forget(topic, topicId, n)
    this.#weight += session.weight
    this.#ages.use(session.id, session.partitions.size, now)
    session.epoch = session.epoch === 0x7fff_ffff ? 1 : session.epoch + 1
    if (session.partitions.size === 0) {
      this.#delete(id)
      return { type: 'full', session: undefined, partitions: [] }
    }
    return { type: 'incremental', session, partitions: [...session.partitions.values()] }
  }

  /** When all slots are in use and no session can be evicted, the fetch continues without a session instead of failing. */
  #create(byId: boolean, size: number, now: number): FetchSession | undefined {
    if (this.#slots <= 0) return undefined
    if (this.#sessions.size >= this.#slots) {
      const leaves = this.#ages.leaves(size, now)
      if (leaves === undefined) return undefined
      this.#delete(leaves)
    }
    let id = this.#nextId()
    while (this.#sessions.has(id)) id = this.#nextId()
    const session = new FetchSession(id, byId)
    this.#sessions.set(id, session)
    this.#ages.add(id, size, now)
    return session
  }

  #delete(id: number): void {
    this.#weight -= this.#sessions.get(id)?.weight ?? 0
    this.#sessions.delete(id)
    this.#ages.delete(id)
  }
}
