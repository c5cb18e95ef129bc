/** When the write-ahead log is emptied into objects. Sizes in bytes of the log that are not stored. */
export interface SealPolicy {
  /** In a quiet moment storing begins with this much, and ends with half of it. */
  readonly quietBytes: number
  /** With this much it begins at any time, and ends a quarter lower. */
  readonly urgentBytes: number
  /** The part of the log that becomes one object. */
  readonly objectBytes: number
  /** What is older is stored, however little it is; null for never. */
  readonly ageMs: number | null
  /** Objects on their way at the same time. */
  readonly uploads: number
}

/** Objects on their way to a store at the same time. */
export const uploadsMax = 4
const objectBytesMax = 32 << 20
const objectBytesOf = (capacity: number): number => Math.min(objectBytesMax, capacity / 16)

/**
 * For a store on the disk of the log. What stays in the log costs nothing but recovery time; storing costs the disk a read
 * and a second write, behind which the log's own writes wait. So the log takes a burst up to three quarters of its size,
 * and is emptied in the pauses.
 */
export const localPolicy = (capacity: number): SealPolicy => ({
  quietBytes: capacity / 4,
  urgentBytes: (capacity / 4) * 3,
  objectBytes: objectBytesOf(capacity),
  ageMs: null,
  uploads: 1,
})

/** For a store elsewhere: as soon as there is enough for an object, and after a while in any case. */
export const remotePolicy = (capacity: number, thresholdBytes: number | null, ageMs: number | null): SealPolicy => {
  const objectBytes = objectBytesOf(capacity)
  const threshold = Math.min(Math.max(thresholdBytes ?? objectBytes, objectBytes), capacity / 2)
  return { quietBytes: Number.POSITIVE_INFINITY, urgentBytes: threshold, objectBytes, ageMs, uploads: uploadsMax }
}

/** What the keeper of the store sees of the log. Positions in bytes. */
export interface LogState {
  /** Up to which all is stored, or on its way. */
  readonly stored: number
  readonly durable: number
  /** What lies below must go, because of its age or because somebody takes over. */
  readonly due: number
  /** Nothing was appended since the last look. */
  readonly isQuiet: boolean
  /** The last look found something to do. */
  readonly isStoring: boolean
}

/** Up to which position the next object goes; undefined when there is nothing to do yet. */
export function nextSeal(policy: SealPolicy, { stored, durable, due, isQuiet, isStoring }: LogState): number | undefined {
  const waiting = durable - stored
  const urgent = isStoring ? Math.max((policy.urgentBytes / 4) * 3, policy.objectBytes) : policy.urgentBytes
  const quiet = isStoring ? policy.quietBytes / 2 : policy.quietBytes
  if (waiting < urgent && due <= stored && !(isQuiet && waiting >= quiet)) return undefined
  return Math.min(durable, stored + policy.objectBytes)
}

/** Steps in which the age of the log is known. */
const ageSteps = 10

/** Remembers when the log had reached which position. */
export class LogAges {
  readonly #ageMs: number
  readonly #marks: { readonly at: number; readonly position: number }[] = []

  constructor(ageMs: number) {
    this.#ageMs = ageMs
  }

  /** The log is durable up to `position` now. */
  note(nowMs: number, position: number): void {
    const last = this.#marks.at(-1)
    if (last !== undefined && (last.position === position || nowMs - last.at < this.#ageMs / ageSteps)) return
    this.#marks.push({ at: nowMs, position })
  }

  /** Position below which everything is at least that old. */
  due(nowMs: number): number {
    let due = 0
    while (this.#marks.length > 1 && nowMs - this.#marks[1]!.at >= this.#ageMs) this.#marks.shift()
    const first = this.#marks[0]
    if (first !== undefined && nowMs - first.at >= this.#ageMs) due = first.position
    return due
  }
}
