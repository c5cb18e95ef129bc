import { randomUUID } from 'node:crypto'
import { constants, writeSync } from 'node:fs'
import { type FileHandle, link, open, readdir, rename, rm, rmdir, stat, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isFault } from '../../src/object-store/store-faults.ts'
import type {
  FileLocation,
  ListedObject,
  ListPage,
  ObjectStore,
  ObjectUpload,
  Piece,
  StoreFault,
  StoreOperation,
} from '../../src/ports/object-store.ts'
import { isAllocated } from '../disk/allocated.ts'
import { makeFolder } from '../disk/folders.ts'
import { crashPoint } from '../process/crash-point.ts'
import { codeOf, fileFault } from './file-faults.ts'
import { readsOf } from './gathered-reads.ts'
import { assertKey, compareKeys, pageKeys } from './keys.ts'
import { storeFault } from './mem-store.ts'

/** Folder for incomplete objects. No key starts with a dot: see `nameOf`. */
const unfinished = '.unfinished'
/** Objects are written in pieces of this size, each durable before the next: one flush of a whole object would delay the WAL. */
const writeBytes = 1 << 20
/** Unit of direct I/O, and size of its writes. */
const blockBytes = 4096
const directBytes = 256 << 10
const readBytes = 256 << 10
/** Maximum number of attempts to create an object's folder: an empty folder may be removed at the same time. */
const placeTriesMax = 100

/**
 * Objects as files of a folder. An object gets its name when all of it is durable. Two processes may share the folder: the file system
 * assigns names atomically.
 */
export class FileStore implements ObjectStore {
  readonly can = { conditionalPut: true }
  readonly #folder: string
  #reading: Promise<unknown> = Promise.resolve()
  /** Buffer for pieces that are read together with the gaps between them. */
  #between: Buffer | undefined

  constructor({ folder }: FileLocation) {
    this.#folder = folder
  }

  async put(key: string, pieces: readonly Uint8Array[], { ifAbsent = false } = {}): Promise<StoreFault | undefined> {
    const upload = new FileUpload(this, key, this.#folder)
    const written = pieces.length === 1 && isAligned(pieces[0]!) ? upload.writeDirect(pieces[0]!) : upload.append(pieces)
    const fault = (await written) ?? (await upload.finish(ifAbsent, 'put'))
    if (fault !== undefined) await upload.abort()
    return fault
  }

  get(key: string, start: number, end: number, into?: Uint8Array): Promise<Uint8Array | StoreFault> {
    if (start >= end) return Promise.resolve(new Uint8Array(0))
    return this.#answer('get', key, async () => {
      const file = await open(this.#path(key), 'r')
      try {
        const bytes = Math.max(0, Math.min(end, (await file.stat()).size) - start)
        const room = (into ?? new Uint8Array(bytes)).subarray(0, bytes)
        for (let at = 0; at < bytes; ) {
          const { bytesRead } = await this.#oneRead(() => file.read(room, at, Math.min(readBytes, bytes - at), start + at))
          if (bytesRead === 0) throw new Error(`the file ends ${bytes - at} bytes too early`)
          at += bytesRead
        }
        return room
      } finally {
        await file.close()
      }
    })
  }

