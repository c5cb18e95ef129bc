import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore } from '../../../../native-free-io/store/open-store.ts'
import { Registry } from '../../../../src/metrics/registry.ts'
import { MetricBlock } from '../../../../src/metrics/rows.ts'
import { storeTable } from '../../../../src/object-store/request-metrics.ts'
import type { StoreLocation } from '../../../../src/ports/object-store.ts'
import { keysOf, noise } from '../../../node/store/contract.ts'
import { s3At } from '../../../node/store/s3-location.ts'
import { S3Server } from '../../../support/s3/server.ts'

const MiB = 2 ** 20
const rows = Object.keys(storeTable)
let server: S3Server
beforeEach(async () => {
  server = new S3Server()
  await server.start()
})
afterEach(() => server.stop())

const locations: readonly (readonly [string, () => StoreLocation, parts: number])[] = [
  ['S3', () => s3At(server), 3],
  ['memory', () => ({ scheme: 'mem', name: 'bill' }), 1],
]

test.each(locations)('the bill of %s counts the requests and the transferred bytes', async (_, locate, parts) => {
  const values = new Float64Array(rows.length)
  const store = await openStore(locate(), { environment: {}, meter: new MetricBlock(storeTable, values) })
  await store.put('a', [noise(1000, 1), noise(500, 2)])
  await store.get('a', 100, 400)
  await store.get('none', 0, 10)
  await store.size('a')
  const upload = store.upload('large')
  await upload.append([noise(11 * MiB, 3)])
  await upload.complete()
  const copy = store.upload('copy')
  await copy.copy('large', 0, 11 * MiB)
  await copy.complete()
  await keysOf(store, '')
  await store.remove(['a', 'large', 'copy'])
  await store.close()
  const bill = Object.fromEntries(rows.map((row, i) => [row, values[i]]))
  const isS3 = parts > 1
  expect(bill).toEqual({
    put: isS3 ? 1 + parts : 3,
    post: isS3 ? 4 : 0,
    copy: 1,
    list: 1,
    get: 2,
    head: 1,
    delete: 1,
    sentBytes: 1500 + 11 * MiB,
    receivedBytes: 300,
    failed: 0,
  })
  const registry = new Registry()
  registry.block(storeTable, values)
  expect(registry.text()).toMatch(/^millrace_store_put_requests_total \d/m)
})

test('every try is billed', async () => {
  const values = new Float64Array(rows.length)
  const store = await openStore(s3At(server), { environment: {}, meter: new MetricBlock(storeTable, values) })
  server.faults.set({ operation: 'put', fault: { type: 'error', status: 500, code: 'InternalError', when: 'after' }, times: 2 })
  await store.put('a', [noise(1000, 1)])
  await store.close()
  expect([values[rows.indexOf('put')], values[rows.indexOf('failed')], values[rows.indexOf('sentBytes')]]).toEqual([3, 2, 3000])
  expect(server.count('put')).toBe(3)
})
