import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Checkpoints } from '../../../../native-free-io/disk/checkpoints.ts'
import { bootstrapId, type Checkpoint, checkpointName } from '../../../../src/metadata/checkpoint.ts'
import { DamagedRecord } from '../../../../src/metadata/fields.ts'
import { SmallDisk, smallDiskMissing } from '../../../support/small-disk.ts'

let root: string
let folder: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'checkpoints-'))
  folder = join(root, 'log')
  cpSync(mkdtempSync(join(root, 'empty-')), folder, { recursive: true })
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const checkpoint = (...texts: string[]): Checkpoint => ({
  lastContainedLogTimestamp: 1_700_000_000_000,
  kraftVersion: 1,
  voters: null,
  records: texts.map((text) => Buffer.from(text)),
})
const textsOf = (found: Checkpoint | undefined): string[] | undefined => found?.records.map((record) => Buffer.from(record).toString())
const old = { offset: 10, epoch: 2 }
const later = { offset: 25, epoch: 3 }

test('checkpoints: the newest one is found at the next start, with all ids', async () => {
  const { checkpoints, newest } = await Checkpoints.open(folder)
  expect([checkpoints.stored, newest]).toEqual([[], undefined])
  await checkpoints.write(later, checkpoint('c', 'd', 'e'))
  await checkpoints.write(bootstrapId, checkpoint('a'))
  await checkpoints.write(old, checkpoint('b'))
  expect(readdirSync(folder).sort()).toEqual([
    '00000000000000000000-0000000000.checkpoint',
    '00000000000000000010-0000000002.checkpoint',
    '00000000000000000025-0000000003.checkpoint',
  ])
  const next = await Checkpoints.open(folder)
  expect(next.checkpoints.stored).toEqual(checkpoints.stored)
  expect(next.checkpoints.stored.map(({ offset, epoch }) => ({ offset, epoch }))).toEqual([bootstrapId, old, later])
  expect([next.newest?.id.offset, textsOf(next.newest?.checkpoint), next.damaged]).toEqual([25, ['c', 'd', 'e'], []])
  expect(textsOf(await next.checkpoints.load(old))).toEqual(['b'])
})

test('checkpoints: one that is cut off or damaged at any byte is not used, and reported with its place', async () => {
  const { checkpoints } = await Checkpoints.open(folder)
  await checkpoints.write(old, checkpoint('old'))
  await checkpoints.write(later, checkpoint('later'))
  const path = join(folder, checkpointName(later))
  const whole = readFileSync(path)
  const check = async (content: Buffer, place: string): Promise<void> => {
    writeFileSync(path, content)
    const { newest, damaged, checkpoints: found } = await Checkpoints.open(folder)
    expect([textsOf(newest?.checkpoint), found.stored.length], place).toEqual([['old'], 1])
    expect(damaged, place).toHaveLength(1)
    expect(damaged[0], place).toMatch(
      /0{18}25-0{9}3\.checkpoint: (damaged at byte \d+|no snapshot footer before byte \d+|no snapshot header|batch \d)/,
    )
  }
  for (let length = 0; length < whole.length; length++) await check(whole.subarray(0, length), `${length} bytes`)
  for (let at = 0; at < whole.length; at++) {
    const content = Buffer.from(whole)
    content[at]! ^= 4
    await check(content, `byte ${at}`)
  }
  writeFileSync(path, whole)
  expect(textsOf((await Checkpoints.open(folder)).newest?.checkpoint)).toEqual(['later'])
  // Hundreds of starts, on any disk.
}, 60_000)

