import { expect, test } from 'vitest'
import { BandwidthGate, budgeted, type GateClock } from '../../../../native-free-io/store/bandwidth-gate.ts'
import { openStore } from '../../../../native-free-io/store/open-store.ts'
import { BandwidthBudget, budgetBytes } from '../../../../src/object-store/bandwidth.ts'
import { contract, noise } from '../../../node/store/contract.ts'
import { VirtualTime } from '../../../sim/storage/virtual-time.ts'

const MiB = 2 ** 20

/** A clock that passes by itself while all requests sleep. */
function clock(): GateClock {
  const time = new VirtualTime()
  const began = time.now
  return {
    now: () => time.now - began + 1e6,
    sleep: (ms) => Promise.all([new Promise<void>((wake) => void time.after(ms, wake)), time.advance(ms)]),
  }
}
const gateOf = (bytesPerSecond: number, own: GateClock = clock()): BandwidthGate =>
  new BandwidthGate(new BandwidthBudget(new BigInt64Array(new SharedArrayBuffer(budgetBytes)), bytesPerSecond, MiB), own)

test('bandwidth gate: a store is as fast as its budget allows, in each direction', async () => {
  const sending = clock()
  const receiving = clock()
  const gates = { received: gateOf(1000 * MiB, receiving), sent: gateOf(40 * MiB, sending) }
  const store = budgeted(await openStore({ scheme: 'mem', name: 'budget' }), gates, 'upload')
  const began = sending.now()
  for (let i = 0; i < 5; i++) await store.put(`k${i}`, [noise(2 * MiB, i)])
  // Ten MiB, of which two are burst and debt, at forty a second.
  expect(sending.now() - began).toBeGreaterThanOrEqual(200)
  expect(sending.now() - began).toBeLessThan(202)
  expect(receiving.now()).toBe(began)
})

test('those of a higher priority go first, whenever they came', async () => {
  const gate = gateOf(20 * MiB)
  const order: string[] = []
  const pass = (name: string, priority: Parameters<BandwidthGate['pass']>[0]) => gate.pass(priority, MiB).then(() => order.push(name))
  await gate.pass('wal', 2 * MiB)
  await Promise.all([pass('c', 'compaction'), pass('u1', 'upload'), pass('u2', 'upload'), pass('r', 'read'), pass('w', 'wal')])
  expect(order).toEqual(['w', 'r', 'u1', 'u2', 'c'])
})

test('a retried read is charged to later requests, and does not wait itself', async () => {
  const own = clock()
  const gate = gateOf(20 * MiB, own)
  const store = await openStore({ scheme: 'mem', name: 'again' })
  await store.put('k', [noise(MiB, 1)])
  const get = store.get.bind(store)
  store.get = (key, start, end, into, onAgain) => {
    for (let requests = 1; requests < 6; requests++) onAgain?.()
    return get(key, start, end, into)
  }
  const hasty = budgeted(store, { received: gate, sent: gate }, 'read')
  const began = own.now()
  await hasty.get('k', 0, MiB)
  expect(own.now()).toBe(began)
  await hasty.get('k', 0, MiB)
  // Seven MiB by then, of which two are burst and debt, at twenty a second.
  expect(own.now() - began).toBeGreaterThanOrEqual(250)
  expect(own.now() - began).toBeLessThan(252)
})

test('a thread that started before a change of the wall clock shares the same budget', async () => {
  const words = new BigInt64Array(new SharedArrayBuffer(budgetBytes))
  const gate = new BandwidthGate(new BandwidthBudget(words, 20 * MiB, MiB))
  await gate.pass('upload', 2 * MiB)
  const origin = performance.timeOrigin
  Object.defineProperty(performance, 'timeOrigin', { value: origin - 3_600_000, configurable: true })
  try {
    const began = performance.now()
    await new BandwidthGate(new BandwidthBudget(words, 20 * MiB, MiB)).pass('upload', MiB)
    expect(performance.now() - began).toBeLessThan(2000)
  } finally {
    Object.defineProperty(performance, 'timeOrigin', { value: origin, configurable: true })
  }
}, 10_000)

test.each(Object.entries(contract))('a store under a budget is a store: %s', async (name, check) => {
  const gate = gateOf(4096 * MiB)
  const store = budgeted(await openStore({ scheme: 'mem', name: `budgeted ${name}` }), { received: gate, sent: gate }, 'read')
  await check({ store, at: 'x/', partBytes: 5 * MiB, pageKeys: 1000 })
})
