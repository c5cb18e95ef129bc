import { readdirSync, rmSync, unlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Packr } from 'msgpackr/pack'
import type { Controller } from '../src/controller/controller.ts'
import type { Image } from '../src/metadata/image.ts'
import type { StreamId } from '../src/ports.ts'
import type { ObjectMap } from '../src/stream/object-map.ts'
import type { ProducerSnapshot } from '../src/stream/producers.ts'
import { nextSeal, type SealPolicy } from '../src/stream/seal-policy.ts'
import { crc32c } from '../src/wire/crc32c.ts'
import { replaceFile } from './durable-file.ts'
import { objectIdOf, objectName } from './object-file.ts'
import type { ObjectJobs } from './object-jobs.ts'
import type { Pipeline } from './pipeline.ts'

/** How often the log is looked at. */
const lookMs = 100
/** How often objects that nobody needs are looked for. */
const sweepMs = 5000
/** How often it is looked whether what a snapshot knows is durable. */
const durableLookMs = 5
const packr = new Packr({ useRecords: false })
const crcBytes = 4

export type ProducerSnapshots = readonly (readonly [StreamId, readonly ProducerSnapshot[]])[]

export interface StoreParts {
  readonly pipeline: Pipeline
  readonly jobs: ObjectJobs
  readonly objects: ObjectMap
  readonly controller: Controller
  readonly policy: SealPolicy
  /** Of the objects, and of the snapshot of producers. */
  readonly folder: string
  readonly snapshotPath: string
  onStored(objectId: number, bytes: number): void
  /** The node cannot go on. */
  onFailure(error: Error): void
}

/**
 * Moves the write-ahead log into objects, and removes the objects of deleted data.
 *
 * Order: the object is durable, then committed to the metadata log, then the producers are saved, then the log is trimmed.
 * A crash between any two leaves work that is done again, and an object that nobody names, which the next start removes.
 */
export class StoreKeeper {
  readonly #parts: StoreParts
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #storing = false
  #sweptAt = 0
  /** Where the log was published up to at the last look. */
  #seen = -1
  #nextObjectId: number

  constructor(parts: StoreParts) {
    this.#parts = parts
    this.#nextObjectId = Math.max(0, ...parts.controller.image.objects.keys()) + 1
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), lookMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#working
  }

  #look(): void {
    if (this.#working !== undefined) return
    const { pipeline, policy } = this.#parts
    const { stored, durable, published } = pipeline
    const isQuiet = published === this.#seen
    this.#seen = published
    const until = nextSeal(policy, { stored, durable, isQuiet, isStoring: this.#storing })
    this.#storing = until !== undefined
    const work = until !== undefined ? this.#store(until) : this.#isSweepDue() ? this.#sweep() : undefined
    if (work === undefined) return
    this.#working = work
      .catch((error: Error) => this.#parts.onFailure(error))
      .finally(() => {
        this.#working = undefined
        if (this.#storing) this.#look()
      })
  }

  async #store(until: number): Promise<void> {
    const { pipeline, jobs, objects, controller, snapshotPath } = this.#parts
    const live = new Map([...controller.image.streams.keys()].map((stream) => [stream, objects.end(stream)]))
    const objectId = this.#nextObjectId++
    let { end, object } = await jobs.build(objectId, pipeline.wal.state, until, live)
    // A jump over what is being sent may be longer than an object: then the next part has to be, too.
    for (let reach = until; end.trimmed === pipeline.stored; ) {
      if (reach >= pipeline.durable) throw new Error(`the write-ahead log cannot be read at position ${end.trimmed}, which is durable`)
      reach = Math.min(pipeline.durable, reach + (reach - pipeline.stored))
      ;({ end, object } = await jobs.build(objectId, pipeline.wal.state, reach, live))
    }
    if (object !== undefined) {
      const streams = object.streams.map(({ stream, start, end: last }) => ({ stream, start: BigInt(start), end: BigInt(last) }))
      await controller.ask({ type: 'record', records: [{ type: 'objectCommitted', objectId, bytes: object.bytes, streams }] })
      objects.add(objectId, object.streams)
      this.#parts.onStored(objectId, object.bytes)
    }
    await saveProducers(snapshotPath, await this.#producers())
    await pipeline.trim(end)
  }

  async #producers(): Promise<ProducerSnapshots> {
    const { pipeline } = this.#parts
    const reply = await pipeline.ask({ type: 'producers' })
    if (reply.type !== 'producers') return []
    // A snapshot must not know of batches that a crash can still undo: it would have forgotten the older ones for them.
    while (pipeline.durable < reply.end) await new Promise((resolve) => setTimeout(resolve, durableLookMs))
    return reply.streams
  }

  #isSweepDue(): boolean {
    const now = Date.now()
    if (now - this.#sweptAt < sweepMs) return false
    this.#sweptAt = now
    return true
  }

  /** Objects of which nothing can be read any more: forgotten by the metadata log first, then removed. */
  async #sweep(): Promise<void> {
    const { controller, folder } = this.#parts
    const dead = [...controller.image.objects.values()].filter(({ streams }) => !streams.some((part) => isReadable(controller.image, part)))
    if (dead.length === 0) return
    const objectIds = dead.map(({ objectId }) => objectId)
    await controller.ask({ type: 'record', records: [{ type: 'objectsRemoved', objectIds }] })
    for (const objectId of objectIds) rmSync(join(folder, objectName(objectId)), { force: true })
  }
}

function isReadable(image: Image, part: { readonly stream: StreamId; readonly end: bigint }): boolean {
  const stream = image.streams.get(part.stream)
  return stream !== undefined && stream.logStartOffset < part.end
}

/** What a crash left behind: objects that were never committed, or no longer are. */
export function removeOrphans(folder: string, image: Image): number {
  let removed = 0
  for (const name of readdirSync(folder)) {
    const objectId = objectIdOf(name)
    if (objectId !== undefined && image.objects.has(objectId)) continue
    if (objectId === undefined && !name.endsWith('.tmp')) continue
    unlinkSync(join(folder, name))
    removed++
  }
  return removed
}

async function saveProducers(path: string, snapshots: ProducerSnapshots): Promise<void> {
  const packed = packr.pack(snapshots)
  const crc = Buffer.alloc(crcBytes)
  crc.writeUInt32LE(crc32c(packed))
  await replaceFile(path, [crc, packed])
}

/** The producers as the last trim left them; none before the first. */
export async function loadProducers(path: string): Promise<Map<StreamId, readonly ProducerSnapshot[]>> {
  const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (content === undefined) return new Map()
  const packed = content.subarray(crcBytes)
  if (content.length < crcBytes || content.readUInt32LE() !== crc32c(packed)) throw new Error(`${path} is damaged`)
  return new Map(packr.unpack(packed) as ProducerSnapshots)
}
