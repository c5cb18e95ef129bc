import { expect, test } from 'vitest'
import type { TopicChange } from '../../../src/cluster/partition-host.ts'
import { ControllerBusy, type CreatedTopic, type NewTopic } from '../../../src/controller/commands.ts'
import { commandsMax } from '../../../src/controller/machine.ts'
import { imageOf } from '../../../src/metadata/image.ts'
import { snapshotAfterBytes } from '../../../src/metadata/snapshot-writer.ts'
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
const results = (answer: readonly { name: string | null; error: { name: string } }[]): string[] =>
  answer.map(({ name, error }) => `${name} ${error.name}`)

test('controller: a created topic is durable, replayed and open, in this order, before the response', async () => {
  const { controller, log, partitions, image, host } = await controllerWorld()
  log.held = []
  let answered: readonly CreatedTopic[] | undefined
  const changes: TopicChange[] = []
  host.onTopicChange((change) => changes.push(change))
  let release: () => void = () => {}
  partitions.opening = new Promise((resolve) => {
    release = resolve
  })
  const answer = controller.request(create(topic('a', { partitions: 2 }))).then((created) => {
    answered = created
  })
  await Promise.resolve()
  expect([image.topics.size, answered]).toEqual([0, undefined])
  log.release()
  await new Promise(setImmediate)
  expect([image.topics.size, host.isServed(1), changes.length, answered]).toEqual([1, false, 0, undefined])
  release()
  await answer
  expect([host.isServed(1), changes]).toEqual([
    true,
    [
      {
        name: 'a',
        topicId: topic('a').topicId,
        partitionIds: [1, 2],
        leaders: [1, 1],
        leaderEpochs: [0, 0],
        change: 'opened',
        settings: expect.anything(),
      },
    ],
  ])
  expect(results(answered!)).toEqual(['a NONE'])
})

test('controller: commands see the effects of earlier commands', async () => {
  const { controller, image } = await controllerWorld()
  const answers = await Promise.all([
    controller.request(create(topic('a'))),
    controller.request(create(topic('a'))),
    controller.request({ type: 'deleteTopics', topics: [{ name: 'a', topicId: zeroUuid }] }),
    controller.request({ type: 'deleteTopics', topics: [{ name: 'a', topicId: zeroUuid }] }),
    controller.request(create(topic('a'))),
  ])
  expect(answers.map(results)).toEqual([['a NONE'], ['a TOPIC_ALREADY_EXISTS'], ['a NONE'], ['a UNKNOWN_TOPIC_OR_PARTITION'], ['a NONE']])
  expect(image.topics.get('a')!.partitionIds).toEqual([2])
})

test('controller: listeners receive changes in the order of replay, and existing topics first', async () => {
  const log = new MemoryLog()
  const before = await controllerWorld({ log })
  await before.controller.request(create(topic('a'), topic('b')))
  const changes: string[] = []
  const { controller, host, metadata } = await controllerWorld({ log })
  host.onTopicChange(({ name, partitionIds, change }) => changes.push(`${change === 'deleted' ? '-' : '+'}${name} ${partitionIds}`))
  await host.start(metadata)
  await Promise.all([
    controller.request({ type: 'createPartitions', topics: [{ name: 'a', count: 3, assignments: null }], validateOnly: false }),
    controller.request({ type: 'deleteTopics', topics: [{ name: 'b', topicId: zeroUuid }] }),
  ])
  expect(changes).toEqual(['+a 1', '+b 2', '+a 1,3,4', '-b 2'])
})

test('controller: partition ids and producer ids are never allocated twice, also across restarts and snapshots', async () => {
  const log = new MemoryLog()
  const first = await controllerWorld({ log })
  await first.controller.request(create(topic('a', { partitions: 5 })))
  await first.controller.request({ type: 'deleteTopics', topics: [{ name: 'a', topicId: zeroUuid }] })
  expect(await first.controller.request({ type: 'allocateProducerIds', count: 1000 })).toEqual({ first: 0n })
  log.bytes = snapshotAfterBytes * 2
  expect(await first.controller.request({ type: 'allocateProducerIds', count: 1000 })).toEqual({ first: 1000n })
  // The broker, allocated producer ids and partition ids, and the number of records that the snapshot replaces.
  expect([log.replacements, log.records.length]).toEqual([1, 4])
  const second = await controllerWorld({ log })
  await second.controller.request(create(topic('b')))
  expect(second.image.topics.get('b')!.partitionIds).toEqual([6])
  expect(await second.controller.request({ type: 'allocateProducerIds', count: 1 })).toEqual({ first: 2000n })
  expect(imageOf(log.records, 1)).toEqual(second.metadata)
})

