import { describe, expect, test } from 'vitest'
import { nodeCodecs } from '../../../native-free-io/threads/codecs.ts'
import { NotReady } from '../../../src/coordinator/partition.ts'
import { CoordinatorRuntime } from '../../../src/coordinator/runtime.ts'
import { PartitionNotServed } from '../../../src/ports/partitions.ts'
import { type CounterRequest, counterMachine } from './counter-machine.ts'
import { FakeTime, settled } from './fake-time.ts'
import { MemoryPartitionLog } from './memory-partition-log.ts'

const writeTimeoutMs = 5000
/** Of the partitions 0 and 1. */
const ids = [7, 8] as const
const first = (partition: 0 | 1) => ({ partitionId: ids[partition], leaderEpoch: 0 })
const later = (partition: 0 | 1, leaderEpoch: number) => ({ partitionId: ids[partition], leaderEpoch })

/** A node that leads both partitions. Appends wait while `log.held` is set. */
function world(log = new MemoryPartitionLog()) {
  const time = new FakeTime()
  const failures: Error[] = []
  const runtime = new CoordinatorRuntime({
    machine: counterMachine,
    log,
    codecs: nodeCodecs,
    clock: time,
    after: (ms, wake) => time.after(ms, wake),
    limits: { batchBytesMax: 100_000, loadBytesMax: 100, writeTimeoutMs },
    failed: (error) => failures.push(error),
  })
  runtime.elect(0, first(0))
  runtime.elect(1, first(1))
  let changes = 0
  const call = async (partition: number, request: CounterRequest): Promise<unknown> => {
    const response = await runtime.request(partition, request)
    return response instanceof NotReady ? response.error.name : response
  }
  return {
    log,
    time,
    failures,
    runtime,
    call,
    add: (partition: number, name = 'a', by = 1) => call(partition, { type: 'add', name, by, change: changes++ }),
    read: async (partition: number, name = 'a') => {
      const value = await call(partition, { type: 'read', name })
      return typeof value === 'object' && value !== null && 'sum' in value ? value.sum : value
    },
    /** Outcome of a request so far. */
    outcome: (request: Promise<unknown>): { value?: unknown } => {
      const found: { value?: unknown } = {}
      void request.then((value) => (found.value = value))
      return found
    },
  }
}

describe('coordinator runtime: elections', () => {
  test('a request for a partition that this node does not lead gets NOT_COORDINATOR', async () => {
    const { add, runtime } = world()
    runtime.resign(0, first(0))
    expect([await add(0), await add(1), await add(2)]).toEqual(['NOT_COORDINATOR', 1, 'NOT_COORDINATOR'])
    expect([runtime.isElected(0), runtime.isElected(1), runtime.isElected(2)]).toEqual([false, true, false])
  })

  test('a resignation drops the state of one partition and keeps the others', async () => {
    const { add, read, runtime } = world()
    await add(0, 'a', 5)
    await add(1, 'b', 6)
    runtime.resign(0, later(0, 1))
    expect(runtime.states.map(({ counters }) => [...counters.keys()])).toEqual([['b']])
    runtime.elect(0, later(0, 2))
    expect([await read(0, 'a'), await read(1, 'b')]).toEqual([5, 6])
  })

  test('elections and resignations of an older epoch, or of a deleted topic, are ignored', async () => {
    const { read, add, runtime, log } = world()
    runtime.elect(0, later(0, 5))
    await add(0, 'a', 3)
    runtime.elect(0, later(0, 4))
    runtime.resign(0, later(0, 4))
    expect([await read(0), runtime.states.length]).toEqual([3, 1])
    runtime.resign(0, later(0, 6))
    runtime.elect(0, later(0, 5))
    expect(await read(0)).toBe('NOT_COORDINATOR')
    runtime.elect(0, { partitionId: 9, leaderEpoch: 0 })
    runtime.elect(0, later(0, 7))
    runtime.resign(0, later(0, 7))
    expect([await read(0), log.batches.has(9)]).toEqual([null, false])
  })

  test('a repeated election changes nothing, and one after a resignation in the same epoch loads again', async () => {
    const { add, read, runtime } = world()
    await add(0, 'a', 3)
    const [state] = runtime.states
    runtime.elect(0, first(0))
    expect(runtime.states[0]).toBe(state)
    runtime.resign(0, first(0))
    runtime.elect(0, first(0))
    expect([await read(0), runtime.states[0] === state]).toEqual([3, false])
  })
})

