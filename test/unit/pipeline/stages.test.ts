import { expect, test } from 'vitest'
import { stageThreads } from '../../../src/pipeline/stages.ts'

const mib = 2 ** 20
const auto = {
  'num.network.threads': null,
  lanes: null,
  'sequencer.thread': 'auto',
  'num.validation.threads': null,
  'queued.max.requests.size.bytes': 128 * mib,
  's3.wal.cache.size': 128 * mib,
  's3.wal.path': { scheme: 'file', path: null, capacityBytes: 2048 * mib, isCapacityGiven: false },
} as const

test.each([
  [1, { network: 1, lanes: 1, isInline: true, validators: 0 }],
  [2, { network: 1, lanes: 1, isInline: true, validators: 0 }],
  [3, { network: 1, lanes: 1, isInline: false, validators: 0 }],
  [4, { network: 1, lanes: 1, isInline: false, validators: 1 }],
  [8, { network: 2, lanes: 2, isInline: false, validators: 2 }],
  [32, { network: 8, lanes: 8, isInline: false, validators: 8 }],
])('automatic numbers of threads follow the cores: %i', (cores, threads) => {
  expect(stageThreads(auto, cores)).toEqual(threads)
})

test('given numbers are kept, and several threads are not one', () => {
  expect(stageThreads({ ...auto, 'num.network.threads': 3, lanes: 2 }, 2)).toEqual({ network: 3, lanes: 2, isInline: false, validators: 0 })
  expect(stageThreads({ ...auto, lanes: 2 }, 1)).toMatchObject({ network: 1, lanes: 2, isInline: false })
})

test('automatic numbers fit in the shared memory, and a sequencer in the network thread and a block device have one lane', () => {
  expect(stageThreads({ ...auto, 's3.wal.cache.size': 1024 * mib }, 64)).toMatchObject({ network: 3, lanes: 3 })
  const device = { scheme: 'file', path: '/dev/nvme1n1', capacityBytes: 2048 * mib, isCapacityGiven: false } as const
  expect(stageThreads({ ...auto, 's3.wal.path': device }, 64)).toMatchObject({ network: 1, lanes: 1 })
  expect(stageThreads({ ...auto, 'sequencer.thread': 'network' }, 64)).toMatchObject({ network: 1, lanes: 1, isInline: true })
})
