import { appendFlags, reason } from '../pipeline/ring-messages.ts'
import { oneBatchError } from '../pipeline/sequencing/one-batch.ts'
import type { RecordRules } from '../pipeline/sequencing/rejected-records.ts'
import type { ValidationJob } from '../pipeline/validation/validation-jobs.ts'
import { recordRules, type ValidationResult, type Validator } from '../pipeline/validation/validator.ts'
import type { PartitionSettings } from '../ports/partitions.ts'
import { attribute, batchHeader, codecs } from '../wire/record-batch.ts'

/** Limit of work in the network thread, in approximate bytes of output: about 2 ms. */
const inlineUnits = 1 << 20
/** A batch with more compressed bytes than this exceeds that time. */
const inlineBytesMax = 384 << 10

const left = (flags: number): ValidationResult => ({ error: 0, reason: reason.none, flags, rejected: [] })
/** The sequencer validates uncompressed batches, and rejects invalid headers regardless of the records. */
const leftToSequencer = left(0)
const exempt = left(appendFlags.exempt)

export interface ProduceValidationParts {
  /** View of the arena. */
  readonly view: DataView
  readonly validator: Validator
  /** `compressed.record.validation.enable` */
  readonly enabled: boolean
  /** Every compressed batch goes to a validator thread, not only those that take long. */
  readonly offloads: boolean
  offer(job: ValidationJob): void
}

/** Validation of compressed batches between a network worker and the sequencer. */
export class ProduceValidation {
  readonly #parts: ProduceValidationParts

  constructor(parts: ProduceValidationParts) {
    this.#parts = parts
  }

  /** Returns the result for the batch at `address`, or the rules for a validator thread that must check it. `now` in milliseconds. */
  check(address: number, bytes: number, settings: PartitionSettings, flags: number, now: number): ValidationResult | RecordRules {
    const { view, validator, enabled, offloads } = this.#parts
    if (bytes > settings.maxMessageBytes) return leftToSequencer
    if (oneBatchError(view, address, bytes, (flags & appendFlags.beforeZstd) !== 0) !== undefined) return leftToSequencer
    const attributes = view.getInt16(address + batchHeader.attributes)
    const codec = attributes & attribute.codec
    const count = view.getInt32(address + batchHeader.recordsCount)
    if (codec === codecs.none || codec > codecs.zstd || count <= 0 || attributes & (attribute.control | attribute.transactional)) {
      return leftToSequencer
    }
    if (!enabled) return exempt
    const rules = recordRules(settings, now)
    if (offloads || bytes > inlineBytesMax) return rules
    validator.begin(address, bytes, rules)
    const result = validator.run(inlineUnits)
    return typeof result === 'string' ? rules : result
  }

  offer(job: ValidationJob): void {
    this.#parts.offer(job)
  }
}

export const isResult = (checked: ValidationResult | RecordRules): checked is ValidationResult => 'error' in checked
