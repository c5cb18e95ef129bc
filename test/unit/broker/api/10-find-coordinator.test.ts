import { expect, test } from 'vitest'
import { MetadataRequest, MetadataResponse } from '../../../../src/wire/api/03-metadata.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../../src/wire/api/10-find-coordinator.ts'
import { brokerWorld } from '../broker-world.ts'

test('FindCoordinator: this node coordinates every group, and the first request creates the offsets topic', async () => {
  const world = await brokerWorld()
  const find = (version: number, fields: Partial<FindCoordinatorRequest>, listener?: string) =>
    world.call(FindCoordinatorRequest, FindCoordinatorResponse, version, fields, listener)
  expect(await find(0, { key: 'g' })).toMatchObject({ errorCode: 0, nodeId: 1, host: 'here', port: 9092 })
  expect(await find(3, { key: 'g' }, 'OUTSIDE')).toMatchObject({ errorCode: 0, nodeId: 1, host: 'there', port: 9999 })
  const batch = await find(6, { coordinatorKeys: ['g', 'h'], keyType: 0 })
  expect(batch.coordinators.map(({ key, errorCode, nodeId }) => `${key} ${errorCode} ${nodeId}`)).toEqual(['g 0 1', 'h 0 1'])
  const { topics } = await world.call(MetadataRequest, MetadataResponse, 12, { topics: null })
  expect(topics.map(({ name, isInternal, partitions }) => [name, isInternal, partitions.length])).toEqual([
    ['__consumer_offsets', true, 50],
  ])
})

test('FindCoordinator: transactions and share groups have no coordinator, and other types do not exist', async () => {
  const world = await brokerWorld()
  const error = async (version: number, keyType: number) =>
    (await world.call(FindCoordinatorRequest, FindCoordinatorResponse, version, { coordinatorKeys: ['k'], keyType })).coordinators[0]!
      .errorCode
  expect([await error(4, 1), await error(5, 2), await error(6, 2), await error(6, 9)]).toEqual([35, 42, 15, 42])
})
