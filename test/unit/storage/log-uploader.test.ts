import { expect, test } from 'vitest'
import { type FaultRates, noFaults } from '../../sim/storage/faulty-store.ts'
import { ScriptedWorld } from '../../sim/storage/scripted-world.ts'

/** No put is performed, and the node receives that. */
const rejecting: FaultRates = { ...noFaults, lost: 1000 }
/** Every put is performed, and the node receives a timeout. */
const silent: FaultRates = { ...noFaults, unanswered: 1000 }

/** A node with a record in its WAL. The upload under id 1 fails once at these fault rates. Then the store recovers. */
async function failedUpload(faultRates: FaultRates): Promise<ScriptedWorld> {
  const world = new ScriptedWorld()
  await world.start()
  await world.append(await world.createTopic('first'), ['a'])
  world.storedObjects.faultRates = faultRates
  await world.until(() => world.figures.faults > 0)
  world.storedObjects.faultRates = noFaults
  return world
}

/** Everything that was abandoned is removed, and no other object. */
async function settled(world: ScriptedWorld): Promise<void> {
  await world.time.advance(60_000)
  expect(world.failures).toEqual([])
  expect(world.figures.faults).toBe(1)
}

test('log uploader: an upload that was certainly not performed is retried under the same id', async () => {
  const world = await failedUpload(rejecting)
  expect(world.stored).toEqual([])
  await settled(world)
  expect(world.committed).toEqual([1])
  expect(world.stored).toEqual([1])
  expect(world.removed).toEqual([])
})

test('log uploader: an upload that may have been performed is retried under another id, and its object is removed', async () => {
  const world = await failedUpload(silent)
  expect(world.stored).toEqual([1])
  await settled(world)
  expect(world.committed).toEqual([2])
  expect(world.stored).toEqual([2])
  expect(world.removed).toEqual([1])
})

test('log uploader: the id of an upload that was certainly not performed is used again after its topic is deleted', async () => {
  const world = await failedUpload(rejecting)
  await world.complete(world.deleteTopic('first'))
  await settled(world)
  expect(world.committed).toEqual([])
  await world.append(await world.createTopic('second'), ['a'])
  await settled(world)
  expect(world.committed).toEqual([1])
  expect(world.stored).toEqual([1])
  expect(world.removed).toEqual([])
})

test('log uploader: the id of an upload that may have been performed is not used again after its topic is deleted', async () => {
  const world = await failedUpload(silent)
  await world.complete(world.deleteTopic('first'))
  await settled(world)
  expect(world.committed).toEqual([])
  expect(world.removed).toEqual([1])
  await world.append(await world.createTopic('second'), ['a'])
  await settled(world)
  expect(world.committed).toEqual([2])
  expect(world.stored).toEqual([2])
  expect(world.removed).toEqual([1])
})
