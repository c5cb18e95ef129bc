import { type FileHandle, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { assert } from '../../src/base/assert.ts'
import { type Checkpoint, checkpointBatches, checkpointIdOf, checkpointName, readCheckpoint } from '../../src/metadata/checkpoint.ts'
import { DamagedRecord } from '../../src/metadata/fields.ts'
import type { OffsetAndEpoch } from '../../src/ports/raft-log.ts'
import { type CrashPoint, crashPoint } from '../process/crash-point.ts'
import { filesAdvice, step } from '../process/start-failure.ts'
import { syncFolder } from './durable-file.ts'

export interface StoredCheckpoint extends OffsetAndEpoch {
  readonly bytes: number
}

export interface FoundCheckpoint {
  readonly id: StoredCheckpoint
  readonly checkpoint: Checkpoint
}

export interface OpenedCheckpoints {
  readonly checkpoints: Checkpoints
  readonly newest: FoundCheckpoint | undefined
  /** Of damaged files that are newer, with the place: not used, and left for inspection. */
  readonly damaged: readonly string[]
}

const partSuffix = '.part'

const compare = (a: OffsetAndEpoch, b: OffsetAndEpoch): number => a.offset - b.offset || a.epoch - b.epoch

/** The checkpoints in the folder of a log. A file with the name of a checkpoint was complete when it received the name. */
export class Checkpoints {
  readonly #folder: string
  readonly #atPoint: (point: CrashPoint) => void
  #stored: readonly StoredCheckpoint[]

  private constructor(folder: string, stored: readonly StoredCheckpoint[], atPoint: (point: CrashPoint) => void) {
    this.#folder = folder
    this.#stored = stored
    this.#atPoint = atPoint
  }

  /** Finds the newest whole checkpoint, and removes incomplete files. The folder exists. */
  static async open(folder: string, atPoint: (point: CrashPoint) => void = crashPoint): Promise<OpenedCheckpoints> {
    const read = <T>(work: () => Promise<T>): Promise<T> => step(`log.dirs: ${folder} cannot be read`, filesAdvice, work)
    const names = await read(() => readdir(folder))
    for (const name of names) if (name.endsWith(`.checkpoint${partSuffix}`)) await rm(join(folder, name))
    const stored: StoredCheckpoint[] = []
    const damaged: string[] = []
    let newest: FoundCheckpoint | undefined
    const ids = names.flatMap((name) => checkpointIdOf(name) ?? []).sort(compare)
    for (const id of ids.reverse()) {
      const path = join(folder, checkpointName(id))
      if (newest !== undefined) {
        stored.unshift({ ...id, bytes: (await read(() => stat(path))).size })
        continue
      }
      const content = await read(() => readFile(path))
      try {
        newest = { id: { ...id, bytes: content.length }, checkpoint: readCheckpoint(id, content) }
        stored.push(newest.id)
      } catch (error) {
        if (!(error instanceof DamagedRecord)) throw error
        damaged.push(`${path}: ${error.message}`)
      }
    }
    return { checkpoints: new Checkpoints(folder, stored, atPoint), newest, damaged }
  }

  /** Ascending, up to the newest whole one. */
  get stored(): readonly StoredCheckpoint[] {
    return this.#stored
  }

  /** Writes a checkpoint of this node. After a failure, such as a full disk, it may be repeated. */
  async write(id: OffsetAndEpoch, checkpoint: Checkpoint): Promise<StoredCheckpoint> {
    const part = await this.#begin(id)
    try {
      for (const batch of checkpointBatches(id, checkpoint)) await part.append(batch)
      return await part.complete()
    } catch (error) {
      await part.abandon()
      throw error
    }
  }

  /** Begins a checkpoint that is received in pieces, from its start. It is verified when it is complete. */
  receive(id: OffsetAndEpoch): Promise<CheckpointPart> {
    return this.#begin(id, async (path) => void readCheckpoint(id, await readFile(path)))
  }

  async #begin(id: OffsetAndEpoch, verify: (path: string) => Promise<void> = async () => {}): Promise<CheckpointPart> {
    const path = join(this.#folder, checkpointName(id))
    return CheckpointPart.create(path + partSuffix, async (bytes) => {
      await verify(path + partSuffix)
      this.#atPoint('checkpoint written')
      await rename(path + partSuffix, path)
      this.#atPoint('checkpoint renamed')
      await syncFolder(this.#folder)
      const stored = { ...id, bytes }
      this.#stored = [...this.#stored.filter((each) => compare(each, id) !== 0), stored].sort(compare)
      return stored
    })
  }

  /** At most `bytesMax` bytes of a checkpoint from a position on. Undefined if there is no such checkpoint. */
  async read(id: OffsetAndEpoch, position: number, bytesMax: number): Promise<Buffer | undefined> {
    const stored = this.#stored.find((each) => compare(each, id) === 0)
    if (stored === undefined) return undefined
    assert(position >= 0 && position <= stored.bytes, 'the position is in the checkpoint')
    const bytes = Buffer.alloc(Math.min(bytesMax, stored.bytes - position))
    const handle = await open(join(this.#folder, checkpointName(id)), 'r')
    try {
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, position)
      assert(bytesRead === bytes.length, 'a checkpoint never becomes shorter')
      return bytes
    } finally {
      await handle.close()
    }
  }

  /** The checkpoint with an id from `stored`. Throws DamagedRecord, with the place. */
  async load(id: OffsetAndEpoch): Promise<Checkpoint> {
    return readCheckpoint(id, await readFile(join(this.#folder, checkpointName(id))))
  }

  /** Removes the checkpoints below an offset, oldest first, except the newest. */
  async removeBelow(offset: number): Promise<void> {
    for (const each of this.#stored.slice(0, -1)) {
      if (each.offset >= offset) break
      this.#stored = this.#stored.filter((other) => other !== each)
      await rm(join(this.#folder, checkpointName(each)), { force: true })
    }
  }
}

/** A checkpoint with a temporary name, until it is complete. */
export class CheckpointPart {
  readonly #path: string
  readonly #handle: FileHandle
  readonly #publish: (bytes: number) => Promise<StoredCheckpoint>
  #bytes = 0

  private constructor(path: string, handle: FileHandle, publish: (bytes: number) => Promise<StoredCheckpoint>) {
    this.#path = path
    this.#handle = handle
    this.#publish = publish
  }

  static async create(path: string, publish: (bytes: number) => Promise<StoredCheckpoint>): Promise<CheckpointPart> {
    return new CheckpointPart(path, await open(path, 'w+', 0o600), publish)
  }

  get bytes(): number {
    return this.#bytes
  }

  async append(piece: Buffer): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      const { bytesWritten } = await this.#handle.write(piece, at, piece.length - at, this.#bytes + at)
      at += bytesWritten
    }
    this.#bytes += piece.length
  }

  /** Gives the file its name, durably. Throws DamagedRecord, with the place, for a received one that is not whole. */
  async complete(): Promise<StoredCheckpoint> {
    await this.#handle.sync()
    await this.#handle.close()
    return this.#publish(this.#bytes)
  }

  /** Removes the file, unless it has its name already. */
  async abandon(): Promise<void> {
    await this.#handle.close()
    await rm(this.#path, { force: true })
  }
}
