import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RetryClock } from '../../../native-free-io/store/attempts.ts'
import { openStore } from '../../../native-free-io/store/open-store.ts'
import type { S3Store } from '../../../native-free-io/store/s3-store.ts'
import { below, prng } from '../../../src/base/prng.ts'
import { isFault } from '../../../src/object-store/store-faults.ts'
import type { ObjectStore, S3Location, StoreFault } from '../../../src/ports/object-store.ts'
import { long, longIf } from '../../support/long.ts'
import type { Fault, FaultRule, S3Operation } from '../../support/s3/faults.ts'
import { S3Server } from '../../support/s3/server.ts'
import { keysOf, noise } from './contract.ts'
import { s3At } from './s3-location.ts'

const partBytes = 2 ** 18
const quick: Partial<S3Location> = { attemptTimeoutMs: 300, timeoutMs: 2500, partBytes }
const testMs = 20_000
/** Pauses are a tenth of the normal ones, which changes only the duration of the tests. */
const clock: RetryClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms / 10, undefined, { signal }),
  random: Math.random,
}
/** Time that a bounded operation may exceed its limit: one attempt, and the delays of a slow machine. */
const slackMs = 3000

/** For hundreds of requests at a time, which a busy machine delays. */
const patient = { attemptTimeoutMs: 10_000, timeoutMs: 40_000 }

let server: S3Server
let store: ObjectStore
const opened: ObjectStore[] = []

async function open(more: Partial<S3Location> = {}): Promise<ObjectStore> {
  const found = await openStore(s3At(server, { ...quick, ...more }), { environment: {}, clock })
  opened.push(found)
  return found
}

beforeEach(async () => {
  server = new S3Server({ partBytesMin: partBytes })
  await server.start()
  store = await open()
})
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close()
  await server.stop()
})

const once = (operation: S3Operation | '*', fault: Fault, times = 1): FaultRule => ({ operation, fault, times })
const error = (status: number, code: string, when: 'before' | 'after' = 'before'): Fault => ({ type: 'error', status, code, when })
const read = async (key: string, bytes: number): Promise<Uint8Array> => {
  const found = await store.get(key, 0, bytes)
  if (isFault(found)) throw new Error(inspect(found))
  return found
}
const faultOf = (answer: unknown): StoreFault => {
  expect(answer).toHaveProperty('fault')
  return answer as StoreFault
}

const passing: Readonly<Record<string, Fault>> = {
  'a slow answer': { type: 'slow', ms: 100 },
  'an answer that is too late': { type: 'slow', ms: 450 },
  'no answer': { type: 'hang' },
  '503 SlowDown': error(503, 'SlowDown'),
  '429': error(429, 'TooManyRequests'),
  '500 before doing it': error(500, 'InternalError'),
  '500 after doing it': error(500, 'InternalError', 'after'),
  '502 of a proxy, after doing it': error(502, 'BadGateway', 'after'),
  'a connection that breaks before': { type: 'reset', when: 'before' },
  'a connection that breaks in the body': { type: 'reset', when: 'body' },
  'a connection that breaks in place of the answer': { type: 'reset', when: 'after' },
}

describe.each(Object.entries(passing))('object store faults: %s, twice', (_, fault) => {
  test(
    'a put is done and its bytes are right',
    async () => {
      server.faults.set(once('put', fault, 2))
      expect(await store.put('a', [noise(100_000, 1), noise(5, 2)])).toBeUndefined()
      expect(Buffer.compare(await read('a', 200_000), Buffer.concat([noise(100_000, 1), noise(5, 2)]))).toBe(0)
    },
    testMs,
  )

  test(
    'a conditional put succeeds for its own writer',
    async () => {
      server.faults.set(once('put', fault, 2))
      expect(await store.put('a', [noise(10, 1)], { ifAbsent: true })).toBeUndefined()
      expect(await store.put('a', [noise(10, 2)], { ifAbsent: true })).toMatchObject({ fault: 'exists', mayBeDone: false })
      expect(await read('a', 10)).toEqual(noise(10, 1))
    },
    testMs,
  )

  test(
    'an upload of parts is whole',
    async () => {
      server.faults.set(once('createUpload', fault, 2), once('uploadPart', fault, 2), once('completeUpload', fault, 2))
      const bytes = noise(2 * partBytes + 1000, 3)
      const upload = store.upload('large')
      expect(await upload.append([bytes])).toBeUndefined()
      expect(await upload.complete()).toBe(bytes.length)
      expect(Buffer.compare(await read('large', bytes.length), bytes)).toBe(0)
    },
    testMs,
  )

  test(
    'everything else is done too',
    async () => {
      const bytes = noise(50_000, 4)
      expect(await store.put('a', [bytes])).toBeUndefined()
      server.faults.set(once('get', fault, 2), once('head', fault, 2), once('list', fault, 2), once('removeMany', fault, 2))
      expect(await read('a', 50_000)).toEqual(bytes)
      expect(await store.size('a')).toBe(50_000)
      expect((await keysOf(store, '')).map(({ key }) => key)).toEqual(['a'])
      expect(await store.remove(['a', 'b'])).toBeUndefined()
      expect(await store.size('a')).toMatchObject({ fault: 'missing' })
    },
    testMs,
  )
})

