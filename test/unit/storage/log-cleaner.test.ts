import { expect, test } from 'vitest'
import { ScriptedWorld } from '../../sim/storage/scripted-world.ts'

const topic = 'states'
const compacted = { 'cleanup.policy': 'compact', 'segment.ms': '4000' }
/** Object ids that a start of a node prepares at once. */
const preparedAtOnce = 32
const idsBefore = Array.from({ length: preparedAtOnce }, (_, index) => index + 1)
const firstId = preparedAtOnce + 1

/** A node that has just started, and will compact its only partition, which is in object 1. The ids of the start before are removed. */
async function beforeCleaning(): Promise<ScriptedWorld> {
  const world = new ScriptedWorld()
  await world.start()
  const partitionId = await world.createTopic(topic, compacted)
  await world.append(partitionId, ['a', 'b', 'a', 'b'])
  await world.until(() => world.disks[0]!.entries.length === 0)
  await world.start()
  await world.until(() => world.removed.length === preparedAtOnce - 1)
  expect(world.committed).toEqual([1])
  return world
}

/** The topic is deleted, everything is removed including the object id that the cleaner took, and nothing was compacted. */
async function checkAbandoned(world: ScriptedWorld, deletion: Promise<void>, taken: number): Promise<void> {
  await world.complete(deletion)
  await world.time.advance(60_000)
  expect(world.failures).toEqual([])
  expect(world.figures.cleanings).toBe(0)
  expect(world.history.filter(({ type }) => type === 'partitionCleaned')).toEqual([])
  expect(world.removed).toEqual([...idsBefore, taken])
  expect(world.stored).toEqual([])
}

const typesAfter = (world: ScriptedWorld, count: number): string[] => world.history.slice(count).map(({ type }) => type)

test('log cleaner: a topic that is deleted while an object id is taken is not compacted, and the id is removed', async () => {
  const world = await beforeCleaning()
  const { length } = world.history
  world.hold()
  const deletion = world.deleteTopic(topic)
  // The cleaner plans the compaction, and its request for ids follows the deletion.
  await world.time.advance(10_000)
  world.release()
  // The uploader has taken the first id, and released it: the rest of the WAL is padding.
  await checkAbandoned(world, deletion, firstId + 1)
  expect(typesAfter(world, length).filter((type) => type === 'topicDeleted' || type === 'objectsPrepared')).toEqual([
    'topicDeleted',
    'objectsPrepared',
  ])
})

test('log cleaner: a topic that is deleted while its producers are requested is not compacted, and the id is removed', async () => {
  const world = await beforeCleaning()
  let deletion: Promise<void> | undefined
  world.onReply = (command) => {
    if (command.type !== 'producersOf') return undefined
    deletion ??= world.deleteTopic(topic)
    return deletion
  }
  await world.until(() => deletion !== undefined)
  await checkAbandoned(world, deletion!, firstId)
})

test('log cleaner: a topic that is deleted while it is read and written is not compacted, and the new object is removed', async () => {
  const world = await beforeCleaning()
  let deletion: Promise<void> | undefined
  world.onClean = () => {
    deletion ??= world.deleteTopic(topic)
  }
  await world.until(() => world.stored.length === 2)
  expect(world.stored).toEqual([1, firstId])
  await checkAbandoned(world, deletion!, firstId)
})

test('log cleaner: a topic that remains is compacted into a new object, and the old one is removed', async () => {
  const world = await beforeCleaning()
  await world.until(() => world.figures.cleanings === 1)
  expect(world.committed).toEqual([firstId])
  await world.time.advance(60_000)
  expect(world.failures).toEqual([])
  expect(world.figures.cleanings).toBe(1)
  expect(world.removed).toEqual(idsBefore)
  expect(world.stored).toEqual([firstId])
})
