import { below, chance, type Prng } from '../../../src/base/prng.ts'
import type { FaultKind, ListPage, ObjectStore, ObjectUpload, StoreFault, StoreOperation } from '../../../src/ports/object-store.ts'
import type { Incarnation, VirtualTime } from './virtual-time.ts'

/** Per 1000 requests. `mayBeDone` of the fault is true where the store may have performed, or may yet perform, the request. */
export interface FaultRates {
  /** Fails before it is performed. */
  readonly lost: number
  readonly throttled: number
  readonly full: number
  /** Performed, but the response is lost. */
  readonly unanswered: number
  /** Performed long after the caller has received a timeout. */
  readonly late: number
  /** Performed, and once more later. */
  readonly twice: number
  readonly delayMsMax: number
  readonly lateMsMax: number
}

export const noFaults: FaultRates = {
  ...{ lost: 0, throttled: 0, full: 0, unanswered: 0, late: 0, twice: 0 },
  ...{ delayMsMax: 5, lateMsMax: 1 },
}
export const frequentFaults: FaultRates = {
  ...{ lost: 60, throttled: 40, full: 20, unanswered: 60, late: 60, twice: 30 },
  ...{ delayMsMax: 400, lateMsMax: 20_000 },
}

/** Most requests fail, and many of them are performed. */
export const mostlyFaults: FaultRates = {
  ...{ lost: 150, throttled: 100, full: 100, unanswered: 200, late: 300, twice: 30 },
  ...{ delayMsMax: 400, lateMsMax: 20_000 },
}

interface Held {
  readonly bytes: Buffer
  readonly modifiedMs: number
}

/** Contents of the store; they outlive every node. */
export class StoredObjects {
  readonly objects = new Map<string, Held>()
  /** Incomplete uploads: the key, and the time of the start. */
  readonly uploads = new Map<number, { readonly key: string; readonly startedMs: number }>()
  faultRates: FaultRates = noFaults
  #uploads = 0
  /** Called before a change of an object. */
  onPut: (key: string, bytes: Buffer) => void = () => {}
  onRemove: (key: string) => void = () => {}

  put(key: string, bytes: Buffer, nowMs: number): void {
    this.onPut(key, bytes)
    this.objects.set(key, { bytes, modifiedMs: nowMs })
  }

  remove(key: string): void {
    if (!this.objects.has(key)) return
    this.onRemove(key)
    this.objects.delete(key)
  }

  startUpload(key: string, startedMs: number): number {
    this.uploads.set(++this.#uploads, { key, startedMs })
    return this.#uploads
  }
}

const pageKeys = 5

/** A client of the store, of one incarnation of the node: its requests fail before and after they are performed. */
export class FaultyStore implements ObjectStore {
  readonly can = { conditionalPut: true }
  readonly #storedObjects: StoredObjects
  readonly #time: VirtualTime
  readonly #random: Prng
  readonly #incarnation: Incarnation

  constructor(storedObjects: StoredObjects, time: VirtualTime, random: Prng, incarnation: Incarnation) {
    this.#storedObjects = storedObjects
    this.#time = time
    this.#random = random
    this.#incarnation = incarnation
  }

  async put(key: string, pieces: readonly Uint8Array[]): Promise<StoreFault | undefined> {
    const bytes = Buffer.concat(pieces)
    return this.#change('put', key, () => this.#storedObjects.put(key, bytes, this.#time.now))
  }