test.each([
  ['truncate', 'unavailable'],
  ['short', 'corrupt'],
] as const)(
  'a body that lacks bytes is read again: %s',
  async (type, kind) => {
    const fault = { type }
    const bytes = noise(500_000, 5)
    await store.put('a', [bytes])
    server.faults.set(once('get', fault, 3))
    expect(await read('a', 500_000)).toEqual(bytes)
    expect(server.count('get')).toBe(4)
    server.faults.set({ operation: 'get', fault })
    expect(faultOf(await store.get('a', 0, 500_000))).toMatchObject({ fault: kind })
  },
  testMs,
)

test('object store faults: a bit that flips on the way is for the checksums of the object to find: the store has none for a range', async () => {
  await store.put('a', [noise(1000, 6)])
  server.faults.set(once('get', { type: 'corrupt' }))
  expect(await read('a', 1000)).not.toEqual(noise(1000, 6))
  expect(await read('a', 1000)).toEqual(noise(1000, 6))
})

test(
  'object store faults: a trickle is too slow to wait for',
  async () => {
    await store.put('a', [noise(100_000, 7)])
    server.faults.set({ operation: 'get', fault: { type: 'trickle', bytesPerSecond: 2000 } })
    const began = performance.now()
    expect(faultOf(await store.get('a', 0, 100_000))).toMatchObject({ fault: 'timeout' })
    expect(performance.now() - began).toBeLessThan(2500 + slackMs)
    server.faults.clear()
    expect(await read('a', 100_000)).toEqual(noise(100_000, 7))
  },
  testMs,
)

test('object store faults: an error in a response with status 200 is an error', async () => {
  server.faults.set(once('completeUpload', { type: 'errorIn200', code: 'InternalError' }))
  const upload = store.upload('large')
  await upload.append([noise(partBytes + 1, 8)])
  expect(await upload.complete()).toBe(partBytes + 1)
  expect(await store.size('large')).toBe(partBytes + 1)
})

test('object store faults: a body that the store found damaged is sent again', async () => {
  server.faults.set(once('put', error(400, 'BadDigest'), 2))
  expect(await store.put('a', [noise(10, 1)])).toBeUndefined()
})

test('object store faults: an upload that another client aborted does not count as done', async () => {
  const upload = store.upload('large')
  await upload.append([noise(partBytes + 1, 8)])
  server.buckets.get('bucket')!.uploads.clear()
  expect(faultOf(await upload.complete())).toMatchObject({ fault: 'invalid', operation: 'upload' })
})

test('object store faults: a put that was not confirmed and finds another in its place has lost', async () => {
  const other = await open()
  server.faults.set(once('put', { type: 'reset', when: 'body' }))
  // The first attempt breaks before its execution; another client succeeds before the second one.
  const losing = store.put('a', [noise(3_000_000, 9)], { ifAbsent: true })
  while (server.count('put') === 0) await new Promise(setImmediate)
  const winning = other.put('a', [noise(10, 10)], { ifAbsent: true })
  const answers = await Promise.all([losing, winning])
  expect(answers.filter((answer) => answer === undefined)).toHaveLength(1)
  expect(answers.find((answer) => answer !== undefined)).toMatchObject({ fault: 'exists', mayBeDone: false })
})

describe('object store faults: a store that throttles', () => {
  test('is given fewer requests at a time, and more again when it recovers', async () => {
    store = await open(patient)
    const { attempts } = store as S3Store
    const before = attempts.concurrency
    server.faults.set(once('put', error(503, 'SlowDown'), 20))
    const puts = Array.from({ length: 200 }, (_, i) => store.put(`k${i}`, [noise(100, i)]))
    const answers = await Promise.all(puts)
    expect(answers.filter((each) => each !== undefined)).toEqual([])
    const after = attempts.concurrency
    expect(after).toBeLessThan(before)
    for (let i = 0; i < 20 && attempts.concurrency <= after; i++) await Promise.all(Array.from({ length: 50 }, () => store.size('k1')))
    expect(attempts.concurrency).toBeGreaterThan(after)
  })

  test(
    'is reported in the end',
    async () => {
      server.faults.set({ operation: 'put', fault: error(503, 'SlowDown') })
      expect(faultOf(await store.put('a', [noise(1, 1)]))).toMatchObject({ fault: 'throttled', key: 'a', mayBeDone: true })
    },
    testMs,
  )
})