test('controller: commands of one turn share an append, and so do those that arrive during it', async () => {
  const { controller, log, image } = await controllerWorld()
  const before = log.appends
  log.held = []
  const names = (...of: string[]) => of.map((name) => controller.request(create(topic(name))))
  const all = names('a', 'b', 'a')
  await new Promise(setImmediate)
  expect(log.appends - before).toBe(1)
  all.push(...names('c'))
  await new Promise(setImmediate)
  all.push(...names('d', 'c'))
  await new Promise(setImmediate)
  expect([log.appends - before, image.topics.size]).toEqual([1, 0])
  log.release()
  await new Promise(setImmediate)
  expect([log.appends - before, [...image.topics.keys()]]).toEqual([2, ['a', 'b']])
  log.release()
  expect((await Promise.all(all)).map(results)).toEqual([
    ['a NONE'],
    ['b NONE'],
    ['a TOPIC_ALREADY_EXISTS'],
    ['c NONE'],
    ['d NONE'],
    ['c TOPIC_ALREADY_EXISTS'],
  ])
})

test('controller: the response to a command without records waits for the records that it read', async () => {
  const { controller, log } = await controllerWorld()
  log.held = []
  const responses: string[] = []
  const note = (created: readonly CreatedTopic[]): void => void responses.push(...results(created))
  void controller.request(create(topic('a'))).then(note)
  await new Promise(setImmediate)
  void controller.request(create(topic('a'))).then(note)
  await new Promise(setImmediate)
  expect(responses).toEqual([])
  log.release()
  await new Promise(setImmediate)
  expect(responses).toEqual(['a NONE', 'a TOPIC_ALREADY_EXISTS'])
})

test('controller: commands of an earlier start of a broker are rejected', async () => {
  const { controller, log, registration } = await controllerWorld()
  const later = (await controllerWorld({ log })).registration
  expect(later.brokerEpoch).toBeGreaterThan(registration.brokerEpoch)
  const again = await controller.request({ type: 'registerBroker', brokerId: 1, wals: [] })
  const stale = await controller.request({ type: 'allocateObjectIds', broker: registration, count: 1 })
  const unknown = await controller.request({ type: 'allocateObjectIds', broker: { brokerId: 2, brokerEpoch: 0 }, count: 1 })
  const current = await controller.request({ type: 'allocateObjectIds', broker: { brokerId: 1, ...again }, count: 1 })
  expect([stale, unknown, current].map(({ error }) => error.name)).toEqual(['STALE_BROKER_EPOCH', 'BROKER_ID_NOT_REGISTERED', 'NONE'])
})

const wal = { lane: 0, secret: 7, incarnation: 1, stored: 10, durable: 30 }
const part = (partitionId: number, start: bigint, end: bigint) => ({ partitionId, start, end, bytes: 100, maxTimestamp: 7n })

test('controller: an object is committed once, under an id that was allocated for it', async () => {
  const { controller, metadata, registration: broker } = await controllerWorld()
  await controller.request(create(topic('a')))
  const object = (objectId: number) => ({ objectId, bytes: 300, parts: [part(1, 0n, 5n)] })
  const commit = (objectId: number) => controller.request({ type: 'commitObjects', broker, objects: [object(objectId)], replaced: [], wal })
  const { first } = await controller.request({ type: 'allocateObjectIds', broker, count: 2 })
  const errors = [await commit(first + 2), await commit(first), await commit(first)].map(({ error }) => error.name)
  expect(errors).toEqual(['INVALID_REQUEST', 'NONE', 'INVALID_REQUEST'])
  expect([metadata.storage.wals.get(0), [...metadata.storage.objects.keys()], [...metadata.storage.preparedObjects]]).toEqual([
    wal,
    [first],
    [first + 1],
  ])
  const removed = await controller.request({ type: 'removeObjects', broker, objectIds: [first] })
  expect([removed.error.name, metadata.storage.objects.size]).toEqual(['INVALID_REQUEST', 1])
})

