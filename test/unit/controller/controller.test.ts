import { expect, test } from 'vitest'
import { ControllerBusy, imageOf, type TopicsChanged } from '../../../src/controller/controller.ts'
import { commandsMax } from '../../../src/controller/machine.ts'
import type { CreatedTopic, NewTopic } from '../../../src/controller/messages.ts'
import { snapshotAfterBytes } from '../../../src/metadata/store.ts'
import { zeroUuid } from '../../../src/wire/schema.ts'
import { controllerWorld, MemoryLog, settingsOf } from './world.ts'

const topic = (name: string, rest: Partial<NewTopic> = {}): NewTopic => ({
  name,
  topicId: Buffer.from(name.padEnd(16).slice(0, 16)).toString('base64url'),
  partitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...rest,
})
const create = (...topics: NewTopic[]) => ({ type: 'createTopics', topics, validateOnly: false }) as const
const verdicts = (answer: readonly { name: string | null; error: { name: string } }[]): string[] =>
  answer.map(({ name, error }) => `${name} ${error.name}`)

test('a created topic is durable, replayed and open, in this order, before the response', async () => {
  const { controller, log, partitions } = await controllerWorld()
  log.held = []
  let answered: readonly CreatedTopic[] | undefined
  const changes: TopicsChanged[] = []
  controller.onTopicsChanged((change) => changes.push(change))
  let release: () => void = () => {}
  partitions.opening = new Promise((resolve) => {
    release = resolve
  })
  const answer = controller.ask(create(topic('a', { partitions: 2 }))).then((created) => {
    answered = created
  })
  await Promise.resolve()
  expect([controller.image.topics.size, answered]).toEqual([0, undefined])
  log.release()
  await new Promise(setImmediate)
  expect([controller.image.topics.size, controller.isServed(1), changes.length, answered]).toEqual([1, false, 0, undefined])
  release()
  await answer
  expect([controller.isServed(1), changes]).toEqual([
    true,
    [{ name: 'a', topicId: topic('a').topicId, partitions: [1, 2], change: 'opened', settings: expect.anything() }],
  ])
  expect(verdicts(answered!)).toEqual(['a NONE'])
})

test('commands see the effects of earlier commands', async () => {
  const { controller } = await controllerWorld()
  const answers = await Promise.all([
    controller.ask(create(topic('a'))),
    controller.ask(create(topic('a'))),
    controller.ask({ type: 'deleteTopics', topics: [{ name: 'a', topicId: zeroUuid }] }),
    controller.ask({ type: 'deleteTopics', topics: [{ name: 'a', topicId: zeroUuid }] }),
    controller.ask(create(topic('a'))),
  ])
  expect(answers.map(verdicts)).toEqual([['a NONE'], ['a TOPIC_ALREADY_EXISTS'], ['a NONE'], ['a UNKNOWN_TOPIC_OR_PARTITION'], ['a NONE']])
  expect(controller.image.topics.get('a')!.partitionIds).toEqual([2])
})

test('listeners receive changes in the order of replay, and existing topics first', async () => {
  const log = new MemoryLog()
  const before = await controllerWorld({ log })
  await before.controller.ask(create(topic('a'), topic('b')))
  const heard: string[] = []
  const { controller } = await controllerWorld({ log })
  controller.onTopicsChanged(({ name, partitions, change }) => heard.push(`${change === 'deleted' ? '-' : '+'}${name} ${partitions}`))
  await controller.start()
  await Promise.all([
    controller.ask({ type: 'createPartitions', topics: [{ name: 'a', count: 3, assignments: null }], validateOnly: false }),
    controller.ask({ type: 'deleteTopics', topics: [{ name: 'b', topicId: zeroUuid }] }),
  ])
  expect(heard).toEqual(['+a 1', '+b 2', '+a 1,3,4', '-b 2'])
})

test('partition ids and producer ids are never allocated twice, also across restarts and snapshots', async () => {
  const log = new MemoryLog()
  const first = await controllerWorld({ log })
  await first.controller.ask(create(topic('a', { partitions: 5 })))
  await first.controller.ask({ type: 'deleteTopics', topics: [{ name: 'a', topicId: zeroUuid }] })
  expect(await first.controller.ask({ type: 'allocateProducerIds', count: 1000 })).toEqual({ first: 0n })
  log.bytes = snapshotAfterBytes * 2
  expect(await first.controller.ask({ type: 'allocateProducerIds', count: 1000 })).toEqual({ first: 1000n })
  // Allocated producer ids and partition ids, and the number of records that the snapshot replaces.
  expect([log.replacements, log.records.length]).toEqual([1, 3])
  const second = await controllerWorld({ log })
  await second.controller.ask(create(topic('b')))
  expect(second.controller.image.topics.get('b')!.partitionIds).toEqual([6])
  expect(await second.controller.ask({ type: 'allocateProducerIds', count: 1 })).toEqual({ first: 2000n })
  expect(imageOf(log.records)).toEqual(second.controller.image)
})

