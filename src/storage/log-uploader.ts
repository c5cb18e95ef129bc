import { StoreFailed } from '../object-store/store-faults.ts'
import type { ObjectMap } from '../objects/object-map.ts'
import { LogAges, nextSeal, type SealPolicy } from '../objects/upload-policy.ts'
import type { Lane, TrimPoint } from '../ports/lane.ts'
import type { Building, BuiltPart, ObjectJobs } from '../ports/object-jobs.ts'
import type { StoreFault } from '../ports/object-store.ts'
import type { ProducersHome } from '../ports/producers.ts'
import type { StorageMetadata } from '../ports/storage-metadata.ts'
import type { StorageStep } from '../ports/storage-steps.ts'
import { delay, type Time } from '../ports/time.ts'
import { blockBytes } from '../wal/wal-record.ts'
import type { ObjectIds } from './object-ids.ts'
import { walMark } from './wal-marks.ts'

/** Interval of the checks of the log. */
const pollMs = 100
/** Interval of the checks whether the records of a snapshot are durable. */
const durablePollMs = 5
/** Delay between two attempts with a failing store, which has already retried within its limits. */
const retryMs = { first: 500, most: 15_000 } as const

export interface UploaderParts {
  readonly lane: Lane
  readonly jobs: ObjectJobs
  readonly ids: ObjectIds
  readonly objects: ObjectMap
  readonly metadata: StorageMetadata
  readonly time: Time
  readonly policy: SealPolicy
  readonly producers: ProducersHome
  onStored(objectId: number, bytes: number): void
  /** These objects may be in the store, and will never be committed. */
  onAbandoned(objectIds: readonly number[]): void
  onStep(step: StorageStep): void
  /** The store cannot be written. The records stay in the WAL, and the upload is retried. */
  onFault(fault: StoreFault): void
  /** The node cannot continue. */
  onFailure(error: Error): void
}

/** An upload in progress of a part of the WAL. */
interface Upload {
  objectId: number
  readonly from: TrimPoint
  readonly end: TrimPoint
  readonly until: number
  building: Building
}

/**
 * Uploads the WAL as objects, several at a time, and trims it in order.
 *
 * Order: the object id is recorded in the metadata log, the object becomes durable, it is committed to the metadata log, the producers are
 * saved, the WAL is trimmed. A crash between two steps leaves work to repeat, and possibly an object that was prepared but not committed;
 * the next start removes it.
 */
export class LogUploader {
  readonly #parts: UploaderParts
  readonly #ages: LogAges | undefined
  #cancel: () => void = () => {}
  #working: Promise<void> | undefined
  #storing = false
  #stopping = false
  /** Published position at the last check. */
  #seen = -1
  /** Records below this position must be uploaded. */
  #due = 0
  /** Between the stored position and this one there is only padding, as long as the log ends here. */
  #emptyUntil = -1

  constructor(parts: UploaderParts) {
    this.#parts = parts
    const { ageMs } = parts.policy
    this.#ages = ageMs === null ? undefined : new LogAges(ageMs)
  }

