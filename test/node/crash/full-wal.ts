import { produceProcess } from '../../../bench/load/process.ts'
import { createTopic, endOffset } from '../../support/admin.ts'
import { type Broker, startBroker } from '../../support/broker.ts'
import { connected } from '../../support/connection.ts'

const topic = 'full'
const mib = 2 ** 20
/** With a threshold, uploads start when half of the log is full at the latest. So a log that is twice as large contains `bytes` unstored. */
const unstoredShare = 1 / 2
const logMemoryBytes = 128 * mib
const shape = { partitions: 4, connections: 4, inFlight: 5, batchBytes: 64 << 10, recordBytes: 1024, acks: -1, isIdempotent: false }

export interface FullRecovery {
  readonly writtenMib: number
  readonly writeSeconds: number
  /** Figures that the broker logs about its recovery, and the time until a client's first response. */
  readonly records: number
  readonly bytes: number
  readonly milliseconds: number
  readonly answerMs: number
}

/** Fills a log almost up to the start of uploads, kills the broker at that time, and starts it again. */
export async function recoverFull(bytes: number): Promise<FullRecovery> {
  const capacity = Math.ceil((bytes + logMemoryBytes) / unstoredShare / logMemoryBytes) * logMemoryBytes
  const broker = await startBroker({
    settings: {
      's3.wal.path': `file://?capacity=${capacity}`,
      's3.wal.cache.size': String(logMemoryBytes),
      's3.wal.upload.threshold': String(capacity),
      's3.wal.upload.interval.ms': '-1',
    },
  })
  try {
    await connected(broker.port, (connection) => createTopic(connection, topic, shape.partitions))
    const load = produceProcess({ ...shape, port: broker.port, topic, mibMax: bytes / mib, secondsMax: 600, mibPerSecond: null })
    await load.ready
    load.send({ type: 'go' })
    const written = await load.done
    await broker.kill()
    const answerMs = await broker.start()
    await connected(broker.port, async (connection) => {
      for (const [partition, acknowledged] of written.ends.entries()) {
        const found = await endOffset(connection, topic, partition)
        if (found < acknowledged) throw new Error(`partition ${partition} ends at ${found}, but ${acknowledged} records were acknowledged`)
      }
    })
    const output = recoveryOf(broker)
    return { writtenMib: written.mib, writeSeconds: written.seconds, ...output, answerMs }
  } finally {
    await broker.remove()
  }
}

/** Figures that the last start has logged. */
function recoveryOf(broker: Broker): { records: number; bytes: number; milliseconds: number } {
  const lines = broker.log.split('\n').filter((line) => line.includes('recovered the write-ahead log'))
  const { records, bytes, milliseconds } = JSON.parse(lines.at(-1) ?? '{}') as { records: number; bytes: number; milliseconds: number }
  return { records, bytes, milliseconds }
}

export const sentence = ({ writtenMib, writeSeconds, records, bytes, milliseconds, answerMs }: FullRecovery): string =>
  `${writtenMib.toFixed(0)} MiB written in ${writeSeconds.toFixed(1)} s; killed; ` +
  `recovered ${(bytes / mib).toFixed(0)} MiB in ${records} records in ${milliseconds} ms, ${((bytes / mib / milliseconds) * 1000).toFixed(0)} MiB/s; ` +
  `first answer ${answerMs.toFixed(0)} ms after the start`
