import type { Producer } from '../../support/admin.ts'
import type { Reader } from '../../support/bytes.ts'
import * as requests from '../../support/requests.ts'

/** Topics that exist before the cases run, each with the configs that a rejection requires. */
export const topics: readonly requests.TopicSpec[] = [
  { name: 'plain', partitions: 2 },
  { name: 'compacted', partitions: 1, configs: { 'cleanup.policy': 'compact' } },
  { name: 'recent', partitions: 1, configs: { 'message.timestamp.before.max.ms': '60000', 'message.timestamp.after.max.ms': '60000' } },
  { name: 'small', partitions: 1, configs: { 'max.message.bytes': '1000' } },
  { name: 'a_b', partitions: 1 },
]

export interface Ground {
  /** A producer id that no other case has used. */
  readonly producer: Producer
  /** Every record in `plain` partition 0 is below this offset. */
  readonly end: bigint
}

/** Expected result of the last frame of a case. The connection is closed, or a response contains one of the codes. */
export type Expected =
  | { readonly type: 'close' }
  | { readonly type: 'code'; readonly codes: readonly number[]; readonly isFlexible: boolean; readonly codeOf: (answer: Reader) => number }
  | { readonly type: 'either' }

export interface Case {
  readonly name: string
  readonly frames: (ground: Ground) => readonly Buffer[]
  readonly expected: Expected
  /** Different result of a real Kafka, where it is worse. */
  readonly kafka?: string
}

export const kafkaDiffers = (how: string, attempt: Case): Case => ({ ...attempt, kafka: how })

type Frames = Buffer | readonly Buffer[] | ((ground: Ground) => Buffer | readonly Buffer[])

const listed = (frames: Frames) => (ground: Ground) => {
  const made = typeof frames === 'function' ? frames(ground) : frames
  return Buffer.isBuffer(made) ? [made] : made
}

export const closes = (name: string, frames: Frames): Case => ({
  name: `${name}: the connection closes`,
  frames: listed(frames),
  expected: { type: 'close' },
})

export const survives = (name: string, frames: Frames): Case => ({
  name: `${name}: an answer or a closed connection`,
  frames: listed(frames),
  expected: { type: 'either' },
})

const coded =
  (isFlexible: boolean, codeOf: (answer: Reader) => number) =>
  (name: string, codes: number | readonly number[], frames: Frames): Case => ({
    name: `${name}: ${typeof codes === 'number' ? `error ${codes}` : `one of ${codes.join(', ')}`}`,
    frames: listed(frames),
    expected: { type: 'code', codes: typeof codes === 'number' ? [codes] : codes, isFlexible, codeOf },
  })

/** A response without any partition counts as success: there was nothing to reject. */
export const produces = coded(true, (answer) => requests.readProduce(answer)[0]?.error ?? 0)

export const producesOld = coded(false, (answer) => {
  answer.int32()
  answer.string()
  answer.raw(8)
  return answer.int16()
})

export const fetches = coded(true, (answer) => {
  const { error, parts } = requests.readFetch(answer)
  return error || (parts[0]?.error ?? 0)
})

export const fetchesById = coded(true, (answer) => {
  answer.int32()
  const error = answer.int16()
  answer.int32()
  if (answer.uvarint() < 2) return error
  answer.raw(16)
  answer.uvarint()
  answer.int32()
  return error || answer.int16()
})

export const creates = coded(false, (answer) => [...requests.readNamedErrors(answer, true).values()].find((code) => code !== 0) ?? 0)

export const lists = coded(false, (answer) => requests.readListOffsets(answer).error)

export const describes = coded(false, (answer) => requests.readMetadata(answer)[0]?.error ?? 0)

export const negotiates = coded(false, (answer) => answer.int16())
