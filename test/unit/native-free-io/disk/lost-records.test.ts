import { expect, test } from 'vitest'
import type { AcceptedLoss, FoundedNode } from '../../../../native-free-io/disk/founding-parts.ts'
import { lostLanes, producersOf } from '../../../../native-free-io/disk/lost-records.ts'
import type { Log } from '../../../../native-free-io/process/logger.ts'
import type { Pipeline } from '../../../../native-free-io/threads/pipeline.ts'
import type { PipelineLane } from '../../../../native-free-io/threads/pipeline-lane.ts'
import { emptyImage, replay } from '../../../../src/metadata/image.ts'
import { Lanes } from '../../../../src/ports/lanes.ts'
import type { ProducerSnapshots, SavedProducers } from '../../../../src/ports/producers.ts'
import { settingsOf } from '../../controller/world.ts'

const foundingId = 'AAAAAAAAAAAAAAAAAAAAAg'

interface LaneCase {
  readonly position: number
  /** Of the mark; undefined if there is none. */
  readonly durable?: number
  readonly stored?: number
  readonly loss?: AcceptedLoss
}

function nodeOf(cases: readonly LaneCase[], saved?: SavedProducers, endedIncarnation = 0): readonly [FoundedNode, Pipeline] {
  const image = emptyImage(1)
  replay(image, { type: 'lanesChanged', lanes: cases.length, incarnation: endedIncarnation })
  for (const [lane, { durable, stored = 0 }] of cases.entries()) {
    if (durable !== undefined) replay(image, { type: 'walMarked', lane, secret: 7, incarnation: 9, stored, durable })
  }
  const lanes = cases.map(({ position, stored = 0 }, index) => ({ index, stored, recovery: { position, damage: undefined } }))
  const founded = {
    losses: cases.map(({ loss }) => loss),
    image,
    identity: { foundingId },
    logs: { producers: { load: async () => saved } },
  }
  return [founded as unknown as FoundedNode, { lanes: new Lanes(lanes as unknown as PipelineLane[]) } as unknown as Pipeline]
}

function logged(): { readonly log: Log; readonly lines: (readonly unknown[])[] } {
  const lines: (readonly unknown[])[] = []
  const note = (...line: readonly unknown[]): void => void lines.push(line)
  return { log: { warn: note, error: note } as unknown as Log, lines }
}

const strict = settingsOf()
const accepts = settingsOf('s3.wal.loss.accept=true')

test('lost records: the log of one lane is named without its number', () => {
  const { log, lines } = logged()
  const node = nodeOf([{ position: 4096, durable: 12288, stored: 8192 }])
  expect(() => lostLanes(...node, strict, log)).toThrow(
    's3.wal.path: the end of the write-ahead log is missing: it ends at position 4096, and was durable up to 12288; restore it; or start once with --override s3.wal.loss.accept=true, which discards at least 4096 bytes of acknowledged records',
  )
  expect(lostLanes(...node, accepts, log).map(({ index }) => index)).toEqual([0])
  expect(lines).toEqual([
    [
      { bytes: 4096, why: 'it ends at position 4096, and was durable up to 12288' },
      's3.wal.loss.accept=true: acknowledged records are lost, at least this many bytes',
    ],
  ])
})

test('lost records: of several lanes, those that have lost records are named', () => {
  const { log, lines } = logged()
  const gone = { why: 'it does not exist' }
  const node = nodeOf([
    { position: 8192, durable: 4096 },
    { position: 0, durable: 8192 },
    { position: 0, durable: 4096, loss: gone },
  ])
  expect(() => lostLanes(...node, strict, log)).toThrow(
    's3.wal.path: the end of the write-ahead log is missing: lane 1: it ends at position 0, and was durable up to 8192; lane 2: it does not exist; restore it; or start once with --override s3.wal.loss.accept=true, which discards at least 12288 bytes',
  )
  expect(lostLanes(...node, accepts, log).map(({ index }) => index)).toEqual([1, 2])
  expect(lines.map(([fields]) => fields)).toEqual([
    { bytes: 8192, why: 'it ends at position 0, and was durable up to 8192', lane: 1 },
    { bytes: 4096, why: 'it does not exist', lane: 2 },
  ])
})

test('lost records: complete logs, and new ones without a mark, have lost nothing', () => {
  const { log, lines } = logged()
  const node = nodeOf([{ position: 4096, durable: 4096 }, { position: 0 }])
  expect(lostLanes(...node, strict, log)).toEqual([])
  expect(lines).toEqual([])
  expect(lostLanes(...node, accepts, log)).toEqual([])
  expect(lines).toEqual([['s3.wal.loss.accept=true has no effect: the write-ahead log is complete']])
})

const snapshot = (...partitionIds: number[]): ProducerSnapshots =>
  partitionIds.map((partitionId) => [partitionId, [{ id: partitionId, epoch: 0, batches: [] }]])
const savedOf = (...lanes: SavedProducers['lanes']): SavedProducers => ({ foundingId, lanes })

test('producers: a snapshot of another number of lanes is divided among the lanes', async () => {
  const saved = savedOf({ position: 9000, partitions: snapshot(1, 3, 5) }, { position: 12288, partitions: snapshot(2, 4) })
  const found = await producersOf(...nodeOf([{ position: 0 }, { position: 0 }, { position: 0 }], saved, 4), false)
  expect(found).toEqual([
    { position: 0, partitions: snapshot(3) },
    { position: 0, partitions: snapshot(1, 4) },
    { position: 0, partitions: snapshot(5, 2) },
  ])
})

test.each<readonly [string, SavedProducers | undefined, RegExp | undefined]>([
  ['contains every lane', savedOf({ position: 4096, partitions: [] }, { position: 8192, partitions: [] }), undefined],
  ['is missing', undefined, /^producers\.snapshot is missing, although records were stored in objects: restore it/],
  [
    'lacks a lane',
    savedOf({ position: 4096, partitions: [] }),
    /is a copy from position 0 of the write-ahead log of lane 1, which was stored up to 8192/,
  ],
  [
    'is an old copy',
    savedOf({ position: 4096, partitions: [] }, { position: 4096, partitions: [] }),
    /is a copy from position 4096 of the write-ahead log of lane 1, which was stored up to 8192/,
  ],
  ['is of another node', { foundingId: 'x', lanes: [] }, /belongs to founding x, and this is founding AAAAAAAAAAAAAAAAAAAAAg/],
])('producers: a snapshot of several lanes that %s', async (_, saved, error) => {
  const node = nodeOf(
    [
      { position: 4096, stored: 4096 },
      { position: 8192, stored: 8192 },
    ],
    saved,
  )
  if (error !== undefined) await expect(producersOf(...node, false)).rejects.toThrow(error)
  else expect(await producersOf(...node, false)).toHaveLength(2)
  expect((await producersOf(...node, true)).map(({ position }) => position)).toEqual([4096, 8192])
})

test('producers: after a changed number of lanes the snapshot exists, although the new logs are empty', async () => {
  await expect(producersOf(...nodeOf([{ position: 0 }, { position: 0 }], undefined, 3), false)).rejects.toThrow(/is missing/)
  expect(await producersOf(...nodeOf([{ position: 0 }, { position: 0 }]), false)).toHaveLength(2)
})
