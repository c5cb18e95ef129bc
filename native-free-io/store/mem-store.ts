import { isFault } from '../../src/object-store/store-faults.ts'
import type {
  FaultKind,
  ListPage,
  MemLocation,
  ObjectStore,
  ObjectUpload,
  StoreFault,
  StoreOperation,
} from '../../src/ports/object-store.ts'
import { assertKey, compareKeys, pageKeys } from './keys.ts'

interface Held {
  readonly bytes: Uint8Array
  readonly modifiedMs: number
}

const shelves = new Map<string, Map<string, Held>>()

/** Objects in the memory of this thread, for tests. They outlive the store object, but not the thread. */
export class MemStore implements ObjectStore {
  readonly can = { conditionalPut: true }
  readonly #objects: Map<string, Held>

  constructor({ name }: MemLocation) {
    this.#objects = shelves.get(name) ?? new Map()
    shelves.set(name, this.#objects)
  }

  async put(key: string, pieces: readonly Uint8Array[], { ifAbsent = false } = {}): Promise<StoreFault | undefined> {
    assertKey(key)
    if (ifAbsent && this.#objects.has(key)) return storeFault('exists', 'put', key, 'the key exists')
    this.#objects.set(key, { bytes: Buffer.concat(pieces), modifiedMs: Date.now() })
    return undefined
  }

  async get(key: string, start: number, end: number, into?: Uint8Array): Promise<Uint8Array | StoreFault> {
    if (start >= end) return new Uint8Array(0)
    const found = this.#objects.get(key)
    if (found === undefined) return missing('get', key)
    const part = found.bytes.subarray(start, end)
    if (into === undefined) return Uint8Array.from(part)
    into.set(part)
    return into.subarray(0, part.length)
  }

  async size(key: string): Promise<number | StoreFault> {
    return this.#objects.get(key)?.bytes.length ?? missing('size', key)
  }

  upload(key: string): ObjectUpload {
    assertKey(key)
    return new MemUpload(this, key)
  }

  async remove(keys: readonly string[]): Promise<StoreFault | undefined> {
    for (const key of keys) this.#objects.delete(key)
    return undefined
  }

  async list(prefix: string, from?: string, after = ''): Promise<ListPage | StoreFault> {
    const found = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys)
    const rest = found.filter((key) => compareKeys(key, from ?? after) > 0)
    const page = rest.slice(0, pageKeys)
    const objects = page.map((key) => ({
      key,
      bytes: this.#objects.get(key)!.bytes.length,
      modifiedMs: this.#objects.get(key)!.modifiedMs,
    }))
    return { objects, next: page.length < rest.length ? page.at(-1) : undefined }
  }

  async abandonUploads(): Promise<number> {
    return 0
  }

  async close(): Promise<void> {}
}

class MemUpload implements ObjectUpload {
  bytes = 0
  readonly #store: MemStore
  readonly #key: string
  #pieces: Uint8Array[] = []

  constructor(store: MemStore, key: string) {
    this.#store = store
    this.#key = key
  }

  async append(pieces: readonly Uint8Array[]): Promise<StoreFault | undefined> {
    this.#pieces.push(...pieces)
    for (const { length } of pieces) this.bytes += length
    return undefined
  }

  async copy(key: string, start: number, end: number): Promise<StoreFault | undefined> {
    const bytes = await this.#store.get(key, start, end)
    if (isFault(bytes)) return bytes
    if (bytes.length < end - start) return storeFault('invalid', 'copy', key, `it ends before ${end}`)
    return this.append([bytes])
  }

  async complete(): Promise<number | StoreFault> {
    return (await this.#store.put(this.#key, this.#pieces)) ?? this.bytes
  }

  async abort(): Promise<void> {
    this.#pieces = []
  }
}

const missing = (operation: StoreOperation, key: string): StoreFault => storeFault('missing', operation, key, 'there is no such object')

/** A fault of a store without retries. */
export const storeFault = (fault: FaultKind, operation: StoreOperation, key: string, detail: string): StoreFault => ({
  fault,
  operation,
  key,
  detail,
  attempts: 1,
  mayBeDone: false,
})
