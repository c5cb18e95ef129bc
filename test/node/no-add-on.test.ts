import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { createTopic } from '../support/admin.ts'
import { encodeBatch } from '../support/batch.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { connected } from '../support/connection.ts'
import { api, fetchRequest, produce, readFetch, readProduce } from '../support/requests.ts'

let broker: Broker | undefined
afterEach(() => broker?.remove())

test.runIf(process.platform === 'linux')(
  'process: a broker that has served a producer and a consumer has no native add-on mapped',
  async () => {
    broker = await startBroker()
    await connected(broker.port, async (connection) => {
      await createTopic(connection, 't')
      const records = encodeBatch([{ value: Buffer.from('record') }])
      const produced = await connection.call(api.produce, produce([{ topic: 't', partition: 0, records }]))
      expect(readProduce(produced)[0]!.error).toBe(0)
      const fetched = await connection.call(api.fetch, fetchRequest([{ topic: 't', partition: 0, offset: 0n }], { waitMs: 0 }))
      expect(readFetch(fetched).parts[0]!.error).toBe(0)
    })
    const maps = readFileSync(`/proc/${broker.pid}/maps`, 'utf8')
    expect(maps).toContain('/node')
    expect(maps.split('\n').filter((line) => line.endsWith('.node'))).toEqual([])
  },
)
