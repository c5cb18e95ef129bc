import { prng } from '../../../src/base/prng.ts'
import { KafkaCodecs } from '../../support/kafka-codecs.ts'
import { now } from '../../unit/pipeline/sequencing/lane-world.ts'
import { type Damaged, damagedBatch } from './damage.ts'
import { ProducePath, resultOf } from './produced.ts'

export interface Difference {
  readonly seed: number
  readonly damaged: Damaged
  readonly kafka: string
  readonly millrace: string
}

export interface Tally {
  batches: number
  /** By both. */
  accepted: number
  rejected: number
  /** Kafka rejects these, and Millrace takes them. */
  readonly taken: Difference[]
  /** Both take these, and find another largest timestamp. */
  readonly dated: Difference[]
  /** Millrace rejects these, and Kafka takes them. */
  readonly stricter: Difference[]
}

const chunk = 256
const taken = 'ok'

/** A batch, and the result of Kafka's classes. */
export type KafkaResult = Omit<Difference, 'millrace'>

/** Damaged batches from `seed` on, each of a seed of its own, in chunks. */
export async function* validatedByKafka(seed: number, batches: number): AsyncGenerator<readonly KafkaResult[]> {
  const kafka = new KafkaCodecs()
  for (let first = seed; first < seed + batches; first += chunk) {
    const seeds = Array.from({ length: Math.min(chunk, seed + batches - first) }, (_, i) => first + i)
    const damaged = await Promise.all(seeds.map((each) => damagedBatch(prng(each), kafka)))
    const results = await Promise.all(damaged.map(({ batch, settings }) => kafka.validate(batch, now, settings)))
    yield damaged.map((each, i) => ({ seed: seeds[i]!, damaged: each, kafka: results[i]! }))
  }
  kafka.end()
}

/** Compares the results of Kafka's classes with those of a broker's Produce. */
export async function compareWithMillrace(
  chunks: AsyncIterable<readonly KafkaResult[]> | Iterable<readonly KafkaResult[]>,
  report: (tally: Tally) => void = () => {},
): Promise<Tally> {
  const path = new ProducePath()
  const tally: Tally = { batches: 0, accepted: 0, rejected: 0, taken: [], dated: [], stricter: [] }
  for await (const validated of chunks) {
    for (const each of validated) compare(tally, { ...each, millrace: validate(path, each.damaged) })
    report(tally)
  }
  return tally
}

function compare(tally: Tally, difference: Difference): void {
  const { kafka, millrace } = difference
  tally.batches++
  const [theirs, ours] = [kafka.startsWith(taken), millrace.startsWith(taken)]
  if (theirs && ours && kafka !== millrace) tally.dated.push(difference)
  else if (theirs && ours) tally.accepted++
  else if (theirs) tally.stricter.push(difference)
  else if (ours) tally.taken.push(difference)
  else tally.rejected++
}

function validate(path: ProducePath, { batch, settings }: Damaged): string {
  try {
    return resultOf(path.produce(batch, settings), settings)
  } catch (trap) {
    // Listed with what Kafka rejects and Millrace takes: it must not be.
    return `${taken}? no: ${trap}`
  }
}

export const shown = ({ seed, damaged, kafka, millrace }: Difference): string =>
  `seed ${seed}, ${damaged.codec}${damaged.topic && ` to a topic with ${damaged.topic}`}: ${damaged.actions.join(', ')}: Kafka "${kafka}", Millrace "${millrace}"`

/** The classes of a direction: codec and actions without their numbers, and how often. */
export function classes(differences: readonly Difference[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const { damaged, millrace } of differences) {
    const actions = damaged.actions.slice(1).map((action) => action.replace(/ (is|has) .*/, ' is wrong'))
    const name = `${damaged.codec}${damaged.topic && ` to ${damaged.topic}`}: ${actions.length > 0 ? actions.join(', ') : 'nothing'} -> ${millrace}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a)
}
