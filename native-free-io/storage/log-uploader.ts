import { setTimeout as pause } from 'node:timers/promises'
import type { Controller } from '../../src/controller/controller.ts'
import { committed } from '../../src/metadata/object-records.ts'
import type { ObjectMap } from '../../src/objects/object-map.ts'
import { LogAges, nextSeal, type SealPolicy } from '../../src/objects/upload-policy.ts'
import type { StoreFault } from '../../src/ports.ts'
import { blockBytes, type TrimPoint } from '../../src/wal/wal-record.ts'
import type { ProducersHome } from '../disk/producers-file.ts'
import { crashPoint } from '../process/crash-point.ts'
import { type Building, type BuiltObject, type ObjectJobs, StoreFailed } from '../threads/object-jobs.ts'
import type { Pipeline } from '../threads/pipeline.ts'
import { marked } from '../threads/wal-marks.ts'
import type { ObjectIds } from './object-ids.ts'

/** How often the log is looked at. */
const lookMs = 100
/** How often it is looked whether what a snapshot knows is durable. */
const durableLookMs = 5
/** Between two tries with a store that fails, which has tried for a while by itself. */
const retryMs = { first: 500, most: 15_000 } as const

export interface StoreParts {
  readonly pipeline: Pipeline
  readonly jobs: ObjectJobs
  readonly ids: ObjectIds
  readonly objects: ObjectMap
  readonly controller: Controller
  readonly policy: SealPolicy
  readonly producers: ProducersHome
  onStored(objectId: number, bytes: number): void
  /** These may be in the store, and will never be committed. */
  onAbandoned(objectIds: readonly number[]): void
  /** The store cannot be written; what was to be stored stays in the log, and it is tried again. */
  onFault(fault: StoreFault): void
  /** The node cannot go on. */
  onFailure(error: Error): void
}

/** A part of the log on its way to the store. */
interface Upload {
  objectId: number
  readonly from: TrimPoint
  readonly end: TrimPoint
  readonly until: number
  building: Building
}

/**
 * Moves the write-ahead log into objects, several at a time, and lets go of it in order.
 *
 * Order: the number of the object is in the metadata log, then the object is durable, then it is committed to the metadata
 * log, then the producers are saved, then the log is trimmed. A crash between any two leaves work that is done again, and
 * an object that was prepared and not committed, which the next start removes.
 */
export class LogUploader {
  readonly #parts: StoreParts
  readonly #ages: LogAges | undefined
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #storing = false
  #stopping = false
  /** Where the log was published up to at the last look. */
  #seen = -1
  /** What lies below must go. */
  #due = 0
  /** Behind what is stored there was nothing but padding, as long as the log ends here. */
  #emptyUntil = -1

  constructor(parts: StoreParts) {
    this.#parts = parts
    const { ageMs } = parts.policy
    this.#ages = ageMs === null ? undefined : new LogAges(ageMs)
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), lookMs)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#timer)
    await this.#working
  }

  /** Stores all that is durable now. Resolves when it is, or when the store has failed once. */
  async drain(): Promise<void> {
    this.#due = this.#parts.pipeline.durable
    this.#look()
    await this.#working
  }

  #look(): void {
    const { durable, published } = this.#parts.pipeline
    const now = performance.now()
    this.#ages?.note(now, durable)
    this.#due = Math.max(this.#due, this.#ages?.due(now) ?? 0)
    const isQuiet = published === this.#seen
    this.#seen = published
    if (this.#working !== undefined || this.#nextSeal(this.#parts.pipeline.stored, isQuiet) === undefined) return
    this.#working = this.#store(isQuiet)
      .catch((error: Error) => this.#parts.onFailure(error))
      .finally(() => {
        this.#working = undefined
      })
  }

  #nextSeal(stored: number, isQuiet: boolean): number | undefined {
    if (this.#parts.pipeline.durable === this.#emptyUntil) return undefined
    const until = nextSeal(this.#parts.policy, {
      stored,
      durable: this.#parts.pipeline.durable,
      due: this.#due,
      isQuiet,
      isStoring: this.#storing,
    })
    this.#storing = until !== undefined
    return until
  }

  /** Seals and uploads as long as there is something to do. */
  async #store(wasQuiet: boolean): Promise<void> {
    const { pipeline, policy } = this.#parts
    const uploads: Upload[] = []
    let end: TrimPoint = pipeline.wal.state
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
      isQuiet = pipeline.published === this.#seen
    }
    await Promise.allSettled(uploads.map(({ building }) => building.built))
  }

  /** Begins an object, and returns when its part of the log has been read. Undefined when there is nothing in it. */
  async #seal(from: TrimPoint, until: number): Promise<Upload | undefined> {
    const { pipeline, ids } = this.#parts
    const objectId = await this.#parts.ids.take()
    crashPoint('object prepared')
    let reach = until
    for (;;) {
      const building = this.#build(objectId, from, reach)
      const { end } = await building.sealed
      if (end.trimmed > from.trimmed) return { objectId, from, end, until: reach, building }
      // A jump over what is being sent may be longer than an object: then the next part has to be, too.
      await building.built
      if (reach === pipeline.durable && reach - from.trimmed < blockBytes) {
        // A group ends with its last block, which its records need not fill.
        this.#emptyUntil = reach
        ids.giveBack(objectId)
        return undefined
      }
      if (reach >= pipeline.durable) throw new Error(`the write-ahead log cannot be read at position ${from.trimmed}, which is durable`)
      reach = Math.min(pipeline.durable, reach + (reach - from.trimmed))
    }
  }

  #build(objectId: number, from: TrimPoint, until: number): Building {
    const { jobs, objects, controller } = this.#parts
    const stored = new Map([...controller.image.streams.keys()].map((stream) => [stream, objects.end(stream)]))
    return jobs.build(objectId, from, until, stored)
  }

  async #finish(upload: Upload): Promise<void> {
    const { pipeline, ids, objects, controller, onStored } = this.#parts
    const object = await this.#built(upload)
    const { objectId, end } = upload
    if (this.#stopping && object === 'failed') return
    if (object !== undefined && object !== 'failed') {
      crashPoint('object stored')
      await controller.ask({ type: 'record', records: [committed(objectId, object), marked(pipeline, end.trimmed)] })
      objects.add({ objectId, ...object })
      crashPoint('object committed')
      onStored(objectId, object.bytes)
    } else {
      ids.giveBack(objectId)
      await controller.ask({ type: 'record', records: [marked(pipeline, end.trimmed)] })
    }
    await this.#saveProducers()
    crashPoint('producers saved')
    await pipeline.trim(end)
    crashPoint('log trimmed')
  }

  /** What the upload made of its part, however long the store takes to recover. */
  async #built(upload: Upload): Promise<BuiltObject | 'failed'> {
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
          // It may be stored yet, and by now the same part may make another object: its topics may be gone.
          onAbandoned([upload.objectId])
          upload.objectId = await ids.take()
        }
        upload.building = this.#build(upload.objectId, upload.from, upload.until)
      }
    }
  }

  async #rest(ms: number): Promise<void> {
    for (let left = ms; left > 0 && !this.#stopping; left -= lookMs) await pause(Math.min(left, lookMs))
  }

  async #saveProducers(): Promise<void> {
    const { pipeline, producers } = this.#parts
    const reply = await pipeline.ask({ type: 'producers' })
    if (reply.type !== 'producers') return
    // A snapshot must not know of batches that a crash can still undo: it would have forgotten the older ones for them.
    while (pipeline.durable < reply.end) await pause(durableLookMs)
    await producers.save(reply.streams, reply.end)
  }
}
