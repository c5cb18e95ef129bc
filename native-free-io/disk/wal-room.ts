import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { sizeText } from '../../src/config/kind.ts'
import { StartRefused } from '../process/start-refused.ts'

/** Space reserved beside a new WAL for the metadata log and the first objects. */
const besidesBytes = 16 << 20
/** Share of the free space for a WAL of default size: objects and their copies need the rest. */
const defaultShare = 1 / 2

export interface WalPlace {
  /** Of the log of each lane. */
  readonly paths: readonly string[]
  /** Of each log. */
  readonly capacity: number
  /** The capacity is the default: it may be reduced. */
  readonly isDefault: boolean
  /** The capacity must be a multiple of this. */
  readonly logBytes: number
}

/** Capacity for each new log. An existing log keeps its capacity. Throws StartRefused if there is no room for them. */
export function roomFor({ paths, capacity, isDefault, logBytes }: WalPlace): number {
  // An inaccessible path is reported when it is opened.
  const rooms = paths.flatMap((path) => freeFor(path) ?? [])
  if (rooms.length === 0) return capacity
  const free = Math.min(...rooms)
  if (capacity * rooms.length + besidesBytes <= free) return capacity
  const fitting = Math.floor((free * defaultShare) / rooms.length / logBytes) * logBytes
  if (isDefault && fitting > 0) return fitting
  const forEach = rooms.length === 1 ? '' : ` for each of ${rooms.length} lanes`
  throw new StartRefused(
    `s3.wal.path: a write-ahead log of ${sizeText(capacity)}${forEach} does not fit ${paths[0]}: its file system has ${mib(free)} free. ${advice(free, rooms.length)}`,
  )
}

const MiB = 2 ** 20
const mib = (bytes: number): string => `${Math.floor(bytes / MiB)}MiB`

function advice(free: number, logs: number): string {
  const capacity = 2 ** Math.floor(Math.log2(Math.max(1, ((free - besidesBytes) * defaultShare) / logs)))
  if (capacity < 8 * MiB) return 'Free some space, or set s3.wal.path to a larger file system.'
  const cache = Math.min(capacity, 128 * MiB)
  return `Set s3.wal.path=file://?capacity=${sizeText(capacity)} and s3.wal.cache.size=${sizeText(cache)}, or use a larger file system.`
}

/** Undefined if the log or device exists, and if the system does not provide the free space. */
function freeFor(path: string): number | undefined {
  try {
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return undefined
    let at = dirname(path)
    while (statSync(at, { throwIfNoEntry: false }) === undefined) at = dirname(at)
    const { bsize, bavail } = statfsSync(at)
    return bsize * bavail
  } catch {
    return undefined
  }
}
