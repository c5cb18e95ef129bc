import { setTimeout as pause } from 'node:timers/promises'
import { ComparisonClient } from './comparison-client.ts'
import { differences } from './likeness.ts'
import { randomSteps, type Step, suffixOf } from './random-request.ts'
import { type Recorded, shownStep } from './recording.ts'

export interface Difference {
  readonly seed: number
  /** Number of the request in its sequence. */
  readonly index: number
  readonly step: Step
  /** Where the responses differ: those of Kafka and of Millrace. */
  readonly where: readonly string[]
}

export interface Ports {
  readonly kafka: number
  readonly millrace: number
}

/** Kafka's broker applies these some time after the response. */
const changesTopics = /^(CreateTopics|DeleteTopics|CreatePartitions)$/
/** Requests that can be repeated. */
const readsOnly = /^(List|Describe|OffsetFetch|OffsetForLeaderEpoch|Metadata|FindCoordinator|ConsumerGroupDescribe|ApiVersions)/
const triesMax = 16
const betweenMs = 25
/** Kafka's responses to waiting members arrive within it, on a busy machine too. */
const arrivalMs = 150

const canRepeat = ({ api, fields }: Step): boolean => readsOnly.test(api.name) || (api.name === 'Fetch' && fields['sessionEpoch'] === -1)

/** Sends one sequence to both, and finds every request whose responses are not alike. `recorded` are the responses of Kafka. */
export async function compareBrokers(
  ports: Ports,
  seed: number,
  steps: number,
  only?: RegExp,
): Promise<{ asked: number; found: Difference[]; recorded: Recorded[] }> {
  const clients = {
    kafka: new ComparisonClient(ports.kafka, suffixOf(seed)),
    millrace: new ComparisonClient(ports.millrace, suffixOf(seed)),
  }
  const found: Difference[] = []
  const recorded: Recorded[] = []
  let index = 0
  try {
    for (const step of randomSteps(seed, only)) {
      if (index > steps) break
      if (!clients.kafka.isWaiting(step) && !clients.millrace.isWaiting(step)) {
        const { where, kafka } = await compare(clients, step)
        recorded.push({ index, request: shownStep(step), ...kafka })
        if (where.length > 0) found.push({ seed, index, step, where })
      }
      index += 1
    }
  } finally {
    for (const each of Object.values(clients)) each.close()
  }
  return { asked: recorded.length, found, recorded }
}

type ComparisonClients = Readonly<Record<'kafka' | 'millrace', ComparisonClient>>
type Responses = Omit<Recorded, 'index' | 'request'>

async function compare({ kafka, millrace }: ComparisonClients, step: Step): Promise<{ where: string[]; kafka: Responses }> {
  const [response, where] = await agreement(
    async () => Promise.all([kafka.send(step), millrace.send(step)]),
    canRepeat(step) ? triesMax : 1,
  )
  const responses: { -readonly [K in keyof Responses]: Responses[K] } = { response }
  if (changesTopics.test(step.api.name)) {
    const [topics, differing] = await agreement(() => Promise.all([kafka.topics(), millrace.topics()]), triesMax, 'topics afterwards')
    responses.topics = topics
    where.push(...differing)
  }
  if (kafka.isAnyWaiting || millrace.isAnyWaiting) {
    // A waiting member gets its response some time after the request of another member.
    await pause(arrivalMs)
    for (let tries = 1; tries < triesMax && kafka.arrived.length !== millrace.arrived.length; tries++) await pause(betweenMs)
    responses.arrived = kafka.take()
    where.push(...differences(responses.arrived, millrace.take(), 'arrived now'))
  }
  return { where, kafka: responses }
}

/** Reads from both until they agree. Returns what the first has, and the differences. */
async function agreement(
  read: () => Promise<readonly [unknown, unknown]>,
  triesOf: number,
  path = '',
): Promise<[kafka: unknown, where: string[]]> {
  for (let tries = 1; ; tries++) {
    const [kafka, millrace] = await read()
    const where = differences(kafka, millrace, path)
    if (where.length === 0 || tries >= triesOf) return [kafka, where]
    await pause(betweenMs)
  }
}

/** Sends one sequence to Millrace, and compares its responses with those that were recorded. */
export async function replay(port: number, seed: number, recorded: readonly Recorded[]): Promise<Difference[]> {
  const millrace = new ComparisonClient(port, suffixOf(seed))
  const found: Difference[] = []
  const byIndex = new Map(recorded.map((each) => [each.index, each]))
  let index = 0
  try {
    for (const step of randomSteps(seed)) {
      if (index > recorded.at(-1)!.index) break
      const expected = byIndex.get(index)
      const where = expected === undefined ? [] : await compareRecorded(millrace, step, expected)
      if (where.length > 0) found.push({ seed, index, step, where })
      index += 1
    }
  } finally {
    millrace.close()
  }
  return found
}

async function compareRecorded(
  millrace: ComparisonClient,
  step: Step,
  { request, response, topics, arrived }: Recorded,
): Promise<string[]> {
  if (shownStep(step) !== request) return [`the request: ${request}: record again with UPDATE=1`]
  if (millrace.isWaiting(step)) return ['its member: the response had arrived / waits']
  const [, where] = await agreement(async () => [response, await millrace.send(step)], canRepeat(step) ? triesMax : 1)
  if (topics !== undefined) {
    const [, differing] = await agreement(async () => [topics, await millrace.topics()], triesMax, 'topics afterwards')
    where.push(...differing)
  }
  if (arrived !== undefined && arrived.length > 0) {
    // A response that arrives earlier than Kafka's is used no earlier: later requests depend on it.
    const members = arrived.map((line) => line.slice(0, line.indexOf(':')))
    const isMissing = (): boolean => members.some((member) => !millrace.arrived.includes(member))
    for (let tries = 1; tries < triesMax && isMissing(); tries++) await pause(betweenMs)
    where.push(...differences(arrived, millrace.take(members), 'arrived now'))
  }
  return where
}

/** A difference in readable form: its seed, its request, and where. */
export const shownDifference = ({ seed, index, step, where }: Difference): string =>
  `seed ${seed}, request ${index}: ${shownStep(step)}\n${where.map((each) => `    Kafka / Millrace at ${each}`).join('\n')}`