test('controller: a changed number of lanes ends all logs, and later marks of them have no effect', async () => {
  const { controller, metadata, registration: broker } = await controllerWorld()
  for (const lane of [0, 2]) await controller.request({ type: 'markWal', broker, wal: { ...wal, lane } })
  expect([...metadata.storage.wals.keys()]).toEqual([0, 2])
  const stale = await controller.request({ type: 'changeLanes', broker: { brokerId: 1, brokerEpoch: 99 }, lanes: 2, incarnation: 1 })
  expect([stale.error.name, metadata.storage.wals.size]).toEqual(['STALE_BROKER_EPOCH', 2])
  await controller.request({ type: 'changeLanes', broker, lanes: 2, incarnation: 1 })
  await controller.request({ type: 'markWal', broker, wal })
  expect([metadata.storage.lanes, metadata.storage.endedIncarnation, metadata.storage.wals.size]).toEqual([2, 1, 0])
  await controller.request({ type: 'markWal', broker, wal: { ...wal, incarnation: 2 } })
  expect(metadata.storage.wals.get(0)).toEqual({ ...wal, incarnation: 2 })
})

test('controller: unreferenced objects are marked, and then removed', async () => {
  const { controller, metadata, registration: broker } = await controllerWorld()
  await controller.request(create(topic('a', { partitions: 2 })))
  const { first } = await controller.request({ type: 'allocateObjectIds', broker, count: 1 })
  const object = { objectId: first, bytes: 300, parts: [part(1, 0n, 5n), part(2, 0n, 9n)] }
  await controller.request({ type: 'commitObjects', broker, objects: [object], replaced: [], wal: null })
  const mark = async () => (await controller.request({ type: 'markUnreferenced', broker })).objects.length
  await controller.request({ type: 'moveLogStart', partitionId: 1, offset: 5n })
  expect(await mark()).toBe(0)
  await controller.request({ type: 'moveLogStart', partitionId: 2, offset: 8n })
  expect(await mark()).toBe(0)
  await controller.request({ type: 'deleteTopics', topics: [{ name: 'a', topicId: zeroUuid }] })
  expect([await mark(), [...metadata.storage.markedObjects]]).toEqual([1, [first]])
  await controller.request({ type: 'removeObjects', broker, objectIds: [first] })
  expect([metadata.storage.markedObjects.size, metadata.storage.nextObjectId]).toEqual([0, first + 1])
})

test('controller: a log start moves forward only, and its partition is trimmed', async () => {
  const { controller, partitions } = await controllerWorld()
  await controller.request(create(topic('a')))
  expect(await controller.request({ type: 'moveLogStart', partitionId: 1, offset: 7n })).toBe(7n)
  expect(await controller.request({ type: 'moveLogStart', partitionId: 1, offset: 3n })).toBe(7n)
  expect(await controller.request({ type: 'moveLogStart', partitionId: 9, offset: 3n })).toBeUndefined()
  expect(partitions.response).toEqual(['open 1', 'trim 1 7'])
})

test('controller: too many waiting commands are rejected', async () => {
  const { controller, log, registration } = await controllerWorld()
  log.held = []
  const requests = Array.from({ length: commandsMax + 2 }, () => controller.request({ type: 'allocateProducerIds', count: 1 }))
  for (const each of requests) each.catch(() => {})
  await expect(requests.at(-1)).rejects.toThrow(ControllerBusy)
  // The node itself stops without its own commands.
  const fact = controller.request({ type: 'allocateObjectIds', broker: registration, count: 1 })
  const over = Promise.race([fact, new Promise((resolve) => setImmediate(resolve, 'it waits'))])
  expect(await over).toBe('it waits')
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
])('controller: a topic %j with %j is answered with %s', async (name, rest, error) => {
  const { controller } = await controllerWorld()
  await controller.request(create(topic('here.it_is')))
  expect(results(await controller.request(create(topic(name, rest))))).toEqual([`${name} ${error}`])
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
])('controller: an assignment of %j is answered with %s', async (assignments, error) => {
  const { controller } = await controllerWorld()
  const [created] = await controller.request(create(topic('a', { assignments, partitions: -1, replicationFactor: -1 })))
  expect(created!.error.name).toBe(error)
})

