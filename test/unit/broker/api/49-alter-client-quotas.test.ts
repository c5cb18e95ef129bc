import { expect, test } from 'vitest'
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from '../../../../src/wire/api/48-describe-client-quotas.ts'
import { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../../../../src/wire/api/49-alter-client-quotas.ts'
import { type BrokerWorld, brokerWorld } from '../broker-world.ts'

type Part = readonly [entityType: string, entityName: string | null]
type Operation = readonly [key: string, value: number, remove?: boolean]

async function alter(world: BrokerWorld, parts: readonly Part[], operations: readonly Operation[], validateOnly = false): Promise<string> {
  const entity = parts.map(([entityType, entityName]) => ({ entityType, entityName }))
  const ops = operations.map(([key, value, remove = false]) => ({ key, value, remove }))
  const { entries } = await world.call(AlterClientQuotasRequest, AlterClientQuotasResponse, 1, { entries: [{ entity, ops }], validateOnly })
  return entries[0]!.errorCode === 0 ? 'done' : `${entries[0]!.errorCode} ${entries[0]!.errorMessage}`
}

async function described(
  world: BrokerWorld,
  parts: readonly (readonly [string, number, string | null])[],
  strict = false,
): Promise<string[]> {
  const components = parts.map(([entityType, matchType, match]) => ({ entityType, matchType, match }))
  const answer = await world.call(DescribeClientQuotasRequest, DescribeClientQuotasResponse, 1, { components, strict })
  if (answer.entries === null) return [`error ${answer.errorCode}`]
  return answer.entries.map(({ entity, values }) => {
    const who = entity.map(({ entityType, entityName }) => `${entityType}=${entityName ?? '<default>'}`)
    return `${who.join(' ')}: ${values.map(({ key, value }) => `${key} ${value}`).join(', ')}`
  })
}

test('AlterClientQuotas: quotas are recorded for an entity with its parts in any order, and survive a restart', async () => {
  const world = await brokerWorld()
  const alice: Part = ['user', 'alice']
  expect(await alter(world, [alice, ['client-id', 'c']], [['producer_byte_rate', 1000]])).toBe('done')
  expect(await alter(world, [['client-id', 'c'], alice], [['request_percentage', 12.5]])).toBe('done')
  await alter(world, [['user', null]], [['consumer_byte_rate', 5]])
  const again = await brokerWorld({ log: world.log })
  expect(await described(again, [])).toEqual([
    'client-id=c user=alice: producer_byte_rate 1000, request_percentage 12.5',
    'user=<default>: consumer_byte_rate 5',
  ])
  await alter(again, [['user', null]], [['consumer_byte_rate', 0, true]])
  expect(await described(again, [['user', 1, null]])).toEqual([])
})

test('AlterClientQuotas: a filter matches all its components, and a strict one no others', async () => {
  const world = await brokerWorld()
  await alter(world, [['user', 'alice']], [['producer_byte_rate', 1]])
  await alter(
    world,
    [
      ['user', 'alice'],
      ['client-id', 'c'],
    ],
    [['producer_byte_rate', 2]],
  )
  await alter(world, [['user', null]], [['producer_byte_rate', 3]])
  await alter(world, [['ip', '127.0.0.1']], [['connection_creation_rate', 4]])
  const rates = async (...of: Parameters<typeof described> extends [unknown, ...infer Rest] ? Rest : never): Promise<string[]> =>
    (await described(world, ...of)).map((line) => line.at(-1)!)
  expect(await rates([])).toEqual(['1', '2', '3', '4'])
  expect(await rates([], true)).toEqual([])
  expect(await rates([['user', 0, 'alice']])).toEqual(['1', '2'])
  expect(await rates([['user', 0, 'alice']], true)).toEqual(['1'])
  expect(await rates([['user', 2, null]], true)).toEqual(['1', '3'])
  expect(await rates([['user', 1, null]])).toEqual(['3'])
  expect(
    await rates([
      ['user', 2, null],
      ['client-id', 0, 'c'],
    ]),
  ).toEqual(['2'])
})

test.each<[readonly Part[], readonly Operation[]]>([
  [[], [['producer_byte_rate', 1]]],
  [[['user', '']], [['producer_byte_rate', 1]]],
  [[['host', 'a']], [['producer_byte_rate', 1]]],
  [
    [
      ['user', 'a'],
      ['ip', '1.2.3.4'],
    ],
    [['producer_byte_rate', 1]],
  ],
  [[['ip', 'not an address']], [['connection_creation_rate', 1]]],
  [[['ip', '1.2.3.400']], [['connection_creation_rate', 1]]],
  [[['ip', '1.2.3.4']], [['producer_byte_rate', 1]]],
  [[['user', 'a']], [['connection_creation_rate', 1]]],
  [[['user', 'a']], [['toString', 1]]],
  [[['user', 'a']], [['producer_byte_rate', 0]]],
  [[['user', 'a']], [['producer_byte_rate', Number.NaN]]],
  [[['user', 'a']], [['producer_byte_rate', 1.5]]],
  [[['user', 'a']], [['producer_byte_rate', 1e300]]],
  [[['ip', '1.2.3.4']], [['connection_creation_rate', 2 ** 31]]],
  [
    [['user', 'a']],
    [
      ['producer_byte_rate', 1],
      ['producer_byte_rate', 2],
    ],
  ],
])('AlterClientQuotas: for %j no quota %j is recorded', async (parts, operations) => {
  const world = await brokerWorld()
  expect(await alter(world, parts, operations)).toMatch(/^42 /)
  expect(await described(world, [])).toEqual([])
})

test('AlterClientQuotas: a request that only validates records nothing', async () => {
  const world = await brokerWorld()
  expect(await alter(world, [['user', 'a']], [['producer_byte_rate', 1]], true)).toBe('done')
  expect(await described(world, [])).toEqual([])
})

test.each([
  [[['host', 2, null]], 35],
  [
    [
      ['user', 2, null],
      ['user', 2, null],
    ],
    42,
  ],
  [[['user', 3, null]], 42],
  [[['user', 0, null]], 42],
  [[['user', 1, 'a']], 42],
  [[['', 0, 'a']], 42],
  [
    [
      ['ip', 2, null],
      ['user', 2, null],
    ],
    42,
  ],
] as [readonly (readonly [string, number, string | null])[], number][])(
  'AlterClientQuotas: the filter %j is rejected',
  async (parts, code) => {
    expect(await described(await brokerWorld(), parts)).toEqual([`error ${code}`])
  },
)
