import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Received bytes: in memory, or in a file of their own so that gigabytes fit. Deleted with the last object that refers to them. */
export class Blob {
  bytes = 0
  #uses = 0
  readonly #chunks: Buffer[] = []
  readonly #path: string | undefined
  #file: Promise<FileHandle> | undefined

  constructor(folder: string | undefined) {
    this.#path = folder && join(folder, randomUUID())
  }

  async append(bytes: Buffer): Promise<void> {
    if (this.#path === undefined) this.#chunks.push(bytes)
    else await (await (this.#file ??= open(this.#path, 'w+'))).write(bytes, 0, bytes.length, this.bytes)
    this.bytes += bytes.length
  }

  async *read(start: number, end: number): AsyncGenerator<Buffer> {
    if (this.#path === undefined) {
      let at = 0
      for (const chunk of this.#chunks) {
        const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at))
        at += chunk.length
        if (part.length > 0) yield part
      }
      return
    }
    const file = await this.#file
    for (let at = start; at < end; ) {
      const { bytesRead, buffer } = await file!.read(
        Buffer.allocUnsafe(Math.min(end - at, 256 << 10)),
        0,
        Math.min(end - at, 256 << 10),
        at,
      )
      if (bytesRead === 0) throw new Error('a blob is as long as it was')
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }

  use(): void {
    this.#uses++
  }

  /** Also deletes a blob that was never used. */
  async release(): Promise<void> {
    if (--this.#uses > 0) return
    this.#chunks.length = 0
    if (this.#file === undefined) return
    await (await this.#file).close()
    await rm(this.#path!, { force: true })
  }
}

/** Part of a blob. */
export interface Segment {
  readonly blob: Blob
  readonly start: number
  readonly end: number
}

export interface StoredObject {
  readonly segments: readonly Segment[]
  readonly bytes: number
  readonly etag: string
  readonly modifiedMs: number
  readonly metadata: Readonly<Record<string, string>>
}

export interface MultipartUpload {
  readonly id: string
  readonly key: string
  readonly startedMs: number
  readonly metadata: Readonly<Record<string, string>>
  readonly parts: Map<number, { readonly segments: readonly Segment[]; readonly bytes: number; readonly etag: string }>
}

export class Bucket {
  readonly objects = new Map<string, StoredObject>()
  readonly uploads = new Map<string, MultipartUpload>()
  /** Lag of lists in milliseconds. */
  listLagMs = 0
  /** Changes that lists do not show yet: the key, and the previous object. */
  #changes: { readonly at: number; readonly key: string; readonly old: StoredObject | undefined }[] = []

  put(key: string, object: StoredObject): void {
    for (const { blob } of object.segments) blob.use()
    const old = this.objects.get(key)
    this.#changed(key, old)
    this.objects.set(key, object)
    if (old !== undefined) release(old.segments)
  }

  remove(key: string): void {
    const old = this.objects.get(key)
    this.#changed(key, old)
    this.objects.delete(key)
    if (old !== undefined) release(old.segments)
  }

  endUpload(upload: MultipartUpload): void {
    this.uploads.delete(upload.id)
    for (const { segments } of upload.parts.values()) release(segments)
  }

  /** Result of a list, in the byte order of the keys. */
  list(prefix: string): readonly (readonly [key: string, object: StoredObject])[] {
    const shown = new Map<string, StoredObject | undefined>(this.objects)
    this.#forgetChanges()
    for (const { key, old } of this.#changes.toReversed()) shown.set(key, old)
    const found = [...shown].flatMap(([key, object]) => (object !== undefined && key.startsWith(prefix) ? [[key, object] as const] : []))
    return found.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  #changed(key: string, old: StoredObject | undefined): void {
    if (this.listLagMs === 0) return
    this.#forgetChanges()
    this.#changes.push({ at: Date.now(), key, old })
  }

  #forgetChanges(): void {
    const from = this.#changes.findIndex(({ at }) => at > Date.now() - this.listLagMs)
    this.#changes = from < 0 ? [] : this.#changes.slice(from)
  }
}

export function release(segments: readonly Segment[]): void {
  for (const { blob } of segments) void blob.release()
}

/** The bytes [start, end) of consecutive segments. */
export async function* readSegments(segments: readonly Segment[], start: number, end: number): AsyncGenerator<Buffer> {
  for (const part of sliceSegments(segments, start, end)) yield* part.blob.read(part.start, part.end)
}

export function sliceSegments(segments: readonly Segment[], start: number, end: number): Segment[] {
  let at = 0
  return segments.flatMap(({ blob, start: from, end: to }) => {
    const begin = at
    at += to - from
    const part = { blob, start: from + Math.max(0, start - begin), end: Math.min(to, from + end - begin) }
    return part.start < part.end ? [part] : []
  })
}

/** Creates the folder for blobs; undefined means in memory. */
export function blobFolder(folder: string | undefined): string | undefined {
  if (folder !== undefined) mkdirSync(folder, { recursive: true })
  return folder
}
