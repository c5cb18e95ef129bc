import { expect, test } from 'vitest'
import { ScriptedWorld } from '../../sim/storage/scripted-world.ts'

const retentionBytes = 1300
const checksMs = 700_000

test('retention: records that are in an object and still in the WAL are counted once', async () => {
  const world = new ScriptedWorld()
  await world.start()
  const partitionId = await world.createTopic('t', { 'retention.bytes': String(retentionBytes), 'retention.ms': '-1' })
  const appendSome = async (): Promise<void> => {
    for (let i = 0; i < 6; i++) await world.append(partitionId, ['a'])
  }
  const walBytes = (): number => world.disks[0]!.entries.reduce((sum, { batch }) => sum + batch.length, 0)
  const cuts = (): number => world.history.filter(({ type }) => type === 'logStartMoved').length
  await appendSome()
  const bytes = walBytes()
  expect(bytes).toBeLessThan(retentionBytes)
  await world.until(() => world.disks[0]!.entries.length === 0)

  // The object is committed, and the WAL is trimmed only after the producers were saved.
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  world.onReply = ({ type }) => (type === 'producers' ? released : undefined)
  await appendSome()
  await world.until(() => world.committed.length === 2)
  let requested = 0
  world.onReply = ({ type }) => {
    if (type === 'walStats') requested++
    return undefined
  }
  await world.time.advance(checksMs)
  const stored = [...world.image.storage.objects.values()].flatMap(({ parts }) => parts)
  const second = stored.find(({ start }) => start > 0)!
  // Without the first object there are too few bytes to delete it, unless those of the second are counted twice.
  expect(bytes + second.bytes).toBeGreaterThanOrEqual(retentionBytes)
  expect(requested).toBeGreaterThan(0)
  expect(walBytes()).toBe(bytes)
  expect(cuts()).toBe(0)

  release()
  await world.until(() => world.disks[0]!.entries.length === 0)
  expect(world.failures).toEqual([])
})