  async get(key: string, start: number, end: number, into?: Uint8Array): Promise<Uint8Array | StoreFault> {
    return this.#read('get', key, () => {
      const held = this.#storedObjects.objects.get(key)
      if (held === undefined) return fault('missing', 'get', key, false)
      const part = Uint8Array.from(held.bytes.subarray(start, end))
      if (into === undefined) return part
      into.set(part)
      return into.subarray(0, part.length)
    })
  }

  async size(key: string): Promise<number | StoreFault> {
    return this.#read('size', key, () => this.#storedObjects.objects.get(key)?.bytes.length ?? fault('missing', 'size', key, false))
  }

  upload(key: string): ObjectUpload {
    const pieces: Uint8Array[] = []
    const id = this.#storedObjects.startUpload(key, this.#time.now)
    let bytes = 0
    const append = async (more: readonly Uint8Array[]): Promise<StoreFault | undefined> => {
      const failed = await this.#change('upload', key, () => {})
      if (failed !== undefined) return failed
      pieces.push(...more.map((piece) => Uint8Array.from(piece)))
      bytes += more.reduce((sum, { length }) => sum + length, 0)
      return undefined
    }
    return {
      get bytes() {
        return bytes
      },
      append,
      copy: async (from, start, end) => {
        const part = await this.get(from, start, end)
        return 'fault' in part ? part : append([part])
      },
      complete: async () => {
        const whole = Buffer.concat(pieces)
        const failed = await this.#change('upload', key, () => {
          if (this.#storedObjects.uploads.delete(id)) this.#storedObjects.put(key, whole, this.#time.now)
        })
        return failed ?? whole.length
      },
      abort: async () => {
        await this.#change('abandon', key, () => this.#storedObjects.uploads.delete(id))
      },
    }
  }

  async remove(keys: readonly string[]): Promise<StoreFault | undefined> {
    for (const key of keys) {
      const failed = await this.#change('remove', key, () => this.#storedObjects.remove(key))
      if (failed !== undefined) return failed
    }
    return undefined
  }

  async list(prefix: string, from = ''): Promise<ListPage | StoreFault> {
    return this.#read('list', prefix, () => {
      const rest = [...this.#storedObjects.objects.keys()].filter((key) => key.startsWith(prefix) && key > from).sort()
      const objects = rest.slice(0, pageKeys).map((key) => {
        const { bytes, modifiedMs } = this.#storedObjects.objects.get(key)!
        return { key, bytes: bytes.length, modifiedMs }
      })
      return { objects, next: rest.length > pageKeys ? objects.at(-1)!.key : undefined }
    })
  }

  async abandonUploads(prefix: string, beforeMs: number): Promise<number | StoreFault> {
    return this.#read('abandon', prefix, () => {
      const old = [...this.#storedObjects.uploads].filter(([, { key, startedMs }]) => key.startsWith(prefix) && startedMs < beforeMs)
      for (const [id] of old) this.#storedObjects.uploads.delete(id)
      return old.length
    })
  }

  async close(): Promise<void> {}

  /** A request in progress at a crash may still be performed. */
  #perform(change: () => void, ms: number): void {
    this.#time.after(ms, () => {
      if (this.#incarnation.isAlive || chance(this.#random, 500)) change()
    })
  }

  async #change(operation: StoreOperation, key: string, change: () => void): Promise<StoreFault | undefined> {
    const { faultRates } = this.#storedObjects
    const delay = 1 + below(this.#random, faultRates.delayMsMax)
    const failed = this.#failure(operation, key)
    if (failed !== undefined) {
      await this.#time.pause(this.#incarnation, delay)
      return failed
    }
    const late = 1 + below(this.#random, faultRates.lateMsMax)
    const isLate = chance(this.#random, faultRates.late)
    const isUnanswered = chance(this.#random, faultRates.unanswered)
    this.#perform(change, isLate ? delay + late : delay)
    if (chance(this.#random, faultRates.twice)) this.#perform(change, delay + late)
    await this.#time.pause(this.#incarnation, delay)
    return isLate || isUnanswered ? fault('timeout', operation, key, true) : undefined
  }

  async #read<T>(operation: StoreOperation, key: string, read: () => T): Promise<T | StoreFault> {
    await this.#time.pause(this.#incarnation, 1 + below(this.#random, this.#storedObjects.faultRates.delayMsMax))
    return this.#failure(operation, key) ?? read()
  }

  #failure(operation: StoreOperation, key: string): StoreFault | undefined {
    const { lost, throttled, full } = this.#storedObjects.faultRates
    if (chance(this.#random, lost)) return fault('unavailable', operation, key, false)
    if (chance(this.#random, throttled)) return fault('throttled', operation, key, false)
    return operation === 'put' && chance(this.#random, full) ? fault('full', operation, key, false) : undefined
  }
}

const fault = (kind: FaultKind, operation: StoreOperation, key: string, mayBeDone: boolean): StoreFault => ({
  fault: kind,
  operation,
  key,
  detail: 'simulated',
  attempts: 1,
  mayBeDone,
})
