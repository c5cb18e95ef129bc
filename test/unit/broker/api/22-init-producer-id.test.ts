import { expect, test } from 'vitest'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../../src/wire/api/22-init-producer-id.ts'
import { MemoryLog } from '../../controller/world.ts'
import { type BrokerWorld, brokerWorld } from '../broker-world.ts'

const call = (world: BrokerWorld, fields: Partial<InitProducerIdRequest>, version = 5): Promise<InitProducerIdResponse> =>
  world.call(InitProducerIdRequest, InitProducerIdResponse, version, { transactionalId: null, ...fields })

test('InitProducerId: every producer has its own id, over blocks and restarts', async () => {
  const log = new MemoryLog()
  const world = await brokerWorld({ log })
  const ids = await Promise.all(Array.from({ length: 2500 }, async () => (await call(world, {})).producerId))
  expect([new Set(ids).size, log.appends]).toEqual([2500, 4])
  const again = await call(await brokerWorld({ log }), {}, 0)
  expect(again).toMatchObject({ errorCode: 0, producerId: 3000n, producerEpoch: 0 })
})

test.each<[Partial<InitProducerIdRequest>, number]>([
  [{ transactionalId: '' }, 42],
  [{ transactionalId: 'x', transactionTimeoutMs: 900_001 }, 50],
  [{ transactionalId: 'x', transactionTimeoutMs: 0 }, 50],
  [{ transactionalId: 'x', transactionTimeoutMs: 60_000 }, 35],
  [{ producerId: 5n }, 42],
  [{ producerEpoch: 5 }, 42],
])('InitProducerId: %o is answered with error %d', async (fields, error) => {
  expect(await call(await brokerWorld(), fields)).toMatchObject({ errorCode: error, producerId: -1n, producerEpoch: -1 })
})
