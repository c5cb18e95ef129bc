import type { PartitionSettings } from '../../ports/partitions.ts'
import { errors } from '../../wire/errors.ts'
import { batchHeader } from '../../wire/record-batch.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { appendFlags, reason } from '../ring-messages.ts'
import type { RecordRules, RejectedRecord } from '../sequencing/rejected-records.ts'
import { jobFlags, runStatus, type ValidationKernel } from './validation-kernel.ts'

/** Addresses of a job and its window buffer in the arena; bytes. */
export interface ValidationSlot {
  readonly job: number
  readonly window: number
  readonly windowBytes: number
}

/** Result of the validation of a batch. `flags` go into the append ring with an accepted batch. */
export interface ValidationResult {
  readonly error: number
  readonly reason: number
  readonly flags: number
  /** The invalid records, in order. */
  readonly rejected: readonly RejectedRecord[]
}

const none: readonly RejectedRecord[] = []
export const accepted: ValidationResult = { error: 0, reason: reason.none, flags: appendFlags.checked, rejected: none }
const rejection = (error: number, why: number, rejected = none): ValidationResult => ({ error, reason: why, flags: 0, rejected })

const crcFrom = batchHeader.attributes
/** The limits of a 64-bit integer, rounded to the nearest numbers within them. */
const timeMax = 2 ** 63 - 1024

/** Rules of a topic for the records of a batch that arrives at `now`. */
export function recordRules(settings: PartitionSettings, now: number): RecordRules {
  const isTimed = settings.timestampType === 'CreateTime'
  return {
    keys: settings.compacted,
    oldest: isTimed ? Math.max(-timeMax, now - Number(settings.timestampBeforeMaxMs)) : -timeMax,
    newest: isTimed ? Math.min(timeMax, now + Number(settings.timestampAfterMaxMs)) : timeMax,
  }
}

/**
 * Validates compressed batches, one at a time, as Kafka's LogValidator does. Decodes the whole batch through a window and checks every
 * record. If the producer left out the largest timestamp, writes it into the header, and then the CRC.
 */
export class Validator {
  readonly #kernel: ValidationKernel
  readonly #crc: Kernel['crc']
  readonly #view: DataView
  readonly #slot: ValidationSlot
  #address = 0
  #bytes = 0

  constructor(kernel: ValidationKernel, crc: Kernel['crc'], view: DataView, slot: ValidationSlot) {
    this.#kernel = kernel
    this.#crc = crc
    this.#view = view
    this.#slot = slot
    kernel.prepare(slot.job)
  }

  begin(address: number, bytes: number, rules: RecordRules): void {
    const { job, window, windowBytes } = this.#slot
    this.#address = address
    this.#bytes = bytes
    this.#kernel.begin(job, window, windowBytes, address, bytes, rules.keys ? jobFlags.keys : 0, rules.oldest, rules.newest)
  }

  /** Runs for about `budget` bytes of output. `more`: run again; `window`: the batch has back references beyond the window buffer. */
  run(budget: number): ValidationResult | 'more' | 'window' {
    const status = this.#kernel.run(this.#slot.job, budget)
    if (status === runStatus.more) return 'more'
    if (status === runStatus.window) return 'window'
    return this.#decide(status)
  }

  /** A wrong CRC has precedence over errors in the bytes that it covers. */
  #decide(status: number): ValidationResult {
    const kernel = this.#kernel
    const { job } = this.#slot
    if (status === runStatus.done && kernel.rejectedCount(job) === 0) {
      if (!kernel.hasOtherMaxTimestamp(job)) return accepted
      if (!this.#isIntact()) return rejection(errors.CORRUPT_MESSAGE.code, reason.crc)
      kernel.setMaxTimestamp(job)
      this.#view.setInt32(this.#address + batchHeader.crc, this.#sum())
      return accepted
    }
    if (!this.#isIntact()) return rejection(errors.CORRUPT_MESSAGE.code, reason.crc)
    if (status === runStatus.damaged) return rejection(errors.INVALID_RECORD.code, reason.undecodable)
    if (status === runStatus.malformed) {
      return rejection(errors.INVALID_RECORD.code, reason.malformed, [{ index: kernel.recordIndex(job), reason: reason.malformed }])
    }
    const rejected = Array.from({ length: kernel.rejectedCount(job) }, (_, i) => {
      const entry = kernel.rejectedRecord(job, i)
      return { index: entry >>> 1, reason: (entry & 1) === 1 ? reason.timestamp : reason.keyless }
    })
    if (rejected.some((record) => record.reason === reason.timestamp)) {
      return rejection(errors.INVALID_TIMESTAMP.code, reason.timestamp, rejected)
    }
    return rejection(errors.INVALID_RECORD.code, reason.keyless, rejected)
  }

  /** Result for a batch that needs a larger window than the largest one. */
  get tooFar(): ValidationResult {
    return this.#isIntact() ? rejection(errors.INVALID_RECORD.code, reason.window) : rejection(errors.CORRUPT_MESSAGE.code, reason.crc)
  }

  #isIntact(): boolean {
    return this.#sum() === this.#view.getInt32(this.#address + batchHeader.crc)
  }

  #sum(): number {
    return this.#crc(this.#address + crcFrom, this.#bytes - crcFrom, 0)
  }
}