test('facts that wait together share an append', async () => {
  const { controller, log } = await controllerWorld()
  log.held = []
  const fact = (objectId: number) =>
    controller.ask({ type: 'record', records: [{ type: 'objectCommitted', objectId, bytes: 1, parts: [] }] })
  const all = [fact(1), fact(2), fact(3), fact(4)]
  for (let round = 0; round < 3; round++) {
    log.release()
    await new Promise(setImmediate)
  }
  await Promise.all(all)
  expect([log.appends, [...controller.image.objects.keys()]]).toEqual([2, [1, 2, 3, 4]])
})

test('a log start moves forward only, and its partition is trimmed', async () => {
  const { controller, partitions } = await controllerWorld()
  await controller.ask(create(topic('a')))
  expect(await controller.ask({ type: 'moveLogStart', partitionId: 1, offset: 7n })).toBe(7n)
  expect(await controller.ask({ type: 'moveLogStart', partitionId: 1, offset: 3n })).toBe(7n)
  expect(await controller.ask({ type: 'moveLogStart', partitionId: 9, offset: 3n })).toBeUndefined()
  expect(partitions.said).toEqual(['open 1', 'trim 1 7'])
})

test('too many waiting commands are rejected', async () => {
  const { controller, log } = await controllerWorld()
  log.held = []
  const asked = Array.from({ length: commandsMax + 2 }, () => controller.ask({ type: 'allocateProducerIds', count: 1 }))
  await expect(asked.at(-1)).rejects.toThrow(ControllerBusy)
  // The node itself stops without its own facts.
  const fact = controller.ask({ type: 'record', records: [{ type: 'objectsPrepared', first: 1, count: 1 }] })
  const over = Promise.race([fact, new Promise((resolve) => setImmediate(resolve, 'it waits'))])
  expect(await over).toBe('it waits')
  for (const each of asked) each.catch(() => {})
})

test.each<[string, Partial<NewTopic>, string]>([
  ['', {}, 'INVALID_TOPIC_EXCEPTION'],
  ['..', {}, 'INVALID_TOPIC_EXCEPTION'],
  ['../x', {}, 'INVALID_TOPIC_EXCEPTION'],
  ['x'.repeat(250), {}, 'INVALID_TOPIC_EXCEPTION'],
  ['x'.repeat(249), {}, 'NONE'],
  ['here_it.is', {}, 'INVALID_TOPIC_EXCEPTION'],
  ['here.it_is', {}, 'TOPIC_ALREADY_EXISTS'],
  ['__cluster_metadata', {}, 'INVALID_REQUEST'],
  ['a', { partitions: 0 }, 'INVALID_PARTITIONS'],
  ['a', { partitions: -2 }, 'INVALID_PARTITIONS'],
  ['a', { partitions: 10_001 }, 'POLICY_VIOLATION'],
  ['a', { replicationFactor: 0 }, 'INVALID_REPLICATION_FACTOR'],
  ['a', { replicationFactor: 99 }, 'INVALID_REPLICATION_FACTOR'],
  ['a', { replicationFactor: 3 }, 'NONE'],
  ['a', { partitions: -1, replicationFactor: -1 }, 'NONE'],
  ['a', { configs: [{ name: 'no.such', value: '1' }] }, 'INVALID_CONFIG'],
  ['a', { configs: [{ name: 'retention.ms', value: null }] }, 'INVALID_CONFIG'],
  ['a', { assignments: [{ partition: 0, brokers: [1] }] }, 'INVALID_REQUEST'],
])('a topic %j with %j is answered with %s', async (name, rest, error) => {
  const { controller } = await controllerWorld()
  await controller.ask(create(topic('here.it_is')))
  expect(verdicts(await controller.ask(create(topic(name, rest))))).toEqual([`${name} ${error}`])
})

test.each([
  [
    [
      { partition: 0, brokers: [1] },
      { partition: 1, brokers: [1] },
    ],
    'NONE',
  ],
  [[{ partition: 1, brokers: [1] }], 'INVALID_REPLICA_ASSIGNMENT'],
  [[{ partition: 0, brokers: [] }], 'INVALID_REPLICA_ASSIGNMENT'],
  [[{ partition: 0, brokers: [1, 1] }], 'INVALID_REPLICA_ASSIGNMENT'],
  [[{ partition: 0, brokers: [2] }], 'INVALID_REPLICA_ASSIGNMENT'],
])('an assignment of %j is answered with %s', async (assignments, error) => {
  const { controller } = await controllerWorld()
  const [created] = await controller.ask(create(topic('a', { assignments, partitions: -1, replicationFactor: -1 })))
  expect(created!.error.name).toBe(error)
})