describe('coordinator runtime: load', () => {
  test('a partition is loaded in chunks at its first request', async () => {
    const { log, add } = world()
    for (let i = 0; i < 10; i++) await add(0, 'a', 10)
    const { read, runtime } = world(log)
    expect(runtime.states).toEqual([])
    expect([await read(0), runtime.states.length]).toEqual([100, 1])
  })

  test('a load that is slow returns COORDINATOR_LOAD_IN_PROGRESS for its partition only', async () => {
    const { log, time, read, runtime } = world()
    let release = (): void => {}
    log.reading = new Promise((resolve) => (release = resolve))
    const early = read(0)
    const all = runtime.isLoadedSoon()
    await settled()
    await time.pass(1000)
    expect([await early, await all]).toEqual(['COORDINATOR_LOAD_IN_PROGRESS', false])
    release()
    expect([await read(0), await runtime.isLoadedSoon()]).toEqual([null, true])
  })

  test('a resignation during a load fails its requests, and the load ends without effect', async () => {
    const { log, add, read, runtime, failures } = world()
    await add(0, 'a', 5)
    runtime.elect(0, later(0, 1))
    let release = (): void => {}
    log.reading = new Promise((resolve) => (release = resolve))
    const waiting = read(0)
    await settled()
    runtime.resign(0, later(0, 2))
    expect(await waiting).toBe('NOT_COORDINATOR')
    release()
    await settled()
    expect([runtime.states, failures]).toEqual([[], []])
  })

  test('a load does not begin before the appends of an earlier epoch have ended', async () => {
    const { log, add, read, runtime, outcome } = world()
    await add(0, 'a', 5)
    log.held = []
    const lost = add(0, 'a', 5)
    runtime.elect(0, later(0, 1))
    expect(await lost).toBe('NOT_COORDINATOR')
    const reading = outcome(read(0))
    await settled()
    expect(reading).toEqual({})
    log.release()
    await settled()
    expect(reading).toEqual({ value: 10 })
  })

  test('a notification reaches partitions that are not loaded yet only on request', async () => {
    const { log, add } = world()
    await add(0, 'a')
    await add(0, 'b')
    const { read, runtime } = world(log)
    runtime.notify({ type: 'removed', name: 'a' }, 'loaded')
    runtime.notify({ type: 'removed', name: 'b' }, 'elected')
    expect([await read(0, 'a'), await read(0, 'b')]).toEqual([1, null])
  })

  test('a damaged log stops the node', async () => {
    const { log, add } = world()
    await add(0)
    const [batch] = log.batches.get(ids[0])!
    batch![batch!.length - 1]! ^= 1
    const { runtime, failures } = world(log)
    void runtime.load(0)
    await settled()
    expect(failures.map(({ message }) => message)).toEqual([expect.stringMatching(/partition id 7, is damaged/)])
  })
})

describe('coordinator runtime: writes', () => {
  test('a response waits for its records, and records that are written meanwhile share an append', async () => {
    const { log, add, read, outcome, runtime } = world()
    await runtime.loadAll()
    log.held = []
    const outcomes = [add(0), add(0), read(0), add(0)].map(outcome)
    await settled()
    expect([outcomes, log.appends]).toEqual([[{}, {}, {}, {}], 1])
    log.release()
    await settled()
    expect([outcomes, log.appends]).toEqual([[{ value: 1 }, {}, {}, {}], 2])
    log.release()
    await settled()
    expect(outcomes.map(({ value }) => value)).toEqual([1, 2, 2, 3])
  })

  test('a response that waits longer than the write timeout is COORDINATOR_NOT_AVAILABLE', async () => {
    const { log, time, add, read, runtime } = world()
    await runtime.loadAll()
    log.held = []
    const waiting = add(0)
    await settled()
    await time.pass(writeTimeoutMs)
    expect(await waiting).toBe('COORDINATOR_NOT_AVAILABLE')
    log.release()
    await settled()
    expect(await read(0)).toBe(1)
  })

  test('a resignation fails every waiting request, and an append that is rejected later is ignored', async () => {
    const { log, call, add, runtime, failures } = world()
    await runtime.loadAll()
    const rejections: ((error: Error) => void)[] = []
    log.append = () => new Promise((_, reject) => rejections.push(reject))
    const waiting = [call(0, { type: 'await', name: 'b' }), add(0), add(0)]
    await settled()
    runtime.resign(0, later(0, 1))
    expect(await Promise.all(waiting)).toEqual(Array(3).fill('NOT_COORDINATOR'))
    for (const reject of rejections) reject(new Error('the lane is closed'))
    await settled()
    expect([failures, rejections.length]).toEqual([[], 1])
  })

  test('an append that is rejected because the partition is not served ends the coordination, and not the node', async () => {
    const { log, call, add, runtime, failures } = world()
    await runtime.loadAll()
    log.append = () => Promise.reject(new PartitionNotServed('closed'))
    const waiting = [call(0, { type: 'await', name: 'b' }), add(0)]
    expect(await Promise.all(waiting)).toEqual(['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE'])
    expect([await add(0), runtime.isElected(0), runtime.isElected(1), failures]).toEqual(['NOT_COORDINATOR', false, true, []])
  })

  test('a coordinator that has not received its resignation writes nothing after a later epoch has begun', async () => {
    const { log, add, read, runtime, failures } = world()
    expect(await add(0)).toBe(1)
    log.leaderEpochs.set(ids[0], 2)
    expect([await add(0), runtime.isElected(0), failures]).toEqual(['COORDINATOR_NOT_AVAILABLE', false, []])
    runtime.elect(0, later(0, 2))
    expect([await read(0), await add(0)]).toEqual([1, 2])
  })

  test('an append that is rejected for another reason stops the node', async () => {
    const { log, add, failures } = world()
    log.append = () => Promise.reject(new Error('rejected'))
    expect(await add(0)).toBe('COORDINATOR_NOT_AVAILABLE')
    expect(failures.map(({ message }) => message)).toEqual(['rejected'])
  })
})

describe('coordinator runtime: timers', () => {
  test('a timer of the machine fires at its time', async () => {
    const { time, call, add, read } = world()
    await add(0)
    await call(0, { type: 'expire', name: 'a', at: time.now() + 1000 })
    await time.pass(999)
    expect(await read(0)).toBe(1)
    await time.pass(1)
    expect(await read(0)).toBe(null)
  })

  test('a resignation cancels every timer', async () => {
    const { log, time, call, add, runtime } = world()
    await add(0)
    await call(0, { type: 'expire', name: 'a', at: time.now() + 1000 })
    log.held = []
    void add(0)
    await settled()
    expect(time.pending).toBe(2)
    runtime.resign(0, later(0, 1))
    expect(time.pending).toBe(0)
  })
})
