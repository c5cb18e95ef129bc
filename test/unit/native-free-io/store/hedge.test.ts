import { afterEach, beforeEach, expect, test } from 'vitest'
import { Hedge, newHedges } from '../../../../native-free-io/store/hedge.ts'
import { openStore } from '../../../../native-free-io/store/open-store.ts'
import type { ObjectStore } from '../../../../src/ports/object-store.ts'
import { noise } from '../../../node/store/contract.ts'
import { s3At } from '../../../node/store/s3-location.ts'
import { VirtualTime } from '../../../sim/storage/virtual-time.ts'
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

/** A read into memory of the reader's own. */
async function read(): Promise<void> {
  const into = new Uint8Array(bytes.length + 7)
  const found = await store.get('a', 0, bytes.length, into)
  expect(found).toEqual(new Uint8Array(bytes))
  expect((found as Uint8Array).buffer).toBe(into.buffer)
}

test('hedge: the response to the second request of a slow read counts', async () => {
  await learn()
  const before = server.count('get')
  server.faults.set({ operation: 'get', fault: { type: 'slow', ms: slowMs }, times: 1 })
  await read()
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

test('hedge: a response that stops halfway is replaced by that of the second request', async () => {
  await learn()
  const before = server.count('get')
  server.faults.set({ operation: 'get', fault: { type: 'trickle', bytesPerSecond: bytes.length / 10 }, times: 1 })
  await read()
  expect(server.count('get') - before).toBe(2)
})

const usualMs = 10
/** Minimum delay of a second request. */
const lateMs = 20

/** Requests in simulated time, of which each takes as long as stated; a canceled request ends at once. */
function simulated() {
  const time = new VirtualTime()
  const wait = (ms: number, signal: AbortSignal): Promise<boolean> =>
    new Promise((resolve) => {
      const cancel = time.after(ms, () => resolve(true))
      signal.addEventListener('abort', () => {
        cancel()
        resolve(false)
      })
    })
  const hedge = new Hedge<boolean>(newHedges(), (isGood) => isGood, { now: () => time.now, sleep: wait })
  let requests = 0
  /** The time of the response, and the number of requests. */
  const run = async (...durations: number[]): Promise<{ ms: number; requests: number }> => {
    const began = time.now
    let ms = -1
    let sent = 0
    const running = hedge.run(new AbortController().signal, (signal) => {
      requests++
      return wait(durations[sent++]!, signal)
    })
    void running.then(() => {
      ms = time.now - began
    })
    for (let waited = 0; ms < 0 && waited < 10_000; waited++) await time.advance(1)
    return { ms, requests: sent }
  }
  const measure = async (): Promise<void> => {
    for (let i = 0; i < 80; i++) await run(usualMs)
  }
  return { time, hedge, wait, run, measure, requests: () => requests }
}

test('hedge: no second request is sent before the usual duration is measured', async () => {
  expect(await simulated().run(3000)).toEqual({ ms: 3000, requests: 1 })
})

test('hedge: the second request is sent after the minimum delay, and the first response counts', async () => {
  const { run, measure } = simulated()
  await measure()
  expect(await run(lateMs - 1)).toEqual({ ms: lateMs - 1, requests: 1 })
  expect(await run(3000, usualMs)).toEqual({ ms: lateMs + usualMs, requests: 2 })
  expect(await run(300, 3000)).toEqual({ ms: 300, requests: 2 })
})

test('hedge: at most five second requests are in progress at a time', async () => {
  const { time, hedge, wait, measure, requests } = simulated()
  await measure()
  const before = requests()
  let sent = 0
  const all = Promise.all(
    Array.from({ length: 20 }, () =>
      hedge.run(new AbortController().signal, (signal) => {
        sent++
        return wait(1000, signal)
      }),
    ),
  )
  await time.advance(2000)
  await all
  expect([sent, requests() - before]).toEqual([25, 0])
})
