/** Limits that start and end uploads from the WAL. Sizes in bytes of the WAL that are unstored. */
export interface SealPolicy {
  /** While nothing is appended, uploads start at this size and end at half of it. */
  readonly quietBytes: number
  /** At this size uploads start at any time; they end a quarter below it. */
  readonly urgentBytes: number
  /** Size of the part of the WAL that becomes one object. */
  readonly objectBytes: number
  /** Older records are uploaded regardless of their size; null for no limit of age. */
  readonly ageMs: number | null
  /** Maximum number of simultaneous uploads. */
  readonly uploads: number
  /** Full segments of the WAL become objects at once, where the log has segments. */
  readonly usesSegments: boolean
}

/** Maximum number of simultaneous uploads to a store. */
export const uploadsMax = 4
const objectBytesMax = 32 << 20
const objectBytesOf = (capacity: number): number => Math.min(objectBytesMax, capacity / 16)

/**
 * For an object store on the disk of the WAL. A full segment of the WAL becomes an object without a copy. Otherwise an upload costs the
 * disk a read and a second write, which delay the writes of the WAL, and records in the WAL cost only recovery time. So a log without
 * segments absorbs bursts up to three quarters of its size, and is uploaded in the pauses.
 */
export const localPolicy = (capacity: number): SealPolicy => ({
  quietBytes: capacity / 4,
  urgentBytes: (capacity / 4) * 3,
  objectBytes: objectBytesOf(capacity),
  ageMs: null,
  uploads: 1,
  usesSegments: true,
})

/** For a remote object store: uploads start when there are enough bytes for an object, or after a maximum age. */
export const remotePolicy = (capacity: number, thresholdBytes: number | null, ageMs: number | null): SealPolicy => {
  const objectBytes = objectBytesOf(capacity)
  const threshold = Math.min(Math.max(thresholdBytes ?? objectBytes, objectBytes), capacity / 2)
  return { quietBytes: Number.POSITIVE_INFINITY, urgentBytes: threshold, objectBytes, ageMs, uploads: uploadsMax, usesSegments: false }
}

/** State of the WAL as the uploader observes it. Positions in bytes. */
export interface LogState {
  /** Position up to which all records are stored, or being uploaded. */
  readonly stored: number
  readonly durable: number
  /** Records below must be uploaded, because of their age or because everything must be stored now. */
  readonly due: number
  /** Nothing was appended since the last check. */
  readonly isQuiet: boolean
  /** The last check started an upload. */
  readonly isStoring: boolean
}

/** End position of the next object; undefined when no upload is due. */
export function nextSeal(policy: SealPolicy, { stored, durable, due, isQuiet, isStoring }: LogState): number | undefined {
  const waiting = durable - stored
  const urgent = isStoring ? Math.max((policy.urgentBytes / 4) * 3, policy.objectBytes) : policy.urgentBytes
  const quiet = isStoring ? policy.quietBytes / 2 : policy.quietBytes
  if (waiting < urgent && due <= stored && !(isQuiet && waiting >= quiet)) return undefined
  return Math.min(durable, stored + policy.objectBytes)
}

/** Resolution of the recorded ages, in steps per maximum age. */
const ageSteps = 10

/** Records the time at which the log reached each position. */
export class LogAges {
  readonly #ageMs: number
  readonly #marks: { readonly at: number; readonly position: number }[] = []

  constructor(ageMs: number) {
    this.#ageMs = ageMs
  }

  /** Records that the log is durable up to `position` now. */
  note(nowMs: number, position: number): void {
    const last = this.#marks.at(-1)
    if (last !== undefined && (last.position === position || nowMs - last.at < this.#ageMs / ageSteps)) return
    this.#marks.push({ at: nowMs, position })
  }

  /** Position below which all records have at least the maximum age. */
  due(nowMs: number): number {
    let due = 0
    while (this.#marks.length > 1 && nowMs - this.#marks[1]!.at >= this.#ageMs) this.#marks.shift()
    const first = this.#marks[0]
    if (first !== undefined && nowMs - first.at >= this.#ageMs) due = first.position
    return due
  }
}
