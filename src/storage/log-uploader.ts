import { StoreFailed } from '../object-store/store-faults.ts'
import type { ObjectMap } from '../objects/object-map.ts'
import { LogAges, nextSeal, type SealPolicy } from '../objects/upload-policy.ts'
import type { Lane } from '../ports/lane.ts'
import type { Building, BuiltPart, ObjectJobs } from '../ports/object-jobs.ts'
import type { StoreFault } from '../ports/object-store.ts'
import type { PartitionId } from '../ports/partitions.ts'
import type { ProducersHome } from '../ports/producers.ts'
import { segmentRow } from '../ports/segment-rows.ts'
import type { StorageMetadata } from '../ports/storage-metadata.ts'
import type { StorageStep } from '../ports/storage-steps.ts'
import { delay, type Time } from '../ports/time.ts'
import type { TrimPoint } from '../ports/trim-point.ts'
import { blockBytes } from '../wal/wal-record.ts'
import { type NextPart, nextSegment } from './next-segment.ts'
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
  /** Whether a partition belongs to the lane. */
  isOwn(partitionId: PartitionId): boolean
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

/** A segment with a smaller share of batches is uploaded in parts: the object would occupy much more of the disk than its records. */
const usedShareMin = 1 / 2

/** An upload in progress of a part of the WAL. */
interface Upload {
  objectId: number
  readonly end: TrimPoint
  building: Building
  /** Starts the upload of the same part again, after a fault. */
  again(objectId: number): Building
}

