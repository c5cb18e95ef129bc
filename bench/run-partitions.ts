import { setTimeout as pause } from 'node:timers/promises'
import { createTopic } from '../test/support/admin.ts'
import { encodeBatch } from '../test/support/batch.ts'
import { type Connection, connected } from '../test/support/connection.ts'
import { api, produce, readProduce } from '../test/support/requests.ts'
import type { Brokers, Peer } from './peers.ts'
import type { Sample } from './sample.ts'

const partitionsPerTopic = 1000
/** Partitions of one produce request. */
const partitionsPerRequest = 250
/** After this time, what a start defers is done. */
const quietMs = 60_000
const idleMs = 30_000

/**
 * A broker with many partitions, each with a record, that is killed and started again: the time until it has acknowledged a record to the last
 * partition, and what it uses while it is idle.
 */
export async function runPartitions(brokers: Brokers, peer: Peer, partitions: number): Promise<Sample> {
  const broker = await brokers.prepare(peer)
  const topics = Array.from({ length: Math.ceil(partitions / partitionsPerTopic) }, (_, index) => `many-${index}`)
  try {
    await broker.start()
    await connected(broker.port, async (connection) => {
      for (const topic of topics) await fill(connection, topic)
    })
    await broker.kill()
    const began = performance.now()
    await broker.start()
    await connected(broker.port, (connection) => put(connection, topics.at(-1)!, partitionsPerTopic - 1, 1))
    const startMs = performance.now() - began
    await pause(quietMs)
    const before = broker.figures().cpuSeconds
    await pause(idleMs)
    const { cpuSeconds, rssMib } = broker.figures()
    return { startMs, idleCpuPercent: ((cpuSeconds - before) * 100_000) / idleMs, rssIdleMib: rssMib }
  } finally {
    await broker.remove()
  }
}

async function fill(connection: Connection, topic: string): Promise<void> {
  await createTopic(connection, topic, partitionsPerTopic)
  for (let first = 0; first < partitionsPerTopic; first += partitionsPerRequest) await put(connection, topic, first, partitionsPerRequest)
}

async function put(connection: Connection, topic: string, first: number, count: number): Promise<void> {
  const records = encodeBatch([{ value: Buffer.from('record') }])
  const parts = Array.from({ length: count }, (_, index) => ({ topic, partition: first + index, records }))
  const failed = readProduce(await connection.call(api.produce, produce(parts))).find(({ error }) => error !== 0)
  if (failed !== undefined) throw new Error(`a record to ${topic}-${failed.partition} was rejected with error ${failed.error}`)
}
