import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DiskRoom } from '../../../../native-free-io/disk/disk-room.ts'
import { MetadataDamaged, MetadataFile } from '../../../../native-free-io/disk/metadata-file.ts'
import { mark } from '../../../../src/metadata/frames.ts'
import { SmallDisk, smallDiskMissing } from '../../../support/small-disk.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'metadata-'))
  path = join(folder, 'metadata.log')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const never = (error: Error): void => {
  throw error
}
const room = new DiskRoom(() => {})
/** The file up to the end of the log: what is allocated behind that is zeros. */
async function used(): Promise<Buffer> {
  const { log } = await MetadataFile.open(path, room, never)
  await log.close()
  const content = readFileSync(path)
  expect(content.subarray(log.bytes).every((byte) => byte === 0)).toBe(true)
  return content.subarray(0, log.bytes)
}
const bytes = (text: string): Uint8Array => Buffer.from(text)
async function write(...appends: string[][]): Promise<void> {
  const { log } = await MetadataFile.open(path, room, never)
  for (const append of appends) await log.append(append.map(bytes))
  await log.close()
}
async function read(): Promise<string[]> {
  const { log, records } = await MetadataFile.open(path, room, never)
  await log.close()
  return records.map((record) => Buffer.from(record).toString())
}

test('metadata file: what was appended is there after a restart, in order', async () => {
  await write(['a', 'b'], [''], ['c'])
  await write(['d'])
  expect(await read()).toEqual(['a', 'b', '', 'c', 'd'])
})

test('metadata file: appends that wait together resolve in order and are written in few frames', async () => {
  const { log } = await MetadataFile.open(path, room, never)
  const order: number[] = []
  await Promise.all(Array.from({ length: 500 }, (_, index) => log.append([bytes(`r${index}`)]).then(() => order.push(index))))
  await log.close()
  expect(order).toEqual(Array.from({ length: 500 }, (_, index) => index))
  expect(readFileSync(path).toString('latin1').split('MRFM').length - 1).toBeLessThan(5)
  expect((await read()).length).toBe(500)
})

test('metadata file: a write that was cut off at any byte is as if it had never been', async () => {
  await write(['first'], ['second'])
  const whole = await used()
  const firstOnly = 8 + 16 + 4 + 5
  for (let length = firstOnly; length < whole.length - mark.length; length++) {
    writeFileSync(path, whole.subarray(0, length))
    expect(await read(), `cut at ${length}`).toEqual(['first'])
    await write(['third'])
    expect(await read()).toEqual(['first', 'third'])
  }
})

test('metadata file: garbage after the last frame is cut off', async () => {
  await write(['first'])
  writeFileSync(path, Buffer.concat([await used(), Buffer.alloc(5000, 7)]))
  const { log, tornBytes } = await MetadataFile.open(path, room, never)
  await log.close()
  expect([tornBytes, await read()]).toEqual([5000, ['first']])
})

test('metadata file: damage before a whole frame is not taken for a torn write', async () => {
  await write(['first'], ['second'], ['third'])
  const whole = await used()
  for (const at of [8, 12, 16, 20, 30, 40, 58]) {
    const damaged = Buffer.from(whole)
    damaged[at] = damaged[at]! ^ 0x40
    writeFileSync(path, damaged)
    await expect(read(), `byte ${at}`).rejects.toThrow(MetadataDamaged)
  }
})

test('metadata file: damage to the last frame is not taken for a torn write either, once the disk has what follows it', async () => {
  await write(['first'], ['second'])
  const whole = await used()
  const last = whole.length - mark.length
  for (let at = last - 16 - 4 - 6; at < last; at++) {
    const damaged = Buffer.from(whole)
    damaged[at]! ^= 1
    writeFileSync(path, damaged)
    await expect(MetadataFile.open(path, room, never), `byte ${at}`).rejects.toThrow(MetadataDamaged)
  }
  // The mark itself holds nothing.
  for (let length = last; length <= whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length))
    expect(await read()).toEqual(['first', 'second'])
  }
})

test('metadata file: damage to a log that began anew is found', async () => {
  const { log } = await MetadataFile.open(path, room, never)
  await log.replace([bytes('all')])
  await log.close()
  const whole = await used()
  whole[whole.length - mark.length - 1]! ^= 1
  writeFileSync(path, whole)
  await expect(MetadataFile.open(path, room, never)).rejects.toThrow(MetadataDamaged)
})

test('metadata file: another file is not taken for a metadata log', async () => {
  writeFileSync(path, 'num.partitions=4')
  await expect(read()).rejects.toThrow('is not a metadata log')
})

test('metadata file: a log that begins anew holds what it is given and what follows', async () => {
  const { log } = await MetadataFile.open(path, room, never)
  await log.append([bytes('old')])
  const before = log.bytes
  const done = [log.append([bytes('older')]), log.replace([bytes('all')]), log.append([bytes('next')])]
  await Promise.all(done)
  expect(log.bytes).toBeLessThan(before + 100)
  await log.close()
  expect(await read()).toEqual(['all', 'next'])
})

test('metadata file: zeros are allocated behind the log, and are no damage', async () => {
  await write(['first'])
  const size = readFileSync(path).length
  expect(size).toBeGreaterThan(256 << 10)
  for (let i = 0; i < 5; i++) await write([`record ${i}`])
  expect(readFileSync(path).length).toBe(size)
  const { log, tornBytes, records } = await MetadataFile.open(path, room, never)
  await log.close()
  expect([tornBytes, records.length]).toEqual([0, 6])
})

test.skipIf(smallDiskMissing() !== undefined)('metadata file: a full disk is reported, waited for, and loses nothing', async () => {
  const disk = new SmallDisk(1)
  try {
    path = join(disk.path, 'metadata.log')
    const notified: boolean[] = []
    const { log } = await MetadataFile.open(path, new DiskRoom((_, isFull) => notified.push(isFull)), never)
    await log.append([bytes('before')])
    disk.fill()
    const record = Buffer.alloc(100 << 10, 'r')
    let appended = 0
    for (let i = 0; i < 4; i++) void log.append([record]).then(() => appended++)
    await expect.poll(() => log.isFull).toBe(true)
    expect(notified).toEqual([true])
    expect(appended).toBeLessThan(4)
    disk.free()
    await expect.poll(() => appended, { timeout: 5000 }).toBe(4)
    expect([notified, log.isFull]).toEqual([[true, false], false])
    await log.close()
    expect((await read()).length).toBe(5)
  } finally {
    disk.unmount()
  }
})

test('metadata file: a failed write is reported once, and its append never resolves', async () => {
  const failures: Error[] = []
  const { log } = await MetadataFile.open(path, room, (error) => failures.push(error))
  await log.append([bytes('a')])
  await log.close()
  let resolved = 0
  for (const record of ['b', 'c']) void log.append([bytes(record)]).then(() => resolved++)
  await expect.poll(() => failures.length).toBe(1)
  void log.append([bytes('d')]).then(() => resolved++)
  expect([failures.length, resolved, await read()]).toEqual([1, 0, ['a']])
})
