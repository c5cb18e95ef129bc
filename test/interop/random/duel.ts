import { setTimeout as pause } from 'node:timers/promises'
import { differences } from './likeness.ts'
import { randomSteps, type Step, suffixOf } from './random-request.ts'
import { Speaker } from './speaker.ts'

export interface Difference {
  readonly seed: number
  /** Which request of its sequence. */
  readonly index: number
  readonly step: Step
  /** Where the answers differ: the answers of Kafka and of Millrace. */
  readonly where: readonly string[]
}

export interface Ports {
  readonly kafka: number
  readonly millrace: number
}

/** What Kafka's broker applies some time after the response. */
const changesTopics = /^(CreateTopics|DeleteTopics|CreatePartitions)$/
/** Requests that can be repeated. */
const asksOnly = /^(List|Describe|OffsetFetch|OffsetForLeaderEpoch|Metadata|FindCoordinator|ConsumerGroupDescribe|ApiVersions)/
const triesMax = 16
const betweenMs = 25

/** Sends one sequence to both, and finds every request whose answers are not alike. */
export async function duel(ports: Ports, seed: number, steps: number, only?: RegExp): Promise<{ asked: number; found: Difference[] }> {
  const speakers = { kafka: new Speaker(ports.kafka, suffixOf(seed)), millrace: new Speaker(ports.millrace, suffixOf(seed)) }
  const found: Difference[] = []
  let asked = 0
  let index = 0
  try {
    for (const step of randomSteps(seed, only)) {
      if (index > steps) break
      if (!speakers.kafka.isWaiting(step) && !speakers.millrace.isWaiting(step)) {
        asked += 1
        const where = await compare(speakers, step)
        if (where.length > 0) found.push({ seed, index, step, where })
      }
      index += 1
    }
  } finally {
    for (const each of Object.values(speakers)) each.close()
  }
  return { asked, found }
}

type Speakers = Readonly<Record<'kafka' | 'millrace', Speaker>>

async function compare(speakers: Speakers, step: Step): Promise<string[]> {
  const { kafka, millrace } = speakers
  const say = async (): Promise<string[]> => {
    const [theirs, ours] = await Promise.all([kafka.say(step), millrace.say(step)])
    return differences(theirs, ours)
  }
  const canRepeat = asksOnly.test(step.api.name) || (step.api.name === 'Fetch' && step.fields['sessionEpoch'] === -1)
  let where = await say()
  for (let tries = 1; where.length > 0 && canRepeat && tries < triesMax; tries++) {
    await pause(betweenMs)
    where = await say()
  }
  if (changesTopics.test(step.api.name)) where.push(...(await agreement(() => topicsOf(speakers))))
  if (kafka.isAnyWaiting || millrace.isAnyWaiting) where.push(...(await waitingOf(speakers)))
  return where
}

async function topicsOf({ kafka, millrace }: Speakers): Promise<string[]> {
  const [theirs, ours] = await Promise.all([kafka.topics(), millrace.topics()])
  return differences(theirs, ours, 'topics afterwards')
}

async function agreement(look: () => Promise<string[]>): Promise<string[]> {
  for (let tries = 1; ; tries++) {
    const where = await look()
    if (where.length === 0 || tries >= triesMax) return where
    await pause(betweenMs)
  }
}

/** A waiting group member is answered some time after the request of another member: when neither broker answers for a while. */
async function waitingOf({ kafka, millrace }: Speakers): Promise<string[]> {
  await pause(betweenMs)
  for (let tries = 1; tries < triesMax && kafka.settledCount !== millrace.settledCount; tries++) await pause(betweenMs)
  return differences(kafka.settled(), millrace.settled(), 'answered now')
}

/** A difference in readable form: which seed, which request, and where. */
export const shownDifference = ({ seed, index, step, where }: Difference): string =>
  `seed ${seed}, request ${index}: ${step.api.name} v${step.version} ${shownRequest(step.fields)}\n${where.map((each) => `    Kafka / Millrace at ${each}`).join('\n')}`

const shownRequest = (fields: Record<string, unknown>): string =>
  JSON.stringify(fields, (_, value) =>
    typeof value === 'bigint' ? Number(value) : isBuffer(value) ? Buffer.from(value.data).toString('latin1') : value,
  )

const isBuffer = (value: unknown): value is { data: number[] } => (value as { type?: string } | null)?.type === 'Buffer'