  /** Pieces with small gaps are read together, and copied. */
  gather(key: string, pieces: readonly Piece[]): Promise<boolean | StoreFault> {
    return this.#answer('get', key, async () => {
      const file = await open(this.#path(key), 'r')
      const readInto = (into: Uint8Array, position: number): Promise<boolean> =>
        file.read(into, 0, into.length, position).then(({ bytesRead }) => bytesRead === into.length)
      try {
        for (const { position, bytes, parts } of readsOf(pieces, readBytes)) {
          // Within one read: the buffer is shared by all reads.
          const isWhole = await this.#oneRead(async () => {
            if (parts.length === 1) return readInto(parts[0]!.into, position)
            this.#between ??= Buffer.allocUnsafeSlow(readBytes)
            const found = await readInto(this.#between.subarray(0, bytes), position)
            for (const part of parts) part.into.set(this.#between.subarray(part.position - position).subarray(0, part.into.length))
            return found
          })
          if (!isWhole) return false
        }
        return true
      } finally {
        await file.close()
      }
    })
  }

  /** One read of the disk at a time, so that a write waits for at most one. */
  #oneRead<T>(read: () => Promise<T>): Promise<T> {
    const done = this.#reading.then(read)
    this.#reading = done.catch(() => {})
    return done
  }

  /** A link, if the file is on this file system. A file that has this name already is the result of an earlier attempt. */
  adopt(path: string, key: string): Promise<StoreFault | 'declined' | undefined> {
    return this.#answer('put', key, async () => {
      try {
        await this.#named(this.#path(key), (target) => link(path, target))
      } catch (error) {
        if (noLinkCodes.has(codeOf(error) ?? '')) return 'declined'
        if (codeOf(error) !== 'EEXIST' || !(await isSameFile(path, this.#path(key)))) throw error
        // The attempt may have ended before the name was durable.
        await syncFolders(this.#folder, dirname(this.#path(key)))
      }
      return undefined
    })
  }

  size(key: string): Promise<number | StoreFault> {
    return this.#answer('size', key, async () => (await stat(this.#path(key))).size)
  }

  upload(key: string): ObjectUpload {
    return new FileUpload(this, key, this.#folder)
  }

  async remove(keys: readonly string[]): Promise<StoreFault | undefined> {
    for (const key of keys) {
      const fault = await this.#answer('remove', key, async () => {
        await rm(this.#path(key), { force: true })
        await this.#prune(dirname(this.#path(key)))
      })
      if (fault !== undefined) return fault
    }
    return undefined
  }

  /** Both folders are durable before the file can be used: it must not have two names after a crash. */
  recycle(key: string, path: string, bytes: number): Promise<StoreFault | 'declined' | undefined> {
    return this.#answer('remove', key, async () => {
      const from = this.#path(key)
      const found = await stat(from).catch(absent(() => undefined))
      if (found === undefined) return undefined
      if (found.size < bytes || found.nlink !== 1 || !isAllocated(found, bytes)) return 'declined'
      await truncate(from, bytes)
      await rename(from, path)
      crashPoint('segment recycled')
      await syncFolder(dirname(from))
      await syncFolder(dirname(path))
      await this.#prune(dirname(from))
      return undefined
    })
  }

  list(prefix: string, from = ''): Promise<ListPage | StoreFault> {
    return this.#answer('list', prefix, async () => {
      // The folder that the prefix names, or its parent.
      const top = prefix.slice(0, prefix.lastIndexOf('/') + 1)
      const keys = (await this.#keysBelow(top)).filter((key) => key.startsWith(prefix) && (from === '' || compareKeys(key, from) > 0))
      keys.sort(compareKeys)
      const page = keys.slice(0, pageKeys)
      const found = await Promise.all(page.map((key) => this.#listed(key)))
      return { objects: found.flatMap((each) => each ?? []), next: page.length < keys.length ? page.at(-1) : undefined }
    })
  }

  /** An object that is still being written was modified after `beforeMs`. */
  abandonUploads(prefix: string, beforeMs: number): Promise<number | StoreFault> {
    return this.#answer('abandon', '', async () => {
      const folder = join(this.#folder, unfinished)
      let found = 0
      for (const name of await readdir(folder).catch(absent(() => []))) {
        const path = join(folder, name)
        const written = await stat(path).catch(absent(() => undefined))
        if (written === undefined || written.mtimeMs >= beforeMs || !isUnfinishedOf(name, prefix)) continue
        await rm(path, { force: true })
        found++
      }
      return found
    })
  }

  async close(): Promise<void> {}

  /** Gives the durable file at `path` the name of the object. */
  async place(path: string, key: string, ifAbsent: boolean): Promise<void> {
    await this.#named(this.#path(key), (target) => (ifAbsent ? link(path, target) : rename(path, target)))
    if (ifAbsent) await rm(path)
  }

  /** Creates the folder of `target`, and the name in it by `create`; both are durable afterwards. */
  async #named(target: string, create: (target: string) => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#makeFolder(dirname(target))
        await create(target)
        break
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' || tries === placeTriesMax) throw error
      }
    }
    await syncFolder(dirname(target))
  }

  async #answer<T>(operation: StoreOperation, key: string, work: () => Promise<T>): Promise<T | StoreFault> {
    try {
      return await work()
    } catch (error) {
      return fileFault(error, operation, key)
    }
  }

  async #keysBelow(top: string): Promise<string[]> {
    const folder = top === '' ? this.#folder : this.#path(top.slice(0, -1))
    const keys: string[] = []
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(absent(() => []))) {
      const name = keyPartOf(entry.name)
      if (name === undefined) continue
      if (entry.isDirectory()) keys.push(...(await this.#keysBelow(`${top}${name}/`)))
      else keys.push(`${top}${name}`)
    }
    return keys
  }

  async #listed(key: string): Promise<ListedObject | undefined> {
    const found = await stat(this.#path(key)).catch(absent(() => undefined))
    return found && { key, bytes: found.size, modifiedMs: found.mtimeMs }
  }

  #path(key: string): string {
    assertKey(key)
    return join(this.#folder, ...key.split('/').map(nameOf))
  }

  /** Creates a folder. The names of new folders are made durable, too. */
  async #makeFolder(folder: string): Promise<void> {
    const first = makeFolder(folder)
    if (first === undefined) return
    for (let at = folder; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at))
  }

  /** Removes empty folders. */
  async #prune(folder: string): Promise<void> {
    for (let at = folder; at.length > this.#folder.length; at = dirname(at)) {
      try {
        await rmdir(at)
      } catch {
        return
      }
    }
  }
}

