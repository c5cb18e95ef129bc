import { storeName } from '../../src/config/store-uri.ts'
import { faultText, isFault } from '../../src/object-store/store-faults.ts'
import type { FaultKind, ObjectStore, StoreFault, StoreLocation } from '../../src/ports/object-store.ts'
import { StartRefused } from '../process/start-refused.ts'
import { probeStore } from './probe.ts'

/** Permanent faults: a wrong bucket, key or address, not an outage. */
const faultAdvice: Readonly<Partial<Record<FaultKind, string>>> = {
  denied:
    'Set its accessKey and secretKey, or MILLRACE_S3_ACCESS_KEY and MILLRACE_S3_SECRET_KEY, to a key that may read, write and remove.',
  invalid: 'Set it to a bucket that exists, with its region and endpoint.',
  missing: 'Set it to a bucket that exists, with its region and endpoint.',
  unsupported: 'Set it to a store of the list in src/docs/object-stores.md.',
}
const folderAdvice = 'Set it to a directory that the user of this process can write.'
/** A store that does not respond within this time does not delay a start: acknowledged records stay in the WAL. */
const startMs = 10_000
const againMs = 10_000

/** Checks whether the object store accepts writes: at the start, and repeatedly while it rejects them. */
export class StoreHealth {
  readonly #location: StoreLocation
  readonly #open: () => Promise<ObjectStore>
  #store: Promise<ObjectStore> | undefined
  readonly #prefix: string
  readonly #onChange: (isRejecting: boolean, detail: string) => void
  #isRejecting = false
  #timer: NodeJS.Timeout | undefined

  constructor(parts: {
    location: StoreLocation
    open: () => Promise<ObjectStore>
    prefix: string
    onChange: (isRejecting: boolean, detail: string) => void
  }) {
    this.#location = parts.location
    this.#open = parts.open
    this.#prefix = parts.prefix
    this.#onChange = parts.onChange
  }

  /** The store rejects the bucket or the key: records in the WAL cannot be uploaded. */
  get isRejecting(): boolean {
    return this.#isRejecting
  }

  /** Rejects with StartRefused if the store rejects requests permanently. A returned fault may be temporary. */
  async check(): Promise<StoreFault | undefined> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<StoreFault>((resolve) => {
      timer = setTimeout(() => resolve(lateFault(this.#prefix)), startMs)
    })
    const found = await Promise.race([this.#probe(), late]).finally(() => clearTimeout(timer))
    const advice = found && this.#adviceOn(found)
    if (advice === undefined) return found
    throw new StartRefused(`s3.data.buckets: ${storeName(this.#location)} cannot be used: ${faultText(found!)}. ${advice}`)
  }

  /** Called when a request of the node has failed. */
  noticed(fault: StoreFault): void {
    if (this.#isRejecting || this.#adviceOn(fault) === undefined || fault.fault === 'missing') return
    this.#isRejecting = true
    this.#onChange(true, faultText(fault))
    this.#again()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    await (await this.#store)?.close()
  }

  #again(): void {
    this.#timer = setTimeout(() => {
      void this.#probe().then((fault) => {
        if (fault !== undefined && this.#adviceOn(fault) !== undefined) return this.#again()
        this.#isRejecting = false
        this.#onChange(false, '')
      })
    }, againMs).unref()
  }

  async #probe(): Promise<StoreFault | undefined> {
    const found = await probeStore(await (this.#store ??= this.#open()), this.#prefix)
    return isFault(found) ? found : undefined
  }

  #adviceOn({ fault }: StoreFault): string | undefined {
    if (this.#location.scheme === 'file') return fault === 'full' ? undefined : folderAdvice
    return faultAdvice[fault]
  }
}

const lateFault = (key: string): StoreFault => ({
  fault: 'timeout',
  operation: 'put',
  key,
  detail: `no answer within ${startMs} ms of the start`,
  attempts: 1,
  mayBeDone: true,
})