test('a topic named twice in a request is not created, a checked one neither', async () => {
  const { controller } = await controllerWorld()
  expect(verdicts(await controller.ask(create(topic('a'), topic('b'), topic('a'))))).toEqual(['a INVALID_REQUEST', 'b NONE'])
  expect(verdicts(await controller.ask({ ...create(topic('c')), validateOnly: true }))).toEqual(['c NONE'])
  expect(verdicts(await controller.ask(create(topic('e.f'), topic('e_f'))))).toEqual(['e.f NONE', 'e_f INVALID_TOPIC_EXCEPTION'])
  expect([...controller.image.topics.keys()]).toEqual(['b', 'e.f'])
})

test('the settings supply values that a request leaves open', async () => {
  const { controller } = await controllerWorld({ settings: settingsOf('num.partitions=4', 'default.replication.factor=2') })
  const [created] = await controller.ask(create(topic('a', { partitions: -1, replicationFactor: -1 })))
  expect([created!.partitions, created!.replicationFactor, created!.configs.length]).toEqual([4, 2, 33])
})

test.each([
  [{ name: 'a', count: 3, assignments: null }, 'NONE'],
  [{ name: 'a', count: 3, assignments: [[1]] }, 'NONE'],
  [{ name: 'a', count: 2, assignments: null }, 'INVALID_PARTITIONS'],
  [{ name: 'a', count: 1, assignments: null }, 'INVALID_PARTITIONS'],
  [{ name: 'a', count: 100_000, assignments: null }, 'INVALID_PARTITIONS'],
  [{ name: 'b', count: 3, assignments: null }, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [{ name: 'a', count: 4, assignments: [[1]] }, 'INVALID_REPLICA_ASSIGNMENT'],
  [{ name: 'a', count: 3, assignments: [[7]] }, 'INVALID_REPLICA_ASSIGNMENT'],
])('more partitions as %j are answered with %s', async (more, error) => {
  const { controller } = await controllerWorld()
  await controller.ask(create(topic('a', { partitions: 2 })))
  expect(verdicts(await controller.ask({ type: 'createPartitions', topics: [more], validateOnly: false }))).toEqual([
    `${more.name} ${error}`,
  ])
  expect(controller.image.topics.get('a')!.partitionIds.length).toBe(error === 'NONE' ? 3 : 2)
})

test('topics are deleted by name or id, and not when named twice', async () => {
  const { controller, partitions } = await controllerWorld()
  await controller.ask(create(topic('a'), topic('b'), topic('c')))
  const [idOfB, idOfC] = [topic('b').topicId, topic('c').topicId]
  const refs = [
    { name: 'a', topicId: zeroUuid },
    { name: null, topicId: idOfB },
    { name: null, topicId: topic('x').topicId },
    { name: 'd', topicId: zeroUuid },
  ]
  expect(verdicts(await controller.ask({ type: 'deleteTopics', topics: refs }))).toEqual([
    'a NONE',
    'b NONE',
    'null UNKNOWN_TOPIC_ID',
    'd UNKNOWN_TOPIC_OR_PARTITION',
  ])
  const twice = [
    { name: 'c', topicId: zeroUuid },
    { name: null, topicId: idOfC },
  ]
  expect(verdicts(await controller.ask({ type: 'deleteTopics', topics: twice }))).toEqual(['c INVALID_REQUEST', 'null INVALID_REQUEST'])
  const strange = [
    { name: null, topicId: zeroUuid },
    { name: 'c', topicId: idOfC },
  ]
  const beside = await controller.ask({ type: 'deleteTopics', topics: [{ name: 'd', topicId: zeroUuid }, ...strange, ...strange] })
  const refused = ['null INVALID_REQUEST', 'c INVALID_REQUEST']
  expect(verdicts(beside)).toEqual([...refused, ...refused, 'd UNKNOWN_TOPIC_OR_PARTITION'])
  const none = { name: 'none', topicId: zeroUuid }
  expect(verdicts(await controller.ask({ type: 'deleteTopics', topics: [none, none] }))).toEqual(['none INVALID_REQUEST'])
  expect(partitions.said).toEqual(['open 1', 'open 2', 'open 3', 'close 1', 'close 2'])
})

test('a partition that cannot be opened stops the node, and no request is answered', async () => {
  const { controller, partitions, failures } = await controllerWorld()
  partitions.opening = Promise.reject(new Error('no memory'))
  let answered = false
  const mark = (): void => {
    answered = true
  }
  void controller.ask(create(topic('a'))).then(mark, mark)
  void controller.ask(create(topic('b'))).then(mark, mark)
  await new Promise(setImmediate)
  expect([failures.map((error) => error.message), answered, controller.isServed(1)]).toEqual([['no memory'], false, false])
})