/**
 * Uploads the WAL of a lane as objects, several at a time, and trims it in order.
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
  /** A full segment that does not become an object: it is uploaded in parts, up to this trim point. */
  #sorted: { readonly until: number; readonly end: TrimPoint } | undefined

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

  /** As `drain`, repeated until the log contains nothing that is not stored, or the node stops; then saves the producers. */
  async storeAll(): Promise<void> {
    const { lane, time } = this.#parts
    do {
      await this.drain()
      await delay(time, durablePollMs)
    } while (!this.#stopping && lane.stored < lane.durable && lane.durable !== this.#emptyUntil)
    if (!this.#stopping) await this.#saveProducers()
  }

  #poll(): void {
    const { durable, published } = this.#parts.lane
    const now = this.#parts.time.monotonic()
    this.#ages?.note(now, durable)
    this.#due = Math.max(this.#due, this.#ages?.due(now) ?? 0)
    const isQuiet = published === this.#seen
    this.#seen = published
    if (this.#working !== undefined || this.#next(this.#parts.lane.stored, isQuiet) === undefined) return
    this.#working = this.#store(isQuiet)
      .catch((error: Error) => this.#parts.onFailure(error))
      .finally(() => {
        this.#working = undefined
      })
  }

  #next(stored: number, isQuiet: boolean): NextPart | undefined {
    const { policy, lane } = this.#parts
    const { durable } = lane
    if (durable === this.#emptyUntil) return undefined
    const { segments } = lane.wal.state
    const full =
      policy.usesSegments && segments !== undefined ? nextSegment(segments, stored, durable, this.#sorted?.until ?? -1) : undefined
    if (full !== undefined) {
      return full.isSegment ? full : { ...full, until: Math.min(full.until, stored + policy.objectBytes) }
    }
    const until = nextSeal(policy, { stored, durable, due: this.#due, isQuiet, isStoring: this.#storing })
    this.#storing = until !== undefined
    return until === undefined ? undefined : { until, isSegment: false }
  }

  /** Seals parts and uploads them while there are any. */
  async #store(wasQuiet: boolean): Promise<void> {
    const { lane, policy } = this.#parts
    const uploads: Upload[] = []
    let end: TrimPoint = lane.wal.state
    let isQuiet = wasQuiet
    while (!this.#stopping) {
      const next = uploads.length < policy.uploads ? this.#next(end.trimmed, isQuiet) : undefined
      const upload = next?.isSegment ? await this.#sealSegment(end, next.until) : next && (await this.#seal(end, next.until))
      if (upload === 'again') continue
      if (upload !== undefined) {
        uploads.push(upload)
        end = upload.end
      } else if (uploads.length === 0) return
      if (upload === undefined || uploads.length === policy.uploads) await this.#finish(uploads.shift()!)
      isQuiet = lane.published === this.#seen
    }
    await Promise.allSettled(uploads.map(({ building }) => building.built))
  }

  /**
   * Makes a full segment an object. Returns undefined while the log does not continue after it, `again` when the segment has to be uploaded
   * in parts: it has too many batches or too few bytes, or the store cannot use the file.
   */
  async #sealSegment(from: TrimPoint, until: number): Promise<Upload | 'again' | undefined> {
    const { lane, ids, jobs } = this.#parts
    const { bytes } = lane.wal.state.segments!
    const start = until - bytes
    const { end, rows } = await lane.call({ type: 'segment', start, from: from.trimmed, until, stored: this.#storedEnds() })
    if (end === undefined) return undefined
    const inParts = (): 'again' => {
      this.#sorted = { until, end }
      return 'again'
    }
    if (rows === undefined || (rows.length > 0 && bytesOf(rows) < bytes * usedShareMin)) return inParts()
    const objectId = await ids.take()
    this.#parts.onStep('object prepared')
    const sealed = Promise.resolve({ end })
    if (rows.length === 0) return { objectId, end, building: { sealed, built: Promise.resolve({ end, object: undefined }) }, again: never }
    const promoted = jobs.promote(lane.index, objectId, { start, bytes, rows })
    if ((await promoted.catch(() => undefined)) === 'declined') {
      ids.release(objectId)
      return inParts()
    }
    const building = (id: number, object: ReturnType<ObjectJobs['promote']>): Building => {
      const built = object.then((made) => (made === 'declined' ? this.#build(id, from, until).built : { end, object: made }))
      // The caller that awaits it receives the error.
      built.catch(() => {})
      return { sealed, built }
    }
    return {
      objectId,
      end,
      building: building(objectId, promoted),
      again: (id) => building(id, jobs.promote(lane.index, id, { start, bytes, rows })),
    }
  }

  /** Starts an object, and returns when its part of the log has been read. Returns `again` when the part is empty. */
  async #seal(from: TrimPoint, until: number): Promise<Upload | 'again'> {
    const { lane, ids } = this.#parts
    const objectId = await this.#parts.ids.take()
    this.#parts.onStep('object prepared')
    /** Set when a segment ends with this part. */
    const segmentEnd = until === this.#sorted?.until ? this.#sorted.end : undefined
    let reach = until
    for (;;) {
      const building = this.#build(objectId, from, reach)
      const again = (id: number): Building => this.#build(id, from, reach)
      const { end } = await building.sealed
      if (segmentEnd !== undefined) return { objectId, end: segmentEnd, building, again }
      if (end.trimmed > from.trimmed) return { objectId, end, building, again }
      // A jump over a pinned range may be longer than an object: then the part must be extended.
      await building.built
      if (reach === lane.durable && reach - from.trimmed < blockBytes) {
        // A group ends with its last block, which its records need not fill.
        this.#emptyUntil = reach
        ids.release(objectId)
        return 'again'
      }
      if (reach >= lane.durable) throw new Error(`the write-ahead log cannot be read at position ${from.trimmed}, which is durable`)
      reach = Math.min(lane.durable, reach + (reach - from.trimmed))
    }
  }

  #build(objectId: number, from: TrimPoint, until: number): Building {
    const { jobs, lane } = this.#parts
    return jobs.build(lane.index, objectId, from, until, this.#storedEnds())
  }

  /** Existing partitions of the lane, and the end of their records in the store. */
  #storedEnds(): ReadonlyMap<PartitionId, number> {
    const { objects, metadata, isOwn } = this.#parts
    return new Map([...metadata.partitionIds()].filter(isOwn).map((partitionId) => [partitionId, objects.end(partitionId)]))
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
        upload.building = upload.again(upload.objectId)
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
    await producers.save(lane.index, { partitions, position: end })
  }
}

function bytesOf(rows: Float64Array): number {
  let bytes = 0
  for (let at = segmentRow.bytes; at < rows.length; at += segmentRow.columns) bytes += rows[at]!
  return bytes
}

const never = (): never => {
  throw new Error('a part without records has no upload that can fail')
}