describe('object store faults: clocks and credentials', () => {
  test.each([3_600_000, -3_600_000])('a clock that differs by %i ms is corrected once, not at every request', async (skewMs) => {
    server.skewMs = skewMs
    expect(await store.put('a', [noise(10, 1)])).toBeUndefined()
    const { retries } = (store as S3Store).attempts
    expect(retries).toBe(1)
    expect(await read('a', 10)).toEqual(noise(10, 1))
    expect(await store.put('b', [noise(10, 1)])).toBeUndefined()
    expect((store as S3Store).attempts.retries).toBe(1)
    // The response to a HEAD has no body with the reason.
    expect(await (await open()).size('a')).toBe(10)
  })

  test.each([3_600_000, -3_600_000])('a key that is not there is missing, also by a clock that differs by %i ms', async (skewMs) => {
    server.skewMs = skewMs
    const fresh = await open()
    for (let i = 0; i < 2; i++) expect(faultOf(await fresh.get('absent', 0, 1))).toMatchObject({ fault: 'missing' })
    expect(faultOf(await (await open()).size('absent'))).toMatchObject({ fault: 'missing' })
  })

  test('requests with expired credentials fail soon, and succeed when they are renewed', async () => {
    const [[name, account]] = [...server.accounts] as [[string, { secretKey: string }]]
    server.accounts.set(name, { ...account, isExpired: true })
    expect(faultOf(await store.put('a', [noise(1, 1)]))).toMatchObject({ fault: 'expired', attempts: 3, mayBeDone: false })
    server.accounts.set(name, account)
    expect(await store.put('a', [noise(1, 1)])).toBeUndefined()
  })

  test('those of the machine are requested again when they have expired', async () => {
    server.accounts.set('first', { secretKey: 'one', sessionToken: 'token-1' }).set('second', { secretKey: 'two', sessionToken: 'token-2' })
    let requests = 0
    const machine = createServer((_, response) => {
      const [AccessKeyId, SecretAccessKey, Token] = requests++ === 0 ? ['first', 'one', 'token-1'] : ['second', 'two', 'token-2']
      response.end(JSON.stringify({ AccessKeyId, SecretAccessKey, Token, Expiration: new Date(Date.now() + 3_600_000).toISOString() }))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => machine.once('listening', resolve))
    const kept = { ...process.env }
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `http://127.0.0.1:${(machine.address() as AddressInfo).port}/`
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) delete process.env[name]
    try {
      const other = await open({ credentials: { type: 'instance' } })
      expect(await other.put('a', [noise(1, 1)])).toBeUndefined()
      server.accounts.set('first', { secretKey: 'one', sessionToken: 'token-1', isExpired: true })
      expect(await other.put('b', [noise(1, 1)])).toBeUndefined()
      expect(requests).toBe(2)
    } finally {
      process.env = kept
      machine.close()
    }
  })

  test('a client without permission gets an error at once', async () => {
    const wrong = await open({ credentials: { type: 'static', accessKey: 'tester', secretKey: 'wrong-secret' } })
    expect(faultOf(await wrong.put('a', [noise(1, 1)]))).toMatchObject({ fault: 'denied', attempts: 1, mayBeDone: false })
    const nobody = await open({ credentials: { type: 'static', accessKey: 'nobody', secretKey: 'wrong-secret' } })
    expect(faultOf(await nobody.get('a', 0, 1))).toMatchObject({ fault: 'denied', attempts: 1 })
    const elsewhere = await open({ bucket: 'elsewhere' })
    expect(faultOf(await elsewhere.put('a', [noise(1, 1)]))).toMatchObject({ fault: 'invalid', attempts: 1 })
  })
})

