import { expect, test } from 'vitest'
import { longIf } from '../support/long.ts'
import { moduleWith } from '../support/mutant.ts'
import type { Engine } from './storage/simulated-node.ts'
import { StorageWorld } from './storage-world.ts'

const actions = 40
/** A search for a seed that detects a bug, when the one in the table does not any more. */
const searchMs = 60_000
const blockOfSeeds = 3

for (let first = 0; first < 48; first += blockOfSeeds) {
  test(
    `storage engine: no record is lost and no object is left over after store faults and crashes, three seeds from ${first}`,
    longIf(first >= 24),
    async () => {
      for (let seed = first; seed < first + blockOfSeeds; seed++) await runOf(seed)
    },
  )
}

test('storage engine: the same seed twice is the same history, and histories contain every event', async () => {
  const histories = async () => {
    const worlds = []
    for (const seed of [0, 6, 2]) worlds.push(await new StorageWorld(seed).run(actions))
    return worlds.map(({ figures, records, time }) => ({ figures, records, events: time.count }))
  }
  const once = await histories()
  expect(await histories()).toEqual(once)
  for (const figure of Object.keys(once[0]!.figures) as (keyof StorageWorld['figures'])[]) {
    expect({ figure, sum: once.reduce((sum, { figures }) => sum + figures[figure], 0) }).not.toMatchObject({ sum: 0 })
  }
})

async function runOf(seed: number, engine: Partial<Engine> = {}): Promise<void> {
  try {
    await new StorageWorld(seed, engine).run(actions)
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
  }
}

/** An engine in which one place of one file is changed. */
async function planted(file: string, from: string, to: string): Promise<Partial<Engine>> {
  const path = `src/${file}`
  if (file === retention) return moduleWith(path, {}, { from, to })
  if (file === retentionRules) return moduleWith(`src/${retention}`, { [path]: await moduleWith(path, {}, { from, to }) })
  return moduleWith('src/storage/object-storage.ts', { [path]: await moduleWith(path, {}, { from, to }) })
}

/** A bug, and the first seed that detects it. */
interface Bug {
  readonly seed: number
  readonly file: string
  readonly from: string
  readonly to: string
}
const uploader = 'storage/log-uploader.ts'
const cleaner = 'storage/log-cleaner.ts'
const gc = 'storage/object-gc.ts'
const compactor = 'storage/object-compactor.ts'
const retention = 'storage/retention-task.ts'
const retentionRules = 'objects/retention.ts'

