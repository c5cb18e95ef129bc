import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { filesAdvice, step } from '../process/start-failure.ts'
import { StartRefused } from '../process/start-refused.ts'
import { replaceFile } from './durable-file.ts'

/** The state of a voter that must survive a restart: without it, a voter could vote twice in an epoch. */
export interface QuorumState {
  /** -1 without a leader in this epoch. */
  readonly leaderId: number
  readonly leaderEpoch: number
  /** -1 without a vote in this epoch. */
  readonly votedId: number
  /** The zero uuid without a vote, and for a candidate without a recorded directory id. */
  readonly votedDirectoryId: string
}

export const noDirectoryId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Kafka's version of the file with directory ids. The voters are in the log. */
const dataVersion = 1
const fileName = 'quorum-state'
const int32Max = 2 ** 31 - 1
const advice = 'Restore it from a copy; without one, remove the directory and add this voter again with its new directory id.'

type Check = readonly [expected: string, fits: (value: unknown) => boolean]
const integer = (low: number): Check => [
  `an integer from ${low} to ${int32Max}`,
  (value) => Number.isInteger(value) && Number(value) >= low && Number(value) <= int32Max,
]

/** In the order in which Kafka writes them. */
const fields: Readonly<Record<keyof QuorumState | 'data_version', Check>> = {
  leaderId: integer(-1),
  leaderEpoch: integer(0),
  votedId: integer(-1),
  votedDirectoryId: ['a uuid of 22 characters', (value) => typeof value === 'string' && /^[\w-]{21}[AQgw]$/.test(value)],
  data_version: [String(dataVersion), (value) => value === dataVersion],
}

/** Undefined if there is none: the voter has never had an epoch. */
export async function readQuorumState(folder: string): Promise<QuorumState | undefined> {
  const path = join(folder, fileName)
  const content = await step(`log.dirs: ${path} cannot be read`, filesAdvice, () =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    }),
  )
  return content === undefined ? undefined : parse(path, content)
}

/** Replaces the file atomically and durably. */
export async function writeQuorumState(folder: string, state: QuorumState): Promise<void> {
  const { leaderId, leaderEpoch, votedId, votedDirectoryId } = state
  const content = JSON.stringify({ leaderId, leaderEpoch, votedId, votedDirectoryId, data_version: dataVersion })
  await replaceFile(join(folder, fileName), [Buffer.from(content)])
}

function parse(path: string, content: string): QuorumState {
  const refuse = (because: string): never => {
    throw new StartRefused(`log.dirs: ${path} ${because}. ${advice}`)
  }
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (error) {
    const [, at] = /at position (\d+)/.exec((error as Error).message) ?? []
    return refuse(`is not JSON from character ${at ?? content.length} of ${content.length} on`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('contains no JSON object')
  const found = value as Readonly<Record<string, unknown>>
  for (const name of Object.keys(found)) if (!Object.hasOwn(fields, name)) refuse(`has the unknown field '${name}'`)
  for (const [name, [expected, fits]] of Object.entries(fields)) {
    if (!Object.hasOwn(found, name)) refuse(`has no field '${name}'`)
    if (!fits(found[name])) refuse(`has the value ${JSON.stringify(found[name])} of '${name}': expected ${expected}`)
  }
  const { leaderId, leaderEpoch, votedId, votedDirectoryId } = found as unknown as QuorumState
  if (votedId < 0 && votedDirectoryId !== noDirectoryId) refuse(`has 'votedDirectoryId' ${votedDirectoryId} without 'votedId'`)
  return { leaderId, leaderEpoch, votedId, votedDirectoryId }
}
