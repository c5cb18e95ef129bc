import { crc32c } from '../../wire/crc32c.ts'
import {
  comparePlaces,
  peek,
  placesIn,
  putOnce,
  S3WalDamaged,
  type S3WalParts,
  Superseded,
  settledPlaces,
  untilAccepted,
} from './s3-wal.ts'
import { encodeS3WalHeader, noMark, type S3WalHeader, type S3WalPlace, s3WalHeaderBytes, s3WalKey, seal } from './wal-object.ts'

/** Objects of earlier incarnations: all acknowledged records that are still needed, and possibly some unacknowledged ones. */
export interface S3WalFound {
  /** Objects of kind `piece` and `whole`, in order. */
  readonly objects: readonly S3WalHeader[]
  /** Other keys taken by earlier incarnations, in order: claims, fences, and objects after a fence. */
  readonly others: readonly S3WalPlace[]
}

/** Claims the next epoch for this incarnation. Required before the first append. */
export async function claimNext(parts: S3WalParts): Promise<number> {
  for (;;) {
    const places = await untilAccepted(parts, () => placesIn(parts))
    const epoch = (places.at(-1)?.epoch ?? 0) + 1
    if (await claim(parts, epoch)) return epoch
  }
}

/** Claims one epoch; returns false when another incarnation has claimed it. */
export async function claim(parts: S3WalParts, epoch: number): Promise<boolean> {
  const place = { epoch, sequence: 0 }
  return (await untilAccepted(parts, () => putOnce(parts, place, [encodeS3WalHeader(bare(parts, 'claim', place))]))) === 'done'
}

const bare = ({ owner }: S3WalParts, kind: 'claim' | 'fence', place: S3WalPlace): S3WalHeader => ({
  kind,
  ...place,
  owner,
  oldestEpoch: place.epoch,
  oldestSequence: place.sequence,
  bodyBytes: 0,
  bodyCrc: 0,
  mark: noMark,
})

/** Maximum number of restarts of the scan: the previous incarnation may still be removing unneeded objects. */
const movesMax = 1000

/**
 * Ends every earlier epoch and reads its objects. The caller must have claimed `epoch`.
 *
 * An epoch ends at its first gap, which is closed by a fence. The put of the fence decides: if an earlier incarnation, unaware of its end,
 * puts its own object there first, that object belongs to the log. Otherwise its put fails, and none of its later appends completes.
 */
export async function takeOver(parts: S3WalParts, epoch: number): Promise<S3WalFound> {
  for (let moves = 0; moves < movesMax; moves++) {
    const found = await takeOverOnce(parts, epoch)
    if (found !== 'moved') return found
    await parts.pause()
  }
  throw new S3WalDamaged(`${parts.prefix} has not held still`)
}

async function takeOverOnce(parts: S3WalParts, epoch: number): Promise<S3WalFound | 'moved'> {
  const own = await endEpochs(parts, epoch, { epoch, sequence: 0 }, [])
  if (own === 'moved' || parts.formerPrefix === undefined) return own
  const former = await takeOverFormer({ ...parts, prefix: parts.formerPrefix }, epoch, own.objects)
  if (former === 'moved') return 'moved'
  return { objects: [...former.objects, ...own.objects], others: [...former.others, ...own.others] }
}

/**
 * Ends the log that a former release stored under `parts.prefix`, and reads its objects, which come before `later`.
 *
 * An incarnation of the former release stops at the seal or at a fence. An incarnation that starts after the seal ends at the seal, before
 * it reads or appends. All of this can be repeated: after a crash the next start finds the same objects.
 */
async function takeOverFormer(parts: S3WalParts, epoch: number, later: readonly S3WalHeader[]): Promise<S3WalFound | 'moved'> {
  await untilAccepted(parts, () => putOnce(parts, seal, [encodeS3WalHeader(bare(parts, 'claim', seal))]))
  const isNeeded = parts.firstEpoch === undefined && needsFormer(later)
  const found = isNeeded ? await endEpochs(parts, epoch, seal, later) : { objects: [], others: await formerPlaces(parts, seal) }
  if (found === 'moved') return 'moved'
  const moved = <T extends S3WalPlace>(place: T): T => ({ ...place, prefix: parts.prefix })
  return { objects: found.objects.map(moved), others: found.others.map(moved) }
}

/** False when an object of the log records that all needed objects are under its own prefix: then the former log has been ended. */
function needsFormer(own: readonly S3WalHeader[]): boolean {
  const [first] = own
  return (
    first === undefined || own.every((object) => comparePlaces({ epoch: object.oldestEpoch, sequence: object.oldestSequence }, first) < 0)
  )
}

/** The places of a former log without its seal, which stays. */
const formerPlaces = async (parts: S3WalParts, known: S3WalPlace): Promise<S3WalPlace[]> =>
  (await settledPlaces(parts, known)).filter(({ epoch }) => epoch < seal.epoch)

