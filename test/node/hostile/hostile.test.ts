import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTopic, endOffset, newProducer } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { type Broker, brokerKind, startBroker } from '../../support/broker.ts'
import { Writer } from '../../support/bytes.ts'
import { Connection, connected } from '../../support/connection.ts'
import { api, produce, requestFrame } from '../../support/requests.ts'
import { answerCases } from './answer-cases.ts'
import { type Case, type Ground, topics } from './cases.ts'
import { frameCases } from './frame-cases.ts'

const startMs = 60_000
let broker: Broker

beforeAll(async () => {
  broker = await startBroker({ settings: { 'auto.create.topics.enable': 'false' } })
  await connected(broker.port, async (connection) => {
    for (const topic of topics) await createTopic(connection, topic.name, topic.partitions, topic.configs)
    const records = encodeBatch([{ value: Buffer.from('first') }])
    await connection.call(api.produce, produce([{ topic: 'plain', partition: 0, records }]))
  })
}, startMs)

afterAll(() => broker?.remove())

/** The error code of the last response, or `closed` for a closed connection. */
async function outcome(attempt: Case): Promise<number | 'closed'> {
  const ground = await connected(broker.port, async (connection): Promise<Ground> => {
    return { producer: await newProducer(connection), end: await endOffset(connection, 'plain', 0) }
  })
  const connection = await Connection.open(broker.port)
  try {
    const frames = attempt.frames(ground)
    const { expected } = attempt
    const isFlexible = expected.type === 'code' && expected.isFlexible
    const answers = frames.map((frame) => connection.exchange(frame, isFlexible))
    for (const answer of answers) answer.catch(() => {})
    const last = await answers.at(-1)!.catch(() => null)
    if (last === null) return 'closed'
    return expected.type === 'code' ? expected.codeOf(last) : 0
  } finally {
    await connection.close()
  }
}

const applies = (attempt: Case): boolean => brokerKind() === 'millrace' || attempt.kafka === undefined

const stillAnswers = (): Promise<number> =>
  connected(broker.port, async (connection) => (await connection.call(api.apiVersions, new Writer())).int16())

for (const [title, cases] of Object.entries({ 'Frames that are not requests': frameCases, 'Requests that must be refused': answerCases })) {
  describe(title, () => {
    test.each(cases.filter(applies).map((each) => [each.name, each] as const))('hostile: %s', async (_, attempt) => {
      const found = await outcome(attempt)
      const { expected } = attempt
      if (expected.type === 'close') expect(found).toBe('closed')
      else if (expected.type === 'code') expect(expected.codes).toContain(found)
      expect(await stillAnswers()).toBe(0)
    })
  })
}

test('hostile: a thousand requests at once are answered in their order', async () => {
  await connected(broker.port, async (connection) => {
    const received: number[] = []
    const frames = Array.from({ length: 1000 }, (_, index) => requestFrame(api.apiVersions, new Writer(), index))
    await Promise.all(frames.map((frame) => connection.exchange(frame, false).then((answer) => received.push(answer.bytes.readInt32BE(0)))))
    expect(received).toEqual(frames.map((_, index) => index))
  })
})