describe('object store faults: an outage', () => {
  test(
    'ends every operation within its timeout, and reports none as done',
    async () => {
      await store.put('a', [noise(10, 1)])
      store = await open()
      await server.stop()
      const began = performance.now()
      const answers = await Promise.all([
        store.put('b', [noise(10, 1)]),
        store.get('a', 0, 10),
        store.size('a'),
        store.remove(['a']),
        store.list(''),
        store.abandonUploads('', 0),
        store.upload('c').complete(),
      ])
      expect(performance.now() - began).toBeLessThan(2500 + slackMs)
      for (const answer of answers) expect(faultOf(answer)).toMatchObject({ fault: 'unavailable', mayBeDone: false })
      await server.start()
      expect(await read('a', 10)).toEqual(noise(10, 1))
    },
    testMs,
  )

  test('that is short is waited for', async () => {
    await server.stop()
    const put = store.put('a', [noise(10, 1)])
    // All attempts with their pauses take longer than a start.
    while ((store as S3Store).attempts.retries < 2) await new Promise(setImmediate)
    await server.start()
    expect(await put).toBeUndefined()
  })

  test('at the start is like any other', async () => {
    await server.stop()
    const early = await open({ timeoutMs: 400 })
    expect(faultOf(await early.list(''))).toMatchObject({ fault: 'unavailable' })
    await server.start()
    expect(await early.list('')).toMatchObject({ objects: [] })
  })

  test('does not gather requests without end', long(60_000), async () => {
    await server.stop()
    const requests = 6000
    const answers = await Promise.all(Array.from({ length: requests }, (_, i) => store.size(`k${i}`)))
    const refused = answers.filter((each) => isFault(each) && each.fault === 'throttled')
    expect(refused.length).toBe(requests - 4096 - 64)
    await server.start()
    expect(await store.put('a', [noise(10, 1)])).toBeUndefined()
  })
})

test('object store faults: never more than 64 requests are under way', async () => {
  store = await open(patient)
  server.faults.set({ operation: '*', fault: { type: 'hang' } })
  const puts = Array.from({ length: 500 }, (_, i) => store.put(`k${i}`, [noise(10, 1)]))
  while (server.inFlight < 64) await new Promise(setImmediate)
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
  await store.close()
  await Promise.all(puts)
  expect(server.inFlightMax).toBe(64)
})

test('object store faults: what is under way when the store is closed ends, and so does what comes after', async () => {
  store = await open(patient)
  server.faults.set({ operation: '*', fault: { type: 'hang' } })
  const puts = Array.from({ length: 100 }, (_, i) => store.put(`k${i}`, [noise(10, 1)]))
  while (server.inFlight < 64) await new Promise(setImmediate)
  await store.close()
  for (const answer of await Promise.all(puts)) expect(faultOf(answer)).toMatchObject({ fault: 'closed' })
  expect(faultOf(await store.size('a'))).toMatchObject({ fault: 'closed', attempts: 1 })
})

for (const seed of [1, 2, 3]) {
  test(
    `object store faults: each request succeeds with its own bytes under random faults of seed ${seed}`,
    longIf(seed > 1, 60_000),
    async () => {
      await server.stop()
      server = new S3Server({ seed, partBytesMin: partBytes })
      await server.start()
      store = await open(patient)
      const kinds: readonly Fault[] = [
        error(503, 'SlowDown'),
        error(500, 'InternalError'),
        error(500, 'InternalError', 'after'),
        { type: 'reset', when: 'before' },
        { type: 'reset', when: 'body' },
        { type: 'reset', when: 'after' },
        { type: 'truncate' },
        { type: 'short' },
        { type: 'slow', ms: 30 },
      ]
      server.faults.set(...kinds.map((fault): FaultRule => ({ operation: '*', fault, permille: 30 })))
      const random = prng(seed)
      const sizes = Array.from({ length: 120 }, () => below(random, 60_000))
      const answers = await Promise.all(sizes.map((size, i) => store.put(`${i}`, [noise(size, i)], { ifAbsent: i % 2 === 0 })))
      expect(answers.filter((each) => each !== undefined)).toEqual([])
      const upload = store.upload('large')
      await upload.append([noise(3 * partBytes, 77)])
      expect(await upload.complete()).toBe(3 * partBytes)
      const found = await Promise.all(sizes.map((size, i) => store.get(`${i}`, 0, size)))
      for (const [i, bytes] of found.entries()) expect(Buffer.compare(bytes as Uint8Array, noise(sizes[i]!, i))).toBe(0)
      expect(Buffer.compare(await read('large', 3 * partBytes), noise(3 * partBytes, 77))).toBe(0)
      expect(await keysOf(store, '')).toHaveLength(sizes.length + 1)
      expect(await store.remove((await keysOf(store, '')).map(({ key }) => key))).toBeUndefined()
      expect(await keysOf(store, '')).toEqual([])
    },
  )
}