test('controller: a topic named twice in a request is not created, a checked one neither', async () => {
  const { controller, image } = await controllerWorld()
  expect(results(await controller.request(create(topic('a'), topic('b'), topic('a'))))).toEqual(['a INVALID_REQUEST', 'b NONE'])
  expect(results(await controller.request({ ...create(topic('c')), validateOnly: true }))).toEqual(['c NONE'])
  expect(results(await controller.request(create(topic('e.f'), topic('e_f'))))).toEqual(['e.f NONE', 'e_f INVALID_TOPIC_EXCEPTION'])
  expect([...image.topics.keys()]).toEqual(['b', 'e.f'])
})

test('controller: the settings supply values that a request leaves open', async () => {
  const { controller } = await controllerWorld({ settings: settingsOf('num.partitions=4', 'default.replication.factor=2') })
  const [created] = await controller.request(create(topic('a', { partitions: -1, replicationFactor: -1 })))
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
])('controller: more partitions as %j are answered with %s', async (more, error) => {
  const { controller, image } = await controllerWorld()
  await controller.request(create(topic('a', { partitions: 2 })))
  expect(results(await controller.request({ type: 'createPartitions', topics: [more], validateOnly: false }))).toEqual([
    `${more.name} ${error}`,
  ])
  expect(image.topics.get('a')!.partitionIds.length).toBe(error === 'NONE' ? 3 : 2)
})

test('controller: topics are deleted by name or id, and not when named twice', async () => {
  const { controller, partitions } = await controllerWorld()
  await controller.request(create(topic('a'), topic('b'), topic('c')))
  const [idOfB, idOfC] = [topic('b').topicId, topic('c').topicId]
  const refs = [
    { name: 'a', topicId: zeroUuid },
    { name: null, topicId: idOfB },
    { name: null, topicId: topic('x').topicId },
    { name: 'd', topicId: zeroUuid },
  ]
  expect(results(await controller.request({ type: 'deleteTopics', topics: refs }))).toEqual([
    'a NONE',
    'b NONE',
    'null UNKNOWN_TOPIC_ID',
    'd UNKNOWN_TOPIC_OR_PARTITION',
  ])
  const twice = [
    { name: 'c', topicId: zeroUuid },
    { name: null, topicId: idOfC },
  ]
  expect(results(await controller.request({ type: 'deleteTopics', topics: twice }))).toEqual(['c INVALID_REQUEST', 'null INVALID_REQUEST'])
  const strange = [
    { name: null, topicId: zeroUuid },
    { name: 'c', topicId: idOfC },
  ]
  const beside = await controller.request({ type: 'deleteTopics', topics: [{ name: 'd', topicId: zeroUuid }, ...strange, ...strange] })
  const rejected = ['null INVALID_REQUEST', 'c INVALID_REQUEST']
  expect(results(beside)).toEqual([...rejected, ...rejected, 'd UNKNOWN_TOPIC_OR_PARTITION'])
  const none = { name: 'none', topicId: zeroUuid }
  expect(results(await controller.request({ type: 'deleteTopics', topics: [none, none] }))).toEqual(['none INVALID_REQUEST'])
  expect(partitions.response).toEqual(['open 1', 'open 2', 'open 3', 'close 1', 'close 2'])
})

test('controller: a partition that cannot be opened stops the node, and no request is answered', async () => {
  const { controller, partitions, failures, host } = await controllerWorld()
  partitions.opening = Promise.reject(new Error('no memory'))
  let answered = false
  const mark = (): void => {
    answered = true
  }
  void controller.request(create(topic('a'))).then(mark, mark)
  void controller.request(create(topic('b'))).then(mark, mark)
  await new Promise(setImmediate)
  expect([failures.map((error) => error.message), answered, host.isServed(1)]).toEqual([['no memory'], false, false])
})
