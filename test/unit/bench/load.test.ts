import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { produceProcess, tailProcess } from '../../../bench/load/process.ts'
import { createTopic, readAll } from '../../support/admin.ts'
import { type Broker, startBroker } from '../../support/broker.ts'
import { connected } from '../../support/connection.ts'

/** The test starts a broker and load processes, unlike other unit tests. */
const limitMs = 60_000
const partitions = 3
let broker: Broker

beforeAll(async () => {
  broker = await startBroker()
}, limitMs)

afterAll(() => broker?.remove())

for (const isIdempotent of [false, true]) {
  test(
    `load generator: a reader finds exactly the records that the load generator counts${isIdempotent ? ', with sequences' : ''}`,
    async () => {
      const topic = `load-${isIdempotent}`
      await connected(broker.port, (connection) => createTopic(connection, topic, partitions))
      const shape = { partitions, connections: 2, inFlight: 5, batchBytes: 8192, recordBytes: 100, acks: -1, isIdempotent }
      const producer = produceProcess({ ...shape, port: broker.port, topic, mibMax: 2, secondsMax: 20, mibPerSecond: 20 })
      const tail = tailProcess({ port: broker.port, topic, partitions, partitionMaxBytes: 1 << 20, maxBytes: 4 << 20 })
      await Promise.all([producer.ready, tail.ready])
      tail.send({ type: 'go' })
      producer.send({ type: 'go' })
      const produced = await producer.done
      tail.send({ type: 'until', ends: produced.ends })
      const tailed = await tail.done
      expect(produced.mib).toBeGreaterThan(1.9)
      expect(tailed.mib).toBeCloseTo(produced.mib, 5)
      const read = await connected(broker.port, async (connection) => {
        let count = 0
        for (let partition = 0; partition < partitions; partition += 1) count += (await readAll(connection, topic, partition)).length
        return count
      })
      expect(read).toBe(produced.records)
    },
    limitMs,
  )
}

test(
  'load generator: a repeated reader starts again at its end, and a stopped producer and reader end with what they have counted',
  async () => {
    const topic = 'stopped'
    await connected(broker.port, (connection) => createTopic(connection, topic))
    const shape = { partitions: 1, connections: 2, inFlight: 5, batchBytes: 8192, recordBytes: 100, acks: -1, isIdempotent: false }
    const to = { port: broker.port, topic }
    const filling = produceProcess({ ...shape, ...to, mibMax: 1, secondsMax: 20, mibPerSecond: null })
    await filling.ready
    filling.send({ type: 'go' })
    const filled = await filling.done

    const producer = produceProcess({ ...shape, ...to, mibMax: 1e6, secondsMax: 60, mibPerSecond: 5 })
    const limits = { partitions: 1, partitionMaxBytes: 1 << 20, maxBytes: 4 << 20 }
    const tail = tailProcess({ ...to, ...limits, startOffsets: filled.ends })
    let repeatedMib = 0
    const repeated = tailProcess({ ...to, ...limits, isRepeated: true }, { onProgress: (mib) => (repeatedMib = mib) })
    await Promise.all([producer.ready, tail.ready, repeated.ready])
    repeated.send({ type: 'until', ends: filled.ends })
    for (const each of [producer, tail, repeated]) each.send({ type: 'go' })
    while (repeatedMib < 3 * filled.mib) await pause(20)
    producer.send({ type: 'stop' })
    const produced = await producer.done
    repeated.send({ type: 'stop' })
    tail.send({ type: 'until', ends: produced.ends })
    const [tailed, read] = await Promise.all([tail.done, repeated.done])
    expect(produced.records).toBeGreaterThan(0)
    expect(tailed.records).toBe(produced.records)
    expect(tailed.mib).toBeCloseTo(produced.mib, 5)
    expect(read.records).toBeGreaterThan(2 * filled.records)
  },
  limitMs,
)