/** Ends the epochs below `epoch` under one prefix. `known` is an object there, and `later` are the objects that follow in the log. */
async function endEpochs(
  parts: S3WalParts,
  epoch: number,
  known: S3WalPlace,
  later: readonly S3WalHeader[],
): Promise<S3WalFound | 'moved'> {
  const places = known === seal ? await formerPlaces(parts, known) : await settledPlaces(parts, known)
  if ((places.at(-1)?.epoch ?? 0) > epoch) throw new Superseded(`epoch ${places.at(-1)!.epoch} began while epoch ${epoch} was starting`)
  const earlier = new Map<number, S3WalPlace[]>()
  for (const place of places) {
    if (place.epoch === epoch) break
    earlier.set(place.epoch, [...(earlier.get(place.epoch) ?? []), place])
  }
  const objects: S3WalHeader[] = []
  const oldestOf = (some: readonly S3WalHeader[]): number => Math.max(0, ...some.map(({ oldestEpoch }) => oldestEpoch))
  let oldest = Math.max(Math.min(...earlier.keys(), epoch - 1), oldestOf(later), parts.firstEpoch ?? 0)
  // Includes epochs that no list shows: the list may be too old to contain the previous incarnation.
  for (let each = epoch - 1; each > 0 && each >= oldest; each--) {
    const taken = earlier.get(each) ?? []
    earlier.set(each, taken)
    const following = [...objects, ...later].filter(({ oldestEpoch }) => oldestEpoch === each)
    const needed = Math.max(0, ...following.map(({ oldestSequence }) => oldestSequence))
    const walked = await walk(parts, each, taken, needed)
    if (walked === 'moved') return 'moved'
    objects.unshift(...walked.objects)
    oldest = Math.max(oldest, oldestOf(walked.objects))
    if (!taken.some(({ sequence }) => sequence === walked.fence)) insert(taken, { epoch: each, sequence: walked.fence })
  }
  const needed = new Set(objects.map((object) => s3WalKey(parts.prefix, object)))
  const others = [...earlier.values()].flat().filter((place) => !needed.has(s3WalKey(parts.prefix, place)))
  return { objects, others }
}

/** The place may be before objects that arrived after the fence. */
function insert(places: S3WalPlace[], place: S3WalPlace): void {
  const at = places.findIndex(({ sequence }) => sequence > place.sequence)
  places.splice(at < 0 ? places.length : at, 0, place)
}

/** Number of headers that are requested ahead. */
const peeksAhead = 16

interface Walked {
  readonly objects: readonly S3WalHeader[]
  readonly fence: number
}

/** The objects of one epoch up to its end; adds a fence if there is none. Later epochs record which objects of it are needed. */
async function walk(parts: S3WalParts, epoch: number, taken: readonly S3WalPlace[], needed: number): Promise<Walked | 'moved'> {
  const listed = new Set(taken.map(({ sequence }) => sequence))
  const requested = new Map<number, Promise<S3WalHeader | 'missing'>>()
  const call = (sequence: number): Promise<S3WalHeader | 'missing'> => {
    const known = requested.get(sequence)
    if (known !== undefined) return known
    const answer = untilAccepted(parts, () => peek(parts, { epoch, sequence }))
    // The error is handled where the result is awaited, which may never happen.
    answer.catch(() => {})
    requested.set(sequence, answer)
    return answer
  }
  /** Sequence of the oldest needed object, according to the last object of the same epoch. */
  const lastSays = async (): Promise<number> => {
    for (const { sequence } of taken.toReversed()) {
      const found = sequence === 0 ? 'missing' : await call(sequence)
      if (found !== 'missing' && found.kind !== 'fence') return found.oldestEpoch === epoch ? found.oldestSequence : 0
    }
    return 0
  }
  let objects: S3WalHeader[] = []
  for (let sequence = taken.find((place) => place.sequence > 0)?.sequence ?? 1; ; sequence++) {
    if (!listed.has(sequence)) {
      const next = taken.find((place) => place.sequence > sequence)?.sequence
      if (next !== undefined && Math.max(needed, await lastSays()) > sequence) {
        objects = []
        sequence = next
      } else if (await fence(parts, { epoch, sequence })) return { objects, fence: sequence }
    }
    for (let ahead = sequence; ahead < sequence + peeksAhead && listed.has(ahead); ahead++) void call(ahead)
    const header = await call(sequence)
    requested.delete(sequence)
    // The list contained this object: unneeded objects are being removed from the front.
    if (header === 'missing') return 'moved'
    if (header.kind === 'fence') return { objects, fence: sequence }
    objects.push(header)
  }
}

/** Returns false when an object is there already. */
async function fence(parts: S3WalParts, place: S3WalPlace): Promise<boolean> {
  const outcome = await untilAccepted(parts, () => putOnce(parts, place, [encodeS3WalHeader(bare(parts, 'fence', place))]))
  return outcome === 'done'
}

/** Maximum number of reads of a body that does not match its header. */
const triesMax = 6

export async function readBody(parts: S3WalParts, object: S3WalHeader): Promise<Uint8Array> {
  const key = s3WalKey(parts.prefix, object)
  const start = s3WalHeaderBytes
  for (let tries = 1; ; tries++) {
    const body = await untilAccepted(parts, () => parts.store.get(key, start, start + object.bodyBytes))
    if (body.length === object.bodyBytes && crc32c(body) === object.bodyCrc) return body
    if (tries === triesMax) throw new S3WalDamaged(`${key} does not hold the ${object.bodyBytes} bytes that were put`)
  }
}