const bugs: Readonly<Record<string, Bug>> = {
  'a trim of the log before its object is committed': {
    ...{ seed: 0, file: uploader, from: "      onStep('object stored')\n" },
    to: "      await lane.trim(end)\n      onStep('object stored')\n",
  },
  'commits out of order': { seed: 0, file: uploader, from: 'uploads.shift()!', to: 'uploads.pop()!' },
  'producers that are not saved before a trim': {
    ...{ seed: 0, file: uploader, from: "await this.#saveProducers()\n    onStep('producers saved')", to: "onStep('producers saved')" },
  },
  'a number of lanes that changes before all records are stored': {
    ...{ seed: 2, file: uploader, from: '      await this.drain()\n      await delay(time, durablePollMs)\n', to: '      break\n' },
  },
  'an upload repeated under its id after an unknown outcome': {
    ...{ seed: 155, file: uploader, from: 'if (error.fault.mayBeDone)', to: 'if (false)' },
  },
  'an upload under the id of an abandoned one': {
    ...{ seed: 2, file: uploader, from: 'upload.objectId = await ids.take()', to: 'await ids.take()' },
  },
  'an abandoned upload that is not reported': { seed: 2, file: uploader, from: 'onAbandoned([upload.objectId])', to: '' },
  'a failed upload that counts as stored': {
    ...{ seed: 0, file: uploader, from: '        onFault(error.fault)\n', to: '        onFault(error.fault)\n        return undefined\n' },
  },
  'a compaction that removes its sources before its commit': {
    ...{ seed: 0, file: compactor, from: 'const committed = await metadata.replaceObjects' },
    to: 'await this.#parts.jobs.remove(replaced)\n    const committed = await metadata.replaceObjects',
  },
  'removal of prepared objects of this start': {
    ...{ seed: 0, file: gc, from: 'const left = [...this.#left]', to: 'const left = [...this.#parts.metadata.preparedIds()]' },
  },
  'marks of objects that are still read': {
    ...{ seed: 3, file: 'objects/object-map.ts', from: 'parts[dead]!.end <= logStart', to: 'parts[dead]!.start <= logStart' },
  },
  'unreferenced objects that are never marked': {
    ...{ seed: 0, file: gc, from: 'const marked = await metadata.markUnreferenced()', to: 'const marked = []' },
  },
  'a compaction that drops a part': { seed: 0, file: compactor, from: 'sources.map(from)', to: 'sources.slice(0, 2).map(from)' },
  'a failed compaction that is not reported': {
    ...{ seed: 91, file: compactor, from: '      onAbandoned(taken)\n      throw error', to: '      throw error' },
  },
  'a compaction by key that skips an object': {
    ...{ seed: 0, file: cleaner, from: 'objects.from(partitionId, logStart)', to: 'objects.from(partitionId, logStart).slice(1)' },
  },
  'a compaction by key of a deleted partition that is not reported': {
    ...{ seed: 152, file: cleaner, from: "if (committed === 'rejected') return onAbandoned(taken)" },
    to: "if (committed === 'rejected') return",
  },
  'tombstones without their retention': { seed: 28, file: cleaner, from: '.deleteRetentionMs,', to: '.deleteRetentionMs * 0,' },
  'a compaction by key without the producers': {
    ...{ seed: 0, file: cleaner, from: 'new Map(reply.producers.map(', to: 'new Map([].map(' },
  },
  'retention that ignores young records in the log': {
    ...{ seed: 1, file: retention, from: 'young.place?.baseOffset ?? unstored.end', to: 'stats.end' },
  },
  'a partial compaction by key that counts as complete': {
    ...{ seed: 0, file: cleaner, from: 'replaceCleaned({ partitionId, end,' },
    to: 'replaceCleaned({ partitionId, end: parts.at(-1)!.end,',
  },
  'a partial compaction by key that removes the parts after its end': {
    ...{ seed: 0, file: cleaner, from: 'parts.slice(0, replaced)', to: 'parts' },
  },
  'a partial compaction by key that is not continued': {
    ...{ seed: 0, file: cleaner, from: 'if (objects.end(partitionId) <= Math.max(cleaned, logStart))' },
    to: 'if (cleaned > 0 || objects.end(partitionId) <= logStart)',
  },
  'retention by size that leaves less than its limit': {
    ...{ seed: 6, file: retentionRules, from: 'bytes - part.bytes >= retentionBytes', to: 'bytes >= retentionBytes' },
  },
  'retention by size that waits for expired records': {
    ...{ seed: 26, file: retentionRules, from: 'limits.retentionBytes !== null || first', to: 'first' },
  },
  'retention by size that counts the log twice': {
    ...{
      seed: 6,
      file: retention,
      from: 'stored + unstored.bytes',
      to: 'stored + unstored.bytes * 2',
    },
  },
}

const files = Object.values(bugs).map(({ file }) => file)

/** Planted bugs verify that the simulation detects errors. In short there is one in each file. */
for (const [index, [bug, { seed, file, from, to }]] of Object.entries(bugs).entries()) {
  test(`storage engine: some seed detects ${bug}`, longIf(files.indexOf(file) < index, searchMs), async () => {
    const engine = await planted(file, from, to)
    let detected: number | undefined
    for (let each = seed; detected === undefined && each < seed + 300; each++) {
      await runOf(each, engine).catch(() => {
        detected = each
      })
    }
    expect(detected).toBeDefined()
    // It is the bug that is detected.
    await runOf(detected!)
  })
}
