import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTopic, readAll } from '../support/admin.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { connected } from '../support/connection.ts'
import { JavaProcess } from '../support/java-process.ts'
import { kafkaMissing } from '../support/kafka.ts'
import { long } from '../support/long.ts'
import { root } from '../support/root.ts'
import { javaTool } from './java-client.ts'

const limitMs = 180_000
const waitMs = 60_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: Kafka Streams, ${missing}`)

const text = Array.from({ length: 300 }, (_, i) => `the ${i % 7} quick ${i % 11} fox`)

describe.runIf(missing === null)('Kafka Streams: Kafka Streams:', () => {
  let broker: Broker
  const counts = async (): Promise<Map<string, number>> => {
    const found = await Promise.all(
      [0, 1].map((partition) => connected(broker.port, (connection) => readAll(connection, 'counts', partition))),
    )
    return new Map(found.flat().map(({ key, value }) => [String(key), Number(value)]))
  }
  const expected = (lines: readonly string[]): Map<string, number> => {
    const words = new Map<string, number>()
    for (const word of lines.flatMap((line) => line.split(' '))) words.set(word, (words.get(word) ?? 0) + 1)
    return words
  }

  beforeAll(async () => {
    broker = await startBroker({ settings: { 'group.initial.rebalance.delay.ms': '0' } })
    for (const topic of ['words', 'counts']) await connected(broker.port, (connection) => createTopic(connection, topic, 2))
  }, limitMs)

  afterAll(() => broker?.remove())

  test('counts every word, and continues from its changelog when its local state is lost', long(limitMs), async () => {
    const state = join(broker.folder, 'state')
    for (const times of [1, 2]) {
      await javaTool('ConsoleProducer', ['--bootstrap-server', broker.address, '--topic', 'words'], `${text.join('\n')}\n`)
      rmSync(state, { recursive: true, force: true })
      const source = join(root, 'test', 'interop', 'WordCount.java')
      const application = new JavaProcess(source, [broker.address, 'word-count', 'words', 'counts', state])
      const wanted = expected(Array.from({ length: times }, () => text).flat())
      try {
        let found = await counts()
        for (const end = performance.now() + waitMs; !sameCounts(found, wanted) && performance.now() < end; found = await counts())
          await pause(100)
        expect([...found].sort(), application.log.slice(-2000)).toEqual([...wanted].sort())
      } finally {
        await application.stop()
      }
    }
  })
})

const sameCounts = (a: Map<string, number>, b: Map<string, number>): boolean =>
  a.size === b.size && [...a].every(([word, n]) => b.get(word) === n)