test('checkpoints: a crash while one is written leaves the former ones, or the whole new one', async () => {
  const states: [string, string][] = []
  const { checkpoints } = await Checkpoints.open(folder, (point) => {
    const copy = join(root, `copy-${states.length}`)
    cpSync(folder, copy, { recursive: true })
    states.push([point, copy])
  })
  await checkpoints.write(old, checkpoint('old'))
  await checkpoints.write(later, checkpoint('later'))
  const found: unknown[] = []
  for (const [point, copy] of states) {
    found.push([point, textsOf((await Checkpoints.open(copy)).newest?.checkpoint)])
    expect(readdirSync(copy).filter((name) => name.endsWith('.part'))).toEqual([])
  }
  expect(found).toEqual([
    ['checkpoint written', undefined],
    ['checkpoint renamed', ['old']],
    ['checkpoint written', ['old']],
    ['checkpoint renamed', ['later']],
  ])
})

test('checkpoints: one is sent and received in pieces of any size', async () => {
  const { checkpoints } = await Checkpoints.open(folder)
  const { bytes } = await checkpoints.write(later, checkpoint('c', 'd', 'e'))
  const other = mkdtempSync(join(root, 'other-'))
  for (const pieceBytes of [1, 7, 100, bytes]) {
    const { checkpoints: receiver } = await Checkpoints.open(other)
    const part = await receiver.receive(later)
    while (part.bytes < bytes) await part.append((await checkpoints.read(later, part.bytes, pieceBytes))!)
    expect(await part.complete()).toEqual({ ...later, bytes })
    expect(readFileSync(join(other, checkpointName(later)))).toEqual(readFileSync(join(folder, checkpointName(later))))
    expect(receiver.stored).toEqual([{ ...later, bytes }])
  }
  expect(await checkpoints.read(old, 0, 10)).toBeUndefined()
})

test('checkpoints: a received one that is not whole does not get its name', async () => {
  const { checkpoints } = await Checkpoints.open(folder)
  const { bytes } = await checkpoints.write(later, checkpoint('later'))
  const content = (await checkpoints.read(later, 0, bytes))!
  await checkpoints.removeBelow(100)
  const other = mkdtempSync(join(root, 'other-'))
  const { checkpoints: receiver } = await Checkpoints.open(other)
  const part = await receiver.receive(later)
  await part.append(content.subarray(0, -1))
  await expect(part.complete()).rejects.toThrow(DamagedRecord)
  await part.abandon()
  expect([receiver.stored, readdirSync(other)]).toEqual([[], []])
  const another = await receiver.receive({ ...later, epoch: 4 })
  await another.append(content)
  await expect(another.complete()).rejects.toThrow('the epoch is 3, below 4')
  await Checkpoints.open(other)
  expect(readdirSync(other)).toEqual([])
})

test('checkpoints: those below an offset are removed, and never the newest', async () => {
  const { checkpoints } = await Checkpoints.open(folder)
  for (const id of [bootstrapId, old, later]) await checkpoints.write(id, checkpoint('x'))
  await checkpoints.removeBelow(10)
  expect(checkpoints.stored.map(({ offset }) => offset)).toEqual([10, 25])
  await checkpoints.removeBelow(1000)
  expect(checkpoints.stored.map(({ offset }) => offset)).toEqual([25])
  expect(readdirSync(folder)).toEqual([checkpointName(later)])
})

test.skipIf(smallDiskMissing() !== undefined)(
  'checkpoints: one that does not fit on the disk leaves nothing, and may be repeated',
  async () => {
    const disk = new SmallDisk(1)
    try {
      const { checkpoints } = await Checkpoints.open(disk.path)
      await checkpoints.write(old, checkpoint('old'))
      const large = { ...checkpoint(), records: [Buffer.alloc(700 << 10), Buffer.alloc(700 << 10)] }
      await expect(checkpoints.write(later, large)).rejects.toThrow('ENOSPC')
      expect([readdirSync(disk.path), checkpoints.stored.length]).toEqual([[checkpointName(old)], 1])
      disk.resize(4)
      await checkpoints.write(later, large)
      expect((await Checkpoints.open(disk.path)).newest?.checkpoint.records).toEqual(large.records)
    } finally {
      disk.unmount()
    }
  },
)
