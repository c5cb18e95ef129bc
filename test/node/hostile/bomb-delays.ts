import { pathToFileURL } from 'node:url'
import { createTopic } from '../../support/admin.ts'
import { encodeBatch } from '../../support/batch.ts'
import { gzipBomb, lz4Bomb, snappyBomb, zstdBomb, zstdFar } from '../../support/bombs.ts'
import { type Broker, startBroker } from '../../support/broker.ts'
import { Connection, connected } from '../../support/connection.ts'
import { api, produce, readProduce } from '../../support/requests.ts'

const quietMs = 1000
const mebibyte = 1 << 20

/** Requests of a connection beside others: their number, and the longest latency. */
interface Beats {
  readonly count: number
  readonly longestMs: number
}

export interface BombDelays {
  /** Error codes of the responses to the bombs. */
  readonly errors: readonly number[]
  readonly seconds: number
  readonly before: Beats
  readonly during: Beats
  readonly rssGrowthMib: number
}

/** Batches that decompress to gigabytes, one or more in each codec. */
export const bombs = (): Buffer[] => [
  zstdBomb(1800 * mebibyte),
  zstdBomb(1800 * mebibyte),
  gzipBomb(900 * mebibyte),
  lz4Bomb(230 * mebibyte),
  snappyBomb(20 * mebibyte),
]
/** Batches with back references beyond the windows of validator threads. */
export const farBombs = (): Buffer[] => [
  zstdFar(1800 * mebibyte, 120 * mebibyte),
  zstdFar(900 * mebibyte, 127 * mebibyte),
  zstdFar(40 * mebibyte, 20 * mebibyte),
]

const send = async (connection: Connection, topic: string, partition: number, records: Buffer): Promise<number> =>
  readProduce(await connection.call(api.produce, produce([{ topic, partition, records }])))[0]!.error

/** Small batches, one after the other, until `isOver`. */
function beats(port: number, topic: string, isOver: () => boolean): Promise<Beats> {
  const records = encodeBatch([{ value: Buffer.from('beat') }])
  return connected(port, async (connection) => {
    let longestMs = 0
    let count = 0
    for (; !isOver(); count++) {
      const began = performance.now()
      const error = await send(connection, topic, 1, records)
      if (error !== 0) throw new Error(`a small batch was rejected with error ${error}`)
      longestMs = Math.max(longestMs, performance.now() - began)
    }
    return { longestMs, count }
  })
}

/** Produces batches, each on a separate connection, and small ones beside them. */
export async function bombDelays(broker: Broker, topic: string, batches: readonly Buffer[]): Promise<BombDelays> {
  await connected(broker.port, (connection) => createTopic(connection, topic, 2))
  const quietUntil = performance.now() + quietMs
  const before = await beats(broker.port, topic, () => performance.now() > quietUntil)
  const rssBefore = broker.figures().rssMib
  let rssMost = rssBefore
  const connections = await Promise.all(batches.map(() => Connection.open(broker.port)))
  let isOver = false
  const beating = beats(broker.port, topic, () => {
    rssMost = Math.max(rssMost, broker.figures().rssMib)
    return isOver
  })
  const began = performance.now()
  const errors = await Promise.all(batches.map((batch, i) => send(connections[i]!, topic, 0, batch)))
  const seconds = (performance.now() - began) / 1000
  isOver = true
  const during = await beating
  await Promise.all(connections.map((connection) => connection.close()))
  return { errors, seconds, before, during, rssGrowthMib: rssMost - rssBefore }
}

/** `node src/cli/run.mjs test/node/hostile/bomb-delays.ts`: the figures of a quiet machine. */
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const broker = await startBroker()
  try {
    console.log(await bombDelays(broker, 'bombs', bombs()))
    console.log(await bombDelays(broker, 'far', farBombs()))
  } finally {
    await broker.remove()
  }
}
