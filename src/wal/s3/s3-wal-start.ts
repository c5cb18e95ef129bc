import { crc32c } from '../../wire/crc32c.ts'
import { ChainDamaged, type ChainParts, insist, peek, placesIn, putOnce, Superseded, settledPlaces } from './s3-wal.ts'
import { type ChainHeader, type ChainPlace, chainHeaderBytes, chainKey, encodeChainHeader, noMark } from './wal-object.ts'

/** What earlier lives left: everything that was ever acknowledged and is still needed, and perhaps a little that was not. */
export interface ChainFound {
  /** Pieces and wholes, in order. */
  readonly objects: readonly ChainHeader[]
  /** Other places that are taken by earlier lives, in order: claims, fences, and what landed behind a fence. */
  readonly others: readonly ChainPlace[]
}

/** What a life has to do before it may append: it claims the next epoch, which is then its own. */
export async function claimNext(parts: ChainParts): Promise<number> {
  for (;;) {
    const places = await insist(parts, () => placesIn(parts))
    const epoch = (places.at(-1)?.epoch ?? 0) + 1
    if (await claim(parts, epoch)) return epoch
  }
}

/** Claims one epoch; false when it is another life's. */
export async function claim(parts: ChainParts, epoch: number): Promise<boolean> {
  const place = { epoch, sequence: 0 }
  return (await insist(parts, () => putOnce(parts, place, [encodeChainHeader(bare(parts, 'claim', place))]))) === 'done'
}

const bare = ({ owner }: ChainParts, kind: 'claim' | 'fence', place: ChainPlace): ChainHeader => ({
  kind,
  ...place,
  owner,
  oldestEpoch: place.epoch,
  oldestSequence: place.sequence,
  bodyBytes: 0,
  bodyCrc: 0,
  mark: noMark,
})

/** How often the log may move under who reads it: the life before may still be removing what is no longer needed. */
const movesMax = 1000

/**
 * Ends every earlier epoch and reads what it holds. To be called with an epoch that is claimed.
 *
 * An epoch ends at its first gap, and the gap is closed by a fence. It is the one put that decides: if an earlier life that
 * does not know yet that it is over puts its own object there first, that object belongs to the log; else its put fails,
 * and with it everything behind.
 */
export async function takeOver(parts: ChainParts, epoch: number): Promise<ChainFound> {
  for (let moves = 0; moves < movesMax; moves++) {
    const found = await takeOverOnce(parts, epoch)
    if (found !== 'moved') return found
    await parts.pause()
  }
  throw new ChainDamaged(`${parts.prefix} has not held still`)
}

async function takeOverOnce(parts: ChainParts, epoch: number): Promise<ChainFound | 'moved'> {
  const places = await settledPlaces(parts, { epoch, sequence: 0 })
  if ((places.at(-1)?.epoch ?? 0) > epoch) throw new Superseded(`epoch ${places.at(-1)!.epoch} began while epoch ${epoch} was starting`)
  const earlier = new Map<number, ChainPlace[]>()
  for (const place of places) {
    if (place.epoch === epoch) break
    earlier.set(place.epoch, [...(earlier.get(place.epoch) ?? []), place])
  }
  const objects: ChainHeader[] = []
  let oldest = Math.min(...earlier.keys(), epoch - 1)
  // Those that no list shows too: it may be too old for the life before.
  for (let each = epoch - 1; each > 0 && each >= oldest; each--) {
    const taken = earlier.get(each) ?? []
    earlier.set(each, taken)
    const needed = Math.max(0, ...objects.filter(({ oldestEpoch }) => oldestEpoch === each).map(({ oldestSequence }) => oldestSequence))
    const walked = await walk(parts, each, taken, needed)
    if (walked === 'moved') return 'moved'
    objects.unshift(...walked.objects)
    oldest = Math.max(oldest, ...walked.objects.map(({ oldestEpoch }) => oldestEpoch))
    if (!taken.some(({ sequence }) => sequence === walked.fence)) insert(taken, { epoch: each, sequence: walked.fence })
  }
  const needed = new Set(objects.map((object) => chainKey(parts.prefix, object)))
  const others = [...earlier.values()].flat().filter((place) => !needed.has(chainKey(parts.prefix, place)))
  return { objects, others }
}

/** It may be in front of what landed behind it. */
function insert(places: ChainPlace[], place: ChainPlace): void {
  const at = places.findIndex(({ sequence }) => sequence > place.sequence)
  places.splice(at < 0 ? places.length : at, 0, place)
}

/** Headers that are asked for ahead. */
const peeksAhead = 16

interface Walked {
  readonly objects: readonly ChainHeader[]
  readonly fence: number
}

/** The objects of one epoch up to its end, which is closed if it was not. Later epochs say from where on it is needed. */
async function walk(parts: ChainParts, epoch: number, taken: readonly ChainPlace[], needed: number): Promise<Walked | 'moved'> {
  const listed = new Set(taken.map(({ sequence }) => sequence))
  const asked = new Map<number, Promise<ChainHeader | 'missing'>>()
  const ask = (sequence: number): Promise<ChainHeader | 'missing'> => {
    const known = asked.get(sequence)
    if (known !== undefined) return known
    const answer = insist(parts, () => peek(parts, { epoch, sequence }))
    // Whoever comes to it hears of what is wrong; perhaps nobody does.
    answer.catch(() => {})
    asked.set(sequence, answer)
    return answer
  }
  /** From where on the last object of the epoch itself says that it is needed. */
  const lastSays = async (): Promise<number> => {
    for (const { sequence } of taken.toReversed()) {
      const found = sequence === 0 ? 'missing' : await ask(sequence)
      if (found !== 'missing' && found.kind !== 'fence') return found.oldestEpoch === epoch ? found.oldestSequence : 0
    }
    return 0
  }
  let objects: ChainHeader[] = []
  for (let sequence = taken.find((place) => place.sequence > 0)?.sequence ?? 1; ; sequence++) {
    if (!listed.has(sequence)) {
      const next = taken.find((place) => place.sequence > sequence)?.sequence
      if (next !== undefined && Math.max(needed, await lastSays()) > sequence) {
        objects = []
        sequence = next
      } else if (await fence(parts, { epoch, sequence })) return { objects, fence: sequence }
    }
    for (let ahead = sequence; ahead < sequence + peeksAhead && listed.has(ahead); ahead++) void ask(ahead)
    const header = await ask(sequence)
    asked.delete(sequence)
    // It was there a moment ago: what is no longer needed is being removed, from the front.
    if (header === 'missing') return 'moved'
    if (header.kind === 'fence') return { objects, fence: sequence }
    objects.push(header)
  }
}

/** False when there is an object already. */
async function fence(parts: ChainParts, place: ChainPlace): Promise<boolean> {
  const outcome = await insist(parts, () => putOnce(parts, place, [encodeChainHeader(bare(parts, 'fence', place))]))
  return outcome === 'done'
}

/** How often a body is read that is not what its header says. */
const triesMax = 6

export async function readBody(parts: ChainParts, object: ChainHeader): Promise<Uint8Array> {
  const key = chainKey(parts.prefix, object)
  const start = chainHeaderBytes
  for (let tries = 1; ; tries++) {
    const body = await insist(parts, () => parts.store.get(key, start, start + object.bodyBytes))
    if (body.length === object.bodyBytes && crc32c(body) === object.bodyCrc) return body
    if (tries === triesMax) throw new ChainDamaged(`${key} does not hold the ${object.bodyBytes} bytes that were put`)
  }
}
