import { afterAll, beforeAll, expect, test } from 'vitest'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../src/wire/api/18-api-versions.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../src/wire/api/44-incremental-alter-configs.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { WireClient } from '../support/wire-client.ts'

const limitMs = 60_000
const [set, remove, brokerType] = [0, 1, 4]
let broker: Broker
let admin: WireClient

beforeAll(async () => {
  broker = await startBroker()
  admin = await WireClient.open(broker.port)
}, limitMs)
afterAll(async () => {
  admin?.close()
  await broker?.remove()
})

async function alter(name: string, configOperation: number, value: string | null, resourceName = '1'): Promise<number> {
  const resources = [{ resourceType: brokerType, resourceName, configs: [{ name, configOperation, value }] }]
  const { responses } = await admin.call(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, { resources })
  return responses[0]!.errorCode
}

/** Whether another connection beside the one that alters is served. */
async function isServed(): Promise<boolean> {
  const client = await WireClient.open(broker.port)
  const answer = await client
    .call(ApiVersionsRequest, ApiVersionsResponse, 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })
    .catch(() => undefined)
  client.close()
  return answer?.errorCode === 0
}

test.each([
  ['max.connections', '1', 'max.connections', '1000'],
  ['max.connections.per.ip', '1', 'max.connections.per.ip', '1000'],
  ['max.connections.per.ip.overrides', '127.0.0.1:1', 'max.connections.per.ip.overrides', '127.0.0.2:1'],
])(
  'connection limits: %s=%s holds from its answer on, for connections that come, and %s=%s lets them in again',
  async (name, few, again, many) => {
    expect(await isServed()).toBe(true)
    expect(await alter(name, set, few)).toBe(0)
    expect(await isServed()).toBe(false)
    expect(await alter(again, set, many)).toBe(0)
    expect(await isServed()).toBe(true)
    expect(await alter(name, remove, null)).toBe(0)
  },
)

test('connection limits: an override of a single address counts for more than the limit of all', async () => {
  expect(await alter('max.connections.per.ip', set, '1', '')).toBe(0)
  expect(await alter('max.connections.per.ip.overrides', set, '127.0.0.1:50')).toBe(0)
  expect(await isServed()).toBe(true)
  expect(await alter('max.connections.per.ip.overrides', remove, null)).toBe(0)
  expect(await isServed()).toBe(false)
  expect(await alter('max.connections.per.ip', remove, null, '')).toBe(0)
})

test.each(['localhost:5', '127.0.0.1', '127.0.0.1:x', '::1'])('connection limits: an override of %s is refused', async (value) => {
  expect(await alter('max.connections.per.ip.overrides', set, value)).not.toBe(0)
})
