import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Meta, openDataFolder, saveMeta } from '../../../../native-free-io/disk/data-folder.ts'
import { StartRefused } from '../../../../native-free-io/process/start-refused.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'folder-'))
  path = join(folder, 'deep', 'data')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const id = 'AAAAAAAAAAAAAAAAAAAAAQ'
const meta: Meta = {
  nodeId: 1,
  clusterId: id,
  foundingId: 'AAAAAAAAAAAAAAAAAAAAAw',
  state: 'done',
  directoryId: 'AAAAAAAAAAAAAAAAAAAABA',
  wal: '/var/wal',
}
const open = (nodeId = 1, clusterId: string | null = null) => openDataFolder(path, { nodeId, clusterId })

test('data folder: an empty one has no meta.properties, and what is saved is found', async () => {
  const first = await open()
  expect(first.meta).toBeUndefined()
  await saveMeta(first.path, meta)
  first.release()
  const second = await open(1, id)
  expect(second.meta).toEqual(meta)
  second.release()
})

test('data folder: meta.properties of an older release has no founding', async () => {
  ;(await open()).release()
  writeFileSync(join(path, 'meta.properties'), `version=1\nnode.id=1\ncluster.id=${id}\n`)
  const { meta: found, release } = await open()
  release()
  expect(found).toEqual({ nodeId: 1, clusterId: id, foundingId: null, state: 'upgrade', directoryId: null, wal: null })
})

test('data folder: one of another node or cluster is rejected, and is free again', async () => {
  ;(await open()).release()
  await saveMeta(path, meta)
  await expect(open(2, id)).rejects.toThrow(/belongs to node 1, not 2/)
  await expect(open(1, 'AAAAAAAAAAAAAAAAAAAAAg')).rejects.toThrow(new RegExp(`belongs to cluster ${id}`))
  ;(await open(1, id)).release()
})

test('data folder: one process has it at a time', async () => {
  const owner = await open()
  await expect(open()).rejects.toThrow(StartRefused)
  owner.release()
  expect(existsSync(join(owner.path, '.lock'))).toBe(false)
  ;(await open()).release()
})

test('data folder: the lock of a process that is gone does not hold', async () => {
  const first = await open()
  first.release()
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  for (const stale of [`${pid} 12345\n`, `${process.pid} 1\n`, '', 'x']) {
    writeFileSync(join(first.path, '.lock'), stale)
    const owner = await open()
    owner.release()
  }
})

test.each(['hello', '', `version=1\nnode.id=1\ncluster.id=${id}\nfounding.id=x\n`])(
  'data folder: meta.properties with the text %j is rejected, not overwritten',
  async (text) => {
    ;(await open()).release()
    writeFileSync(join(path, 'meta.properties'), text)
    await expect(open()).rejects.toThrow(/meta\.properties is not valid/)
  },
)

test('data folder: one that cannot be made is rejected in one line', async () => {
  writeFileSync(join(folder, 'plain'), '')
  await expect(openDataFolder(join(folder, 'plain', 'data'), { nodeId: 1, clusterId: null })).rejects.toThrow(
    /^log\.dirs = .* cannot be used/,
  )
})
