import { reason } from '../ring-messages.ts'

/** A record that is to blame for the refusal of its batch. */
export interface RefusedRecord {
  readonly index: number
  readonly reason: number
}

export interface RecordRules {
  /** Whether a record without a key is refused. */
  readonly keys: boolean
  /** Milliseconds; what lies before or behind is refused. */
  readonly oldest: number
  readonly newest: number
}

/** A batch may name this many of its records: its answer must fit in a ring. */
const refusedMax = 8192
const noTime = -1

/** Reads varints where they lie, one after another. */
class Varints {
  readonly #view: DataView
  at: number

  constructor(view: DataView, at: number) {
    this.#view = view
    this.at = at
  }

  /** As a number: exact below 2^53, of the right sign and size above. */
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
 * The records of an uncompressed batch that break a rule, as Kafka lists them: one reason each, the key before the time.
 * A record without a timestamp is not judged by its age. For a batch that the kernel has found whole and suspicious.
 */
export function refusedRecords(view: DataView, at: number, count: number, baseTimestamp: number, rules: RecordRules): RefusedRecord[] {
  const refused: RefusedRecord[] = []
  const varints = new Varints(view, at)
  for (let index = 0; index < count && refused.length < refusedMax; index++) {
    const bytes = varints.next()
    const end = varints.at + bytes
    varints.at++ // attributes
    const timestamp = baseTimestamp + varints.next()
    varints.next() // offset
    const hasKey = varints.next() >= 0
    if (rules.keys && !hasKey) refused.push({ index, reason: reason.keyless })
    else if (timestamp !== noTime && (timestamp < rules.oldest || timestamp > rules.newest))
      refused.push({ index, reason: reason.timestamp })
    varints.at = end
  }
  return refused
}

/** Timestamps as Kafka adds them up, in 64 bits. For an uncompressed batch that the kernel has found whole. */
export function timestampRange(view: DataView, at: number, count: number, baseTimestamp: bigint): { earliest: bigint; latest: bigint } {
  let earliest = 2n ** 63n - 1n
  let latest = -(2n ** 63n)
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
