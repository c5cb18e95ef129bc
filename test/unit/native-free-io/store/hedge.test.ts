import { afterEach, beforeEach, expect, test } from 'vitest'
import { openStore } from '../../../../native-free-io/store/open-store.ts'
import type { ObjectStore } from '../../../../src/ports/object-store.ts'
import { noise } from '../../../node/store/contract.ts'
import { s3At } from '../../../node/store/s3-location.ts'
import { S3Server } from '../../../support/s3/server.ts'

const slowMs = 3000
const bytes = noise(10_000, 1)
let server: S3Server
let store: ObjectStore

beforeEach(async () => {
  server = new S3Server()
  await server.start()
  store = await openStore(s3At(server), { environment: {} })
  await store.put('a', [bytes])
})
afterEach(async () => {
  await store.close()
  await server.stop()
})

/** Often enough to measure how long a read takes. */
async function learn(): Promise<void> {
  for (let i = 0; i < 100; i++) await store.get('a', 0, bytes.length)
}

/** A read into memory of the reader's own; how long it took. */
async function read(): Promise<number> {
  const into = new Uint8Array(bytes.length + 7)
  const began = performance.now()
  const found = await store.get('a', 0, bytes.length, into)
  const ms = performance.now() - began
  expect(found).toEqual(new Uint8Array(bytes))
  expect((found as Uint8Array).buffer).toBe(into.buffer)
  return ms
}

test('a read that takes longer than nearly all before it is sent again, and the first response counts', async () => {
  await learn()
  const before = server.count('get')
  server.faults.set({ operation: 'get', fault: { type: 'slow', ms: slowMs }, times: 1 })
  expect(await read()).toBeLessThan(slowMs)
  expect(server.count('get') - before).toBe(2)
})

test('the bandwidth budget is notified of the hedged request, and of every retry', async () => {
  await learn()
  let again = 0
  const count = (): void => void again++
  await store.get('a', 0, bytes.length, undefined, count)
  expect(again).toBe(0)
  server.faults.set({ operation: 'get', fault: { type: 'slow', ms: slowMs }, times: 1 })
  await store.get('a', 0, bytes.length, undefined, count)
  expect(again).toBe(1)
  server.faults.set({ operation: 'get', fault: { type: 'reset', when: 'before' }, times: 2 })
  await store.get('a', 0, bytes.length, undefined, count)
  expect(again).toBe(3)
})

test('an answer that stops halfway is overtaken by another one', async () => {
  await learn()
  server.faults.set({ operation: 'get', fault: { type: 'trickle', bytesPerSecond: bytes.length / 10 }, times: 1 })
  expect(await read()).toBeLessThan(slowMs)
})

test('when the second is the slow one, the first counts', async () => {
  await learn()
  server.faults.set(
    { operation: 'get', fault: { type: 'slow', ms: 300 }, times: 1 },
    { operation: 'get', fault: { type: 'slow', ms: slowMs }, times: 1 },
  )
  const ms = await read()
  expect(ms).toBeGreaterThan(290)
  expect(ms).toBeLessThan(slowMs)
})

test('no read is hedged before the usual duration is measured', async () => {
  const before = server.count('get')
  server.faults.set({ operation: 'get', fault: { type: 'slow', ms: 400 }, times: 1 })
  expect(await read()).toBeGreaterThan(390)
  expect(server.count('get') - before).toBe(1)
})

test('a slow store gets at most five hedged requests at a time', async () => {
  await learn()
  const before = server.count('get')
  server.faults.set({ operation: 'get', fault: { type: 'slow', ms: 1000 } })
  await Promise.all(Array.from({ length: 20 }, read))
  expect(server.count('get') - before).toBe(25)
})
