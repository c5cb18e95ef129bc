import { reason } from '../ring-messages.ts'

/** An invalid record, which caused the rejection of its batch. */
export interface RejectedRecord {
  readonly index: number
  readonly reason: number
}

export interface RecordRules {
  /** Whether a record without a key is rejected. */
  readonly keys: boolean
  /** Milliseconds; records with earlier or later timestamps are rejected. */
  readonly oldest: number
  readonly newest: number
}

/** Maximum number of invalid records listed for a batch: its answer must fit in a ring. */
const rejectedMax = 8192
const noTime = -1

/** Reads consecutive varints in place. */
class Varints {
  readonly #view: DataView
  at: number

  constructor(view: DataView, at: number) {
    this.#view = view
    this.at = at
  }

  /** As a number: exact below 2^53; above, sign and magnitude are right. */
  next(): number {
    const isNegative = (this.#view.getUint8(this.at) & 1) === 1
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.#view.getUint8(this.at++)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
      scale *= 128
    }
    const half = Math.floor(value / 2)
    return isNegative ? -half - 1 : half
  }

  nextLong(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#view.getUint8(this.at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    value = BigInt.asUintN(64, value)
    return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
  }
}

/**
 * The records of an uncompressed batch that violate a rule, as Kafka lists them: one reason each, the key before the timestamp. The age of
 * a record without a timestamp is not checked. Called for a batch that the kernel found well-formed but suspicious.
 */
export function rejectedRecords(view: DataView, at: number, count: number, baseTimestamp: number, rules: RecordRules): RejectedRecord[] {
  const rejected: RejectedRecord[] = []
  const varints = new Varints(view, at)
  for (let index = 0; index < count && rejected.length < rejectedMax; index++) {
    const bytes = varints.next()
    const end = varints.at + bytes
    varints.at++ // attributes
    const timestamp = baseTimestamp + varints.next()
    varints.next() // offset
    const hasKey = varints.next() >= 0
    if (rules.keys && !hasKey) rejected.push({ index, reason: reason.keyless })
    else if (timestamp !== noTime && (timestamp < rules.oldest || timestamp > rules.newest))
      rejected.push({ index, reason: reason.timestamp })
    varints.at = end
  }
  return rejected
}

const longMax = 2n ** 63n - 1n
const longMin = -(2n ** 63n)

/** Timestamps in 64-bit arithmetic, as in Kafka. Called for an uncompressed batch that the kernel found well-formed. */
export function timestampRange(view: DataView, at: number, count: number, baseTimestamp: bigint): { earliest: bigint; latest: bigint } {
  let earliest = longMax
  let latest = longMin
  const varints = new Varints(view, at)
  for (let index = 0; index < count; index++) {
    const bytes = varints.next()
    const end = varints.at + bytes
    varints.at++ // attributes
    const timestamp = BigInt.asIntN(64, baseTimestamp + varints.nextLong())
    if (timestamp < earliest) earliest = timestamp
    if (timestamp > latest) latest = timestamp
    varints.at = end
  }
  return { earliest, latest }
}