  start(): void {
    this.#cancel = this.#parts.time.after(pollMs, () => {
      this.start()
      this.#poll()
    })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#cancel()
    await this.#working
  }

  /** Uploads all records that are durable now. Resolves when they are stored, or when the store has failed once. */
  async drain(): Promise<void> {
    this.#due = this.#parts.lane.durable
    this.#poll()
    await this.#working
  }

  #poll(): void {
    const { durable, published } = this.#parts.lane
    const now = this.#parts.time.monotonic()
    this.#ages?.note(now, durable)
    this.#due = Math.max(this.#due, this.#ages?.due(now) ?? 0)
    const isQuiet = published === this.#seen
    this.#seen = published
    if (this.#working !== undefined || this.#nextSeal(this.#parts.lane.stored, isQuiet) === undefined) return
    this.#working = this.#store(isQuiet)
      .catch((error: Error) => this.#parts.onFailure(error))
      .finally(() => {
        this.#working = undefined
      })
  }

  #nextSeal(stored: number, isQuiet: boolean): number | undefined {
    if (this.#parts.lane.durable === this.#emptyUntil) return undefined
    const until = nextSeal(this.#parts.policy, {
      stored,
      durable: this.#parts.lane.durable,
      due: this.#due,
      isQuiet,
      isStoring: this.#storing,
    })
    this.#storing = until !== undefined
    return until
  }

  /** Seals parts and uploads them while there are any. */
  async #store(wasQuiet: boolean): Promise<void> {
    const { lane, policy } = this.#parts
    const uploads: Upload[] = []
    let end: TrimPoint = lane.wal.state
    let isQuiet = wasQuiet
    while (!this.#stopping) {
      const until = uploads.length < policy.uploads ? this.#nextSeal(end.trimmed, isQuiet) : undefined
      if (until !== undefined) {
        const upload = await this.#seal(end, until)
        if (upload === undefined) continue
        uploads.push(upload)
        end = upload.end
      } else if (uploads.length === 0) return
      if (until === undefined || uploads.length === policy.uploads) await this.#finish(uploads.shift()!)
      isQuiet = lane.published === this.#seen
    }
    await Promise.allSettled(uploads.map(({ building }) => building.built))
  }

  /** Starts an object, and returns when its part of the log has been read. Returns undefined when the part is empty. */
  async #seal(from: TrimPoint, until: number): Promise<Upload | undefined> {
    const { lane, ids } = this.#parts
    const objectId = await this.#parts.ids.take()
    this.#parts.onStep('object prepared')
    let reach = until
    for (;;) {
      const building = this.#build(objectId, from, reach)
      const { end } = await building.sealed
      if (end.trimmed > from.trimmed) return { objectId, from, end, until: reach, building }
      // A jump over a pinned range may be longer than an object: then the part must be extended.
      await building.built
      if (reach === lane.durable && reach - from.trimmed < blockBytes) {
        // A group ends with its last block, which its records need not fill.
        this.#emptyUntil = reach
        ids.release(objectId)
        return undefined
      }
      if (reach >= lane.durable) throw new Error(`the write-ahead log cannot be read at position ${from.trimmed}, which is durable`)
      reach = Math.min(lane.durable, reach + (reach - from.trimmed))
    }
  }

  #build(objectId: number, from: TrimPoint, until: number): Building {
    const { jobs, objects, metadata } = this.#parts
    const stored = new Map([...metadata.partitionIds()].map((partitionId) => [partitionId, objects.end(partitionId)]))
    return jobs.build(objectId, from, until, stored)
  }

  async #finish(upload: Upload): Promise<void> {
    const { lane, ids, objects, metadata, onStored, onStep } = this.#parts
    const object = await this.#built(upload)
    const { objectId, end } = upload
    if (this.#stopping && object === 'failed') return
    const mark = walMark(lane, end.trimmed)
    if (object !== undefined && object !== 'failed') {
      onStep('object stored')
      for (const stored of await metadata.commitObjects([{ objectId, ...object }], mark)) objects.add(stored)
      onStep('object committed')
      onStored(objectId, object.bytes)
    } else {
      ids.release(objectId)
      await metadata.commitObjects([], mark)
    }
    await this.#saveProducers()
    onStep('producers saved')
    await lane.trim(end)
    onStep('log trimmed')
  }

  /** The result of an upload, retried until the store recovers. */
  async #built(upload: Upload): Promise<BuiltPart['object'] | 'failed'> {
    const { ids, onFault, onAbandoned } = this.#parts
    for (let wait: number = retryMs.first; ; wait = Math.min(wait * 2, retryMs.most)) {
      try {
        return (await upload.building.built).object
      } catch (error) {
        if (!(error instanceof StoreFailed)) throw error
        onFault(error.fault)
        await this.#rest(wait)
        if (this.#stopping) return 'failed'
        if (error.fault.mayBeDone) {
          // The object may still be stored. The next attempt may build a different object of the same part: topics may have been deleted.
          onAbandoned([upload.objectId])
          upload.objectId = await ids.take()
        }
        upload.building = this.#build(upload.objectId, upload.from, upload.until)
      }
    }
  }

  async #rest(ms: number): Promise<void> {
    for (let left = ms; left > 0 && !this.#stopping; left -= pollMs) await delay(this.#parts.time, Math.min(left, pollMs))
  }

  async #saveProducers(): Promise<void> {
    const { lane, producers, time } = this.#parts
    const { partitions, end } = await lane.call({ type: 'producers' })
    // A snapshot must not contain batches that a crash can undo: they would have replaced older ones in it.
    while (lane.durable < end) await delay(time, durablePollMs)
    await producers.save(partitions, end)
  }
}
