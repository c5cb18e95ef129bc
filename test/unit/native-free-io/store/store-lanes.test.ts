import { expect, test } from 'vitest'
import { MemStore } from '../../../../native-free-io/store/mem-store.ts'
import { s3WalParts } from '../../../../native-free-io/store/s3-wal-files.ts'
import { openStoreLanes } from '../../../../native-free-io/store/store-lanes.ts'
import { emptyImage, type MutableImage, replay } from '../../../../src/metadata/image.ts'
import type { S3WalParts } from '../../../../src/wal/s3/s3-wal.ts'
import { claim, takeOver } from '../../../../src/wal/s3/s3-wal-start.ts'
import { type KeptObject, S3WalWriter } from '../../../../src/wal/s3/s3-wal-writer.ts'
import { formerWalPrefix, noMark, walPrefix } from '../../../../src/wal/s3/wal-object.ts'
import { crc32c } from '../../../../src/wire/crc32c.ts'

const clusterId = 'c'
const nodeId = 1
let names = 0

class World {
  readonly store = new MemStore({ scheme: 'mem', name: `lanes-${names++}` })
  readonly image: MutableImage = emptyImage(nodeId)
  /** Objects that later incarnations need. */
  readonly #kept: KeptObject[] = []

  constructor(lanes: number) {
    replay(this.image, { type: 'clusterFormatted', clusterId })
    this.change(lanes, 0)
  }

  change(lanes: number, incarnation: number): void {
    replay(this.image, { type: 'lanesChanged', lanes, incarnation })
  }

  partsAt(prefix: string, more: Partial<S3WalParts> = {}): S3WalParts {
    const parts = s3WalParts({ store: this.store, prefix, owner: { high: 1, low: 1 }, keepMs: 0, onFault: () => {} })
    return { ...parts, ...more }
  }

  /** An incarnation that appends one object to the log of a lane. */
  async append(lane: number, epoch: number, position: number, prefix = walPrefix(clusterId, nodeId, lane)): Promise<void> {
    const parts = this.partsAt(prefix)
    expect(await claim(parts, epoch)).toBe(true)
    const writer = new S3WalWriter(parts, { epoch, kept: this.#kept, others: [] }, (error) => {
      throw error
    })
    const body = Buffer.from(`lane ${lane}, epoch ${epoch}`)
    const content = { kind: 'piece', mark: { ...noMark, position }, pieces: [body], bodyBytes: body.length, bodyCrc: crc32c(body) } as const
    await writer.append({ ...content, end: position + body.length, dropBelow: 0 })
    await writer.close()
    this.#kept.push({ epoch, sequence: 1, prefix, end: position + body.length })
  }

  mark(lane: number, incarnation: number): void {
    replay(this.image, { type: 'walMarked', lane, secret: 7, incarnation, stored: 0, durable: 0 })
  }

  open(): ReturnType<typeof openStoreLanes> {
    const { image } = this
    return openStoreLanes({ image, lanes: image.storage.lanes, clusterId, nodeId, partsAt: (prefix) => this.partsAt(prefix) })
  }

  async keys(lane: number): Promise<number> {
    const page = await this.store.list(walPrefix(clusterId, nodeId, lane))
    return 'objects' in page ? page.objects.length : -1
  }
}

test('lanes in a store: each has its own prefix, and a log that the metadata log records must be there', async () => {
  const world = new World(3)
  for (const lane of [0, 1]) await world.append(lane, 4, 0)
  for (const lane of [0, 1, 2]) world.mark(lane, 4)
  expect(await world.open()).toMatchObject([
    { prefix: 'c/wal/1/0/', isMissing: false, firstEpoch: undefined },
    { prefix: 'c/wal/1/1/', isMissing: false },
    { prefix: 'c/wal/1/2/', isMissing: true },
  ])
})

test('lanes in a store: objects of removed lanes are removed, and no other objects', async () => {
  const world = new World(3)
  for (const lane of [0, 1, 2]) await world.append(lane, 4, 0)
  await world.open()
  expect(await Promise.all([0, 1, 2].map((lane) => world.keys(lane)))).toEqual([2, 2, 2])
  world.change(2, 4)
  const lanes = await world.open()
  expect(lanes.map(({ firstEpoch, isMissing }) => [firstEpoch, isMissing])).toEqual([
    [5, false],
    [5, false],
  ])
  expect(await Promise.all([0, 1, 2].map((lane) => world.keys(lane)))).toEqual([2, 2, 0])
})

test('S3 WAL: a log that begins with a later epoch contains nothing of earlier ones, which are unneeded', async () => {
  const world = new World(1)
  const prefix = walPrefix(clusterId, nodeId, 0)
  const formerPrefix = formerWalPrefix(clusterId, nodeId)
  await world.append(0, 1, 0, formerPrefix)
  await world.append(0, 2, 0)
  await world.append(0, 3, 100)
  const parts = world.partsAt(prefix, { formerPrefix })
  expect(await claim(parts, 4)).toBe(true)
  const ended = await takeOver({ ...parts, firstEpoch: 4 }, 4)
  expect(ended.objects).toEqual([])
  expect(ended.others.map(({ epoch, sequence }) => [epoch, sequence])).toEqual([
    [1, 0],
    [1, 1],
    [2, 0],
    [2, 1],
    [3, 0],
    [3, 1],
  ])
  const whole = await takeOver(parts, 4)
  expect(whole.objects.map(({ epoch }) => epoch)).toEqual([1, 2, 3])
})
