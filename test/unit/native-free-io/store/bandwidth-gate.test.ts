import { expect, test } from 'vitest'
import { BandwidthGate, budgeted } from '../../../../native-free-io/store/bandwidth-gate.ts'
import { openStore } from '../../../../native-free-io/store/open-store.ts'
import { BandwidthBudget, budgetBytes } from '../../../../src/object-store/bandwidth.ts'
import { contract, noise } from '../../../node/store/contract.ts'

const MiB = 2 ** 20
const gateOf = (bytesPerSecond: number): BandwidthGate =>
  new BandwidthGate(new BandwidthBudget(new BigInt64Array(new SharedArrayBuffer(budgetBytes)), bytesPerSecond, MiB))

test('a store under a budget is as fast as it allows, each way by itself', async () => {
  const gates = { received: gateOf(1000 * MiB), sent: gateOf(40 * MiB) }
  const store = budgeted(await openStore({ scheme: 'mem', name: 'budget' }), gates, 'upload')
  const began = performance.now()
  await Promise.all(Array.from({ length: 5 }, (_, i) => store.put(`k${i}`, [noise(2 * MiB, i)])))
  const putMs = performance.now() - began
  // Ten MiB, of which two are burst and debt, at forty a second.
  expect(putMs).toBeGreaterThan(190)
  await Promise.all(Array.from({ length: 5 }, (_, i) => store.get(`k${i}`, 0, 2 * MiB)))
  expect(performance.now() - began - putMs).toBeLessThan(putMs)
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
  const gate = gateOf(20 * MiB)
  const store = await openStore({ scheme: 'mem', name: 'again' })
  await store.put('k', [noise(MiB, 1)])
  const get = store.get.bind(store)
  store.get = (key, start, end, into, onAgain) => {
    for (let requests = 1; requests < 6; requests++) onAgain?.()
    return get(key, start, end, into)
  }
  const hasty = budgeted(store, { received: gate, sent: gate }, 'read')
  const began = performance.now()
  await hasty.get('k', 0, MiB)
  expect(performance.now() - began).toBeLessThan(150)
  await hasty.get('k', 0, MiB)
  // Seven MiB by then, of which two are burst and debt, at twenty a second.
  expect(performance.now() - began).toBeGreaterThan(240)
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
  await check({ store, at: 'x/', partBytes: 5 * MiB })
})
