import { Packr } from 'msgpackr/pack'
import { expect, test } from 'vitest'
import { NodeProducers } from '../../../../native-free-io/disk/node-producers.ts'
import { decodeProducers } from '../../../../native-free-io/disk/producers-codec.ts'
import type { LaneProducers, ProducerSnapshots, ProducersStore, SavedProducers } from '../../../../src/ports/producers.ts'
import { crc32c } from '../../../support/crc32c.ts'

const foundingId = 'AAAAAAAAAAAAAAAAAAAAAg'
const snapshotOf = (partitionId: number, sequence: number): ProducerSnapshots => [
  [
    partitionId,
    [{ id: 7, epoch: 1, batches: [{ firstSequence: sequence, lastSequence: sequence + 2, baseOffset: 2 ** 40, timestamp: 9, end: 4096 }] }],
  ],
]
const producersOf = (position: number, partitionId: number, sequence = 0): LaneProducers => ({
  position,
  partitions: snapshotOf(partitionId, sequence),
})

/** Writes become durable when they are released. */
class HeldStore implements ProducersStore {
  readonly written: Buffer[] = []
  #held: (() => void)[] = []

  async write(content: readonly Uint8Array[]): Promise<void> {
    const whole = Buffer.concat(content)
    await new Promise<void>((resolve) => this.#held.push(resolve))
    this.written.push(whole)
  }

  /** Returns the number of writes that were in progress. */
  async release(): Promise<number> {
    await new Promise(setImmediate)
    const held = this.#held.splice(0)
    for (const go of held) go()
    await new Promise(setImmediate)
    return held.length
  }

  async load(): Promise<SavedProducers | undefined> {
    const last = this.written.at(-1)
    return last && decodeProducers(last)
  }
}

test('producers: a snapshot of one lane has the format of releases without lanes', async () => {
  const store = new HeldStore()
  const producers = new NodeProducers(store, foundingId, [producersOf(0, 1)])
  const saved = producers.save(0, producersOf(8192, 3))
  await store.release()
  await saved
  const [content] = store.written
  const packed = content!.subarray(4)
  expect(new Packr({ useRecords: false }).unpack(packed)).toEqual([foundingId, 8192, snapshotOf(3, 0)])
  expect(content!.readUInt32LE()).toBe(crc32c(packed))
  expect(await store.load()).toEqual({ foundingId, lanes: [producersOf(8192, 3)] })
})

test('producers: a lane that saves its producers does not change those of other lanes', async () => {
  const store = new HeldStore()
  const producers = new NodeProducers(store, foundingId, [producersOf(0, 3), producersOf(4096, 4), producersOf(0, 5)])
  const saved = producers.save(1, producersOf(12288, 4, 9))
  await store.release()
  await saved
  expect(await store.load()).toEqual({ foundingId, lanes: [producersOf(0, 3), producersOf(12288, 4, 9), producersOf(0, 5)] })
})

test('producers: a save is done when a snapshot that contains it is durable, and saves of a moment share one', async () => {
  const store = new HeldStore()
  const producers = new NodeProducers(store, foundingId, [producersOf(0, 0), producersOf(0, 1), producersOf(0, 2)])
  const done: number[] = []
  const save = (lane: number, sequence: number): void =>
    void producers.save(lane, producersOf(sequence, lane, sequence)).then(() => done.push(sequence))
  save(0, 1)
  await new Promise(setImmediate)
  for (const [lane, sequence] of [
    [1, 2],
    [2, 3],
    [0, 4],
  ] as const)
    save(lane, sequence)
  expect(await store.release()).toBe(1)
  expect([done, (await store.load())!.lanes.map(({ position }) => position)]).toEqual([[1], [1, 0, 0]])
  expect(await store.release()).toBe(1)
  expect([done, (await store.load())!.lanes.map(({ position }) => position)]).toEqual([
    [1, 2, 3, 4],
    [4, 2, 3],
  ])
  expect(await store.release()).toBe(0)
})

test('producers: a damaged snapshot of several lanes is detected', async () => {
  const store = new HeldStore()
  const saved = new NodeProducers(store, foundingId, [producersOf(0, 0), producersOf(0, 1)]).save(0, producersOf(1, 0))
  await store.release()
  await saved
  const [content] = store.written
  content![content!.length - 1]! ^= 1
  expect(decodeProducers(content!)).toBeUndefined()
})