class FileUpload implements ObjectUpload {
  bytes = 0
  readonly #store: FileStore
  readonly #key: string
  readonly #path: string
  #file: FileHandle | undefined
  /** Small pieces that are written together. */
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #written = 0

  constructor(store: FileStore, key: string, folder: string) {
    assertKey(key)
    this.#store = store
    this.#key = key
    this.#path = join(folder, unfinished, unfinishedName(key))
  }

  async append(pieces: readonly Uint8Array[]): Promise<StoreFault | undefined> {
    try {
      for (const piece of pieces) {
        this.bytes += piece.length
        for (let at = 0; at < piece.length; ) {
          const some = piece.subarray(at, at + writeBytes - this.#pendingBytes)
          this.#pending.push(some)
          this.#pendingBytes += some.length
          at += some.length
          if (this.#pendingBytes === writeBytes) await this.#write()
        }
      }
      return undefined
    } catch (error) {
      return fileFault(error, 'upload', this.#key)
    }
  }

  /**
   * Writes a whole file with direct I/O in a thread without other work. It bypasses the page cache, which is better used for other data.
   * Falls back to the page cache where direct I/O is not possible.
   */
  async writeDirect(piece: Uint8Array): Promise<StoreFault | undefined> {
    try {
      makeFolder(dirname(this.#path))
      const file = await openDirect(this.#path)
      if (file === undefined) return await this.append([piece])
      this.#file = file
      const whole = Buffer.from(piece.buffer, piece.byteOffset, Math.ceil(piece.length / blockBytes) * blockBytes)
      for (let at = 0; at < whole.length; ) {
        const began = performance.now()
        at += writeSync(file.fd, whole, at, Math.min(directBytes, whole.length - at), at)
        // Sleeps as long as the write took, so that other writers, such as the WAL, get the disk for the same time. Timers would round this
        // up.
        Atomics.wait(sleeper, 0, 0, performance.now() - began)
      }
      await file.truncate(piece.length)
      this.bytes = piece.length
      return undefined
    } catch (error) {
      return fileFault(error, 'upload', this.#key)
    }
  }

  async copy(key: string, start: number, end: number): Promise<StoreFault | undefined> {
    for (let at = start; at < end; ) {
      const bytes = await this.#store.get(key, at, Math.min(end, at + writeBytes))
      if (isFault(bytes)) return bytes
      if (bytes.length === 0) return storeFault('invalid', 'copy', key, `it ends before ${end}`)
      at += bytes.length
      const fault = await this.append([bytes])
      if (fault !== undefined) return fault
    }
    return undefined
  }

  async complete(): Promise<number | StoreFault> {
    return (await this.finish(false, 'upload')) ?? this.bytes
  }

  async finish(ifAbsent: boolean, operation: StoreOperation): Promise<StoreFault | undefined> {
    try {
      await this.#write()
      const file = await this.#opened()
      await file.sync()
      this.#file = undefined
      await file.close()
      await this.#store.place(this.#path, this.#key, ifAbsent)
      return undefined
    } catch (error) {
      return fileFault(error, operation, this.#key)
    }
  }

  async abort(): Promise<void> {
    await this.#file?.close().catch(() => {})
    this.#file = undefined
    await rm(this.#path, { force: true })
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file
    makeFolder(dirname(this.#path))
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DSYNC
    return (this.#file = await open(this.#path, flags, 0o600))
  }

  async #write(): Promise<void> {
    const file = await this.#opened()
    let pieces = this.#pending
    this.#pending = []
    for (let left = this.#pendingBytes; left > 0; ) {
      const { bytesWritten } = await file.writev(pieces, this.#written)
      this.#written += bytesWritten
      left -= bytesWritten
      if (left > 0) pieces = without(pieces, bytesWritten)
    }
    this.#pendingBytes = 0
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Memory for direct I/O: shared memory of WebAssembly is page-aligned, and has room to fill the last block. */
const isAligned = ({ buffer, byteOffset, length }: Uint8Array): boolean =>
  buffer instanceof SharedArrayBuffer &&
  byteOffset % blockBytes === 0 &&
  byteOffset + Math.ceil(length / blockBytes) * blockBytes <= buffer.byteLength

/** Undefined if the file system has no direct I/O. */
async function openDirect(path: string): Promise<FileHandle | undefined> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DSYNC | constants.O_DIRECT
  try {
    return await open(path, flags, 0o600)
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw error
    await rm(path, { force: true })
    return undefined
  }
}

/** The bytes after the first `bytes` of the pieces. */
function without(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let at = 0
  return pieces.flatMap((piece) => {
    const start = bytes - at
    at += piece.length
    return start >= piece.length ? [] : [piece.subarray(Math.max(0, start))]
  })
}

async function syncFolder(folder: string): Promise<void> {
  const file = await open(folder, constants.O_RDONLY)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Syncs a folder and those above it, up to `top`. */
async function syncFolders(top: string, folder: string): Promise<void> {
  for (let at = folder; at.length >= top.length; at = dirname(at)) await syncFolder(at)
}

async function isSameFile(path: string, other: string): Promise<boolean> {
  const [one, two] = await Promise.all([stat(path), stat(other)])
  return one.ino === two.ino && one.dev === two.dev
}

/** File name of a part of a key: other characters than plain ones are written as %XX of their bytes in UTF-8. */
const nameOf = (part: string): string =>
  encodeURIComponent(part)
    .replace(/[!'()*~]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/^\./, '%2E')

/** Maximum length of a key that the name of an incomplete object contains. */
const nameBytesMax = 200

const unfinishedName = (key: string): string => {
  const name = nameOf(key)
  return `${name.length <= nameBytesMax ? name : ''}.${randomUUID()}`
}

/** An incomplete object without a key in its name may belong to any prefix. */
function isUnfinishedOf(name: string, prefix: string): boolean {
  const key = keyPartOf(name.slice(0, Math.max(0, name.lastIndexOf('.'))))
  return key === undefined || key === '' || key.startsWith(prefix)
}

/** Undefined for a name that is not an object. */
function keyPartOf(name: string): string | undefined {
  if (name.startsWith('.')) return undefined
  try {
    return decodeURIComponent(name)
  } catch {
    return undefined
  }
}

const absent =
  <T>(instead: () => T) =>
  (error: unknown): T => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return instead()
    throw error
  }

/** The file system of the store cannot have another name of a file: it is another one, or has no links. */
const noLinkCodes: ReadonlySet<string> = new Set(['EXDEV', 'EPERM', 'EMLINK', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS'])
