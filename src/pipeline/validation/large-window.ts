import { batchHeader } from '../../wire/record-batch.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { kernelBytes } from '../kernel/kernel.ts'
import type { RecordRules } from '../sequencing/rejected-records.ts'
import { BatchSearch, type SearchOutcome } from './batch-search.ts'
import { behind } from './decoder-memory.ts'
import { jobBytesMax, type ValidationKernel } from './validation-kernel.ts'
import { type ValidationResult, type ValidationSlot, Validator } from './validator.ts'

const mebibyte = 1 << 20
const pageBytes = 65536
const alignment = 128
/**
 * Size of the window buffer for batches with back references beyond the window of a validator thread: the longest history that Kafka's
 * Zstandard reader accepts, and the output between two moves of it.
 */
export const largeWindowBytes = (128 + 16) * mebibyte + mebibyte / 2

/** A batch for the thread with the large window. `address` is in the arena of the pipeline. */
export type LargeWindowJob =
  | { readonly type: 'validate'; readonly address: number; readonly bytes: number; readonly rules: RecordRules }
  | { readonly type: 'search'; readonly batch: Uint8Array; readonly least: number; readonly timestamp: bigint }

export type LargeWindowResult =
  | { readonly type: 'result'; readonly result: ValidationResult }
  | { readonly type: 'outcome'; readonly outcome: SearchOutcome }

/** Layout of that thread's memory: a job, its window buffer and a copy of its batch. */
export interface LargeWindowPlan {
  readonly pages: number
  readonly slot: ValidationSlot
  readonly batch: number
  readonly batchBytesMax: number
}

export function planLargeWindow(batchBytesMax: number): LargeWindowPlan {
  const job = Math.ceil(kernelBytes / alignment) * alignment
  const window = job + jobBytesMax
  const batch = window + behind(largeWindowBytes)
  const pages = Math.ceil(behind(batch + batchBytesMax) / pageBytes)
  return { pages, slot: { job, window, windowBytes: largeWindowBytes }, batch, batchBytesMax }
}

/** Limit of one run, in bytes of output. */
const runUnits = 64 << 20

/** The work of the thread with the large window: decompresses a whole batch in its own memory. */
export class LargeWindowRunner {
  readonly #pipeline: Buffer
  readonly #own: Buffer
  readonly #layout: LargeWindowPlan
  readonly #validator: Validator
  readonly #search: BatchSearch

  /** `pipeline` is the arena of the pipeline; `own` is the memory of `plan`, which the kernels use. */
  constructor(
    pipeline: Buffer,
    own: { readonly bytes: Buffer; readonly view: DataView },
    layout: LargeWindowPlan,
    kernels: { readonly validation: ValidationKernel; readonly crc: Kernel['crc'] },
  ) {
    const { slot } = layout
    this.#pipeline = pipeline
    this.#own = own.bytes
    this.#layout = layout
    this.#validator = new Validator(kernels.validation, kernels.crc, own.view, slot)
    const room = { kernel: kernels.validation, job: slot.job, from: slot.window, end: own.bytes.length, bytes: own.bytes }
    this.#search = new BatchSearch({ room: () => room, release: () => {} }, slot.windowBytes)
  }

  work(job: LargeWindowJob): LargeWindowResult {
    return job.type === 'search' ? { type: 'outcome', outcome: this.#searchIn(job) } : { type: 'result', result: this.#validate(job) }
  }

  #searchIn({ batch, least, timestamp }: Extract<LargeWindowJob, { type: 'search' }>): SearchOutcome {
    if (batch.length > this.#layout.batchBytesMax) return 'window'
    this.#search.begin(batch, least, timestamp)
    return decided(() => this.#search.run(runUnits))
  }

  #validate({ address, bytes, rules }: Extract<LargeWindowJob, { type: 'validate' }>): ValidationResult {
    const { batch } = this.#layout
    this.#pipeline.copy(this.#own, batch, address, address + bytes)
    this.#validator.begin(batch, bytes, rules)
    const found = decided(() => this.#validator.run(runUnits))
    if (found === 'window') return this.#validator.tooFar
    // The largest timestamp may have been written into the header, and then the CRC.
    if (found.error === 0) this.#own.copy(this.#pipeline, address, batch, batch + batchHeader.bytes)
    return found
  }
}

function decided<T>(run: () => T | 'more'): T {
  for (;;) {
    const result = run()
    if (result !== 'more') return result
  }
}
