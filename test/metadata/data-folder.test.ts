import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FolderRefused, openDataFolder } from '../../native-free-io/data-folder.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'folder-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const entropy = { bytes: (count: number): Uint8Array => new Uint8Array(count).fill(255) }
const id = 'AAAAAAAAAAAAAAAAAAAAAQ'
const open = (nodeId = 1, clusterId: string | null = null) => openDataFolder(join(folder, 'deep', 'data'), { nodeId, clusterId }, entropy)

test('a first start founds a cluster, later ones find it', async () => {
  const first = await open()
  expect([first.isNew, first.clusterId]).toEqual([true, '_____________________w'])
  first.release()
  const second = await open()
  expect([second.isNew, second.clusterId]).toEqual([false, '_____________________w'])
  second.release()
})

test('a folder of another node or cluster is refused, and is free again', async () => {
  ;(await open(1, id)).release()
  await expect(open(2, id)).rejects.toThrow(/belongs to node 1, not 2/)
  await expect(open(1, 'AAAAAAAAAAAAAAAAAAAAAg')).rejects.toThrow(new RegExp(`belongs to cluster ${id}`))
  ;(await open(1, id)).release()
})

test('a folder has one owner at a time', async () => {
  const owner = await open()
  await expect(open()).rejects.toThrow(FolderRefused)
  owner.release()
  expect(existsSync(join(owner.path, '.lock'))).toBe(false)
  ;(await open()).release()
})

test('the lock of a process that is gone does not hold', async () => {
  const first = await open()
  first.release()
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  for (const stale of [`${pid} 12345\n`, `${process.pid} 1\n`, '', 'x']) {
    writeFileSync(join(first.path, '.lock'), stale)
    const owner = await open()
    owner.release()
  }
})

test('a file of another meaning is not overwritten', async () => {
  ;(await open()).release()
  writeFileSync(join(folder, 'deep', 'data', 'meta.properties'), 'hello')
  await expect(open()).rejects.toThrow(/is not one that Millrace wrote/)
})
