import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Broker, startBroker } from '../support/broker.ts'
import { run } from './client.ts'
import { kcatMissing } from './kcat-client.ts'

const limitMs = 60_000
const missing = kcatMissing()
if (missing) console.warn(`skipped: kcat, ${missing}`)

describe.runIf(missing === null)('kcat: kcat:', () => {
  let broker: Broker

  beforeAll(async () => {
    broker = await startBroker({ settings: { 'num.partitions': '4' } })
  }, limitMs)

  afterAll(() => broker?.remove())

  test(
    'reads twenty thousand lines that it wrote to a topic that did not exist',
    async () => {
      const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}`)
      await run(
        'kcat',
        ['-b', broker.address, '-P', '-t', 'lines', '-X', 'acks=all', '-X', 'enable.idempotence=true'],
        `${lines.join('\n')}\n`,
      )
      const read = await run('kcat', ['-b', broker.address, '-C', '-t', 'lines', '-o', 'beginning', '-e', '-q'])
      expect(read.toString().trimEnd().split('\n').sort()).toEqual([...lines].sort())
    },
    limitMs,
  )

  test(
    'finds the offset of a timestamp and the last records of a partition',
    async () => {
      const args = ['-b', broker.address, '-t', 'timed', '-p', '0']
      await run('kcat', [...args, '-P'], 'one\ntwo\n')
      const middle = Date.now() + 1
      while (Date.now() <= middle) await new Promise((resolve) => setImmediate(resolve))
      await run('kcat', [...args, '-P'], 'three\nfour\n')
      expect((await run('kcat', [...args, '-C', '-o', `s@${middle}`, '-e', '-q'])).toString()).toBe('three\nfour\n')
      expect((await run('kcat', [...args, '-C', '-o', '-1', '-e', '-q'])).toString()).toBe('four\n')
    },
    limitMs,
  )

  test(
    'lists brokers, topics and partitions',
    async () => {
      const listed = JSON.parse((await run('kcat', ['-b', broker.address, '-L', '-J'])).toString())
      expect(listed.brokers).toEqual([expect.objectContaining({ name: broker.address })])
      const lines = listed.topics.find((each: { topic: string }) => each.topic === 'lines')
      expect(lines.partitions).toHaveLength(4)
    },
    limitMs,
  )
})
