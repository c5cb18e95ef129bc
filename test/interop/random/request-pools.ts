import { type BrokerView, unknownId } from './broker-view.ts'
import { Deferred, type Draft, type Pool, type Pools } from './draft.ts'
import { producedRecords } from './random-batches.ts'

const of =
  (...values: readonly unknown[]): Pool =>
  (draft) =>
    draft.one(values)

/** Three times of four the first. */
const mostly =
  (usual: unknown, ...others: readonly unknown[]): Pool =>
  (draft) =>
    draft.chance(750) ? usual : draft.one(others)

/** Topics that a sequence begins with, and the ones that come and go, or never are. */
export const firstTopics = ['alpha', 'beta', 'stamped', 'tight'] as const
const existing = ['alpha', 'alpha', 'alpha', 'beta', 'beta', 'beta', 'stamped', 'tight', 'fresh']
const badNames = ['', '.', '..', 'a b', 'x'.repeat(250), 'ä']

const suffixed = (draft: Draft, name: string): string => `${name}${draft.suffix}`

function topicName(draft: Draft): string {
  if (draft.chance(60)) return suffixed(draft, 'nope')
  if (draft.chance(30)) return draft.one(badNames)
  return suffixed(draft, draft.one(existing))
}

function changingTopic(draft: Draft): string {
  if (draft.chance(80)) return draft.one(badNames)
  return suffixed(draft, draft.one(['fresh', 'fresh', 'fresh', 'fresher', 'fresher', 'nope', 'alpha', 'beta']))
}

const topicId: Pool = (draft) => {
  if (draft.chance(40)) return draft.one([unknownId, 'AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAQ'])
  return knownId(draft)
}

function knownId(draft: Draft): Deferred {
  const age = draft.chance(60) ? 1 : 0
  const name = suffixed(draft, draft.one(existing))
  return new Deferred(`id of ${name}, ${age} back`, (view) => view.topicId(name, age))
}

const partition = of(0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 5, -1)
const offset = of(-3n, -2n, -1n, 0n, 0n, 0n, 1n, 2n, 3n, 4n, 5n, 6n, 8n, 11n, 100n)
const epoch = mostly(-1, 0, 0, 0, 1, 3, -2)

const group: Pool = (draft) => (draft.chance(40) ? draft.one(['', 'nobody']) : suffixed(draft, draft.one(['g1', 'g1', 'g1', 'g2', 'g3'])))

/** A member of the group that was named last; `draft.drawn.slot` tells which. */
function memberOf(draft: Draft, slot: string): Deferred {
  const name = draft.drawn['groupId'] as string
  draft.drawn['slot'] = slot
  return new Deferred(`member ${slot} of ${name}`, (view) => view.member(name, slot))
}
const memberId: Pool = (draft) => (draft.chance(120) ? draft.one(['', 'unknown-member']) : memberOf(draft, draft.one(['a', 'a', 'a', 'b'])))

const generation: Pool = (draft) => {
  if (draft.chance(150)) return draft.one([-1, -2, 0, 7])
  const name = draft.drawn['groupId'] as string
  const more = draft.chance(100) ? 1 : 0
  return new Deferred(`generation of ${name} + ${more}`, (view) => view.generation(name) + more)
}

const configValues: Readonly<Record<string, readonly (string | null)[]>> = {
  'retention.ms': ['-1', '1000000000000', 'abc', '', '-2', '1.5', ' 1000000000000 ', null],
  'cleanup.policy': ['delete', 'compact', 'compact,delete', 'nope', '', 'delete,delete', null],
  'max.message.bytes': ['200', '2000000', '0', '-1', '99999999999'],
  'message.timestamp.type': ['CreateTime', 'LogAppendTime', 'logappendtime', 'nope'],
  'message.timestamp.after.max.ms': ['3600000', '9223372036854775807', '-1'],
  'compression.type': ['producer', 'uncompressed', 'gzip', 'lz4', 'snappy', 'nope'],
  'min.insync.replicas': ['1', '0', '-1'],
  'unclean.leader.election.enable': ['true', 'false', 'TRUE', 'yes'],
  'segment.bytes': ['1048576', '104857600', '13'],
  'leader.replication.throttled.replicas': ['*', '0:1', 'x', '', '0:1,1:1'],
  'flush.messages': ['1', '0', '9223372036854775807'],
  'min.cleanable.dirty.ratio': ['0.5', '2', 'x'],
  'nope.config': ['1', ''],
  '': ['1'],
}
const groupConfigs: Readonly<Record<string, readonly (string | null)[]>> = {
  'consumer.session.timeout.ms': ['45000', '1', 'x', null],
  'consumer.heartbeat.interval.ms': ['5000', '6000', '99999999'],
  'share.auto.offset.reset': ['latest', 'earliest', 'nope'],
  'streams.num.standby.replicas': ['0', '1', '-1'],
  'nope.config': ['1'],
}
const brokerConfigs: Readonly<Record<string, readonly (string | null)[]>> = {
  'log.retention.ms': ['-1', '1000000000000', 'x'],
  'message.max.bytes': ['1048588', '1000000', '-1'],
  'log.message.timestamp.type': ['CreateTime', 'nope'],
  'log.cleanup.policy': ['delete', 'nope', ''],
  'nope.config': ['1'],
}
const configsOf = (draft: Draft): Readonly<Record<string, readonly (string | null)[]>> =>
  draft.drawn['resourceType'] === 32 ? groupConfigs : draft.drawn['resourceType'] === 4 ? brokerConfigs : configValues

const configName: Pool = (draft) => draft.one(Object.keys(configsOf(draft)))
const configValue: Pool = (draft) => draft.one(configsOf(draft)[draft.drawn['name'] as string] ?? ['1'])
const configKeys: Pool = (draft) =>
  draft.chance(150) && draft.drawn['resourceType'] !== 4
    ? null
    : [configName(draft), configName(draft), ...(draft.chance(300) ? ['internal.segment.bytes', 'index.interval.bytes'] : [])].slice(
        0,
        draft.drawn['resourceType'] === 4 ? 2 : draft.below(4),
      )

const resourceName: Pool = (draft) => {
  const type = draft.drawn['resourceType']
  if (type === 32) return group(draft)
  if (type === 4 || type === 8) return draft.one(['1', '1', '1', '', '2', 'x', '-1'])
  return topicName(draft)
}

const tokenOf = (draft: Draft, make: (view: BrokerView) => unknown, label: string): Deferred =>
  new Deferred(`${label}${draft.suffix}`, make)

const producerId: Pool = (draft) => {
  if (draft.chance(400)) return draft.one([-1n, -1n, -1n, -2n, 424_242n])
  const age = draft.below(2)
  return tokenOf(draft, (view) => view.producer(age), `producer ${age} back`)
}

const assignmentsOfNew = [
  [],
  [],
  [],
  [],
  [],
  [],
  [],
  [{ partitionIndex: 0, brokerIds: [1] }],
  [
    { partitionIndex: 0, brokerIds: [1] },
    { partitionIndex: 1, brokerIds: [1] },
  ],
  [{ partitionIndex: 1, brokerIds: [1] }],
  [{ partitionIndex: 0, brokerIds: [1, 1] }],
  [{ partitionIndex: 0, brokerIds: [2] }],
  [{ partitionIndex: 0, brokerIds: [] }],
  [
    { partitionIndex: 0, brokerIds: [1] },
    { partitionIndex: 0, brokerIds: [1] },
  ],
]

const subscription = (topics: readonly string[]): Buffer => {
  const parts = [Buffer.from([0, 0]), Buffer.from([0, 0, 0, topics.length])]
  for (const name of topics) parts.push(Buffer.from([0, name.length]), Buffer.from(name))
  parts.push(Buffer.from([255, 255, 255, 255]))
  return Buffer.concat(parts)
}

const quotaEntity: Pool = (draft) => draft.one([suffixed(draft, 'alice'), suffixed(draft, 'bob'), null, ''])

/** What every field of every request may be. */
export const requestPools: Pools = {
  topic: topicName,
  name: topicName,
  topicName,
  topicId,
  // Of neither a name nor an id Kafka makes nothing.
  'Metadata.topics.name': (draft) => (draft.drawn['topicId'] instanceof Deferred && draft.chance(500) ? null : topicName(draft)),
  'Metadata.topics.topicId': (draft) => (draft.chance(600) ? 'AAAAAAAAAAAAAAAAAAAAAA' : topicId(draft)),
  partition,
  partitions: partition,
  index: partition,
  partitionIndex: partition,
  partitionIndexes: partition,
  timeoutMs: of(30_000),
  'Produce.timeoutMs': mostly(30_000, 0, 1000, -1),
  'ListOffsets.timeoutMs': mostly(30_000, 0, 1000, -1),
  currentLeaderEpoch: epoch,
  leaderEpoch: of(-2, -1, 0, 0, 0, 1, 3),
  replicaId: mostly(-1, -1, -2),
  isolationLevel: mostly(0, 1),

  'Produce.transactionalId': of(null),
  acks: of(-1, -1, -1, -1, -1, 1, 1, 1, 1, 0, 2, -2),
  records: producedRecords,

  clusterId: of(null),
  maxWaitMs: of(0, 0, 5, 20),
  minBytes: of(0, 0, 1, 1, 100_000, -1),
  maxBytes: mostly(10_000_000, 0, 1, 300, 2_147_483_647),
  sessionId: (draft) => (draft.chance(800) ? 0 : tokenOf(draft, (view) => view.session, 'session')),
  sessionEpoch: mostly(-1, 0, 0, 1, 1, 2, 3, -2),
  fetchOffset: offset,
  lastFetchedEpoch: mostly(-1, 0, 0, 1, -2),
  logStartOffset: mostly(-1n, 0n, 5n),
  partitionMaxBytes: mostly(1_000_000, 0, 1, 100, 300),
  replicaDirectoryId: of('AAAAAAAAAAAAAAAAAAAAAA'),
  replicaEpoch: of(-1n),
  // Kafka stumbles over an id of nothing.
  'Fetch.topics.topicId': (draft) => (draft.chance(40) ? unknownId : knownId(draft)),
  'Fetch.replicaState': of({ replicaId: -1, replicaEpoch: -1n }),
  'Fetch.replicaId': of(-1),
  highWatermark: of(9_223_372_036_854_775_807n),
  rackId: of('', 'r'),

  'ListOffsets.replicaId': of(-1, -1, -1, -2),
  'OffsetForLeaderEpoch.replicaId': of(-1, -1, -2),
  timestamp: (draft) =>
    draft.one([
      -1n,
      -1n,
      -2n,
      -2n,
      -3n,
      -3n,
      -4n,
      -5n,
      -6n,
      -7n,
      0n,
      ...[0n, 1n, 5n, 10n, 20n, 1000n].map((each) => 1_700_000_000_000n + each),
    ]),

  'CreateTopics.topics.name': changingTopic,
  'CreateTopics.topics.numPartitions': of(-1, -1, 1, 1, 2, 3, 0, -2),
  'CreateTopics.topics.replicationFactor': of(1, 1, 1, 1, -1, -1, -1, 0, -2),
  'CreateTopics.topics.assignments': of(...assignmentsOfNew),
  'CreateTopics.topics.configs.name': configName,
  'CreateTopics.topics.configs.value': configValue,
  validateOnly: (draft) => draft.chance(250),
  'DeleteTopics.topics.name': (draft) => (draft.chance(300) ? null : changingTopic(draft)),
  'DeleteTopics.topics.topicId': (draft) => (draft.drawn['name'] !== null && draft.chance(900) ? 'AAAAAAAAAAAAAAAAAAAAAA' : topicId(draft)),
  'DeleteTopics.topicNames.of': changingTopic,
  'DeleteRecords.topics.partitions.offset': of(-2n, -1n, 0n, 0n, 1n, 1n, 2n, 3n, 100n),
  'CreatePartitions.topics.name': (draft) => (draft.chance(300) ? topicName(draft) : changingTopic(draft)),
  'CreatePartitions.topics.count': of(0, -1, 1, 2, 3, 4, 5),
  'CreatePartitions.topics.assignments': of(
    null,
    null,
    null,
    [],
    [{ brokerIds: [1] }],
    [{ brokerIds: [2] }],
    [{ brokerIds: [] }],
    [{ brokerIds: [1] }, { brokerIds: [1] }],
  ),
  // Kafka stumbles over a topic without a name.
  'DescribeTopicPartitions.topics.name': (draft) => topicName(draft) || '.',
  responsePartitionLimit: of(2000, 1, 2, 3, 0, -1),
  'DescribeTopicPartitions.cursor': (draft) =>
    draft.chance(700) ? null : { topicName: topicName(draft), partitionIndex: draft.one([0, 1, 2, 5, -1]) },
  endpointType: mostly(1, 2, 3, 0),

  'InitProducerId.transactionalId': mostly(null, ''),
  transactionTimeoutMs: of(60_000, 0, -1, 2_147_483_647),
  producerId,
  producerIdFilters: producerId,
  producerEpoch: of(-1, -1, 0, 0, 1, -2),

  key: group,
  coordinatorKeys: group,
  keyType: mostly(0, 3, -1),
  groupId: group,
  memberId,
  'JoinGroup.memberId': (draft) => {
    const member = memberOf(draft, draft.one(['a', 'a', 'a', 'b']))
    return draft.chance(100) ? draft.one(['', 'unknown-member']) : member
  },
  memberEpoch: generation,
  generationId: generation,
  generationIdOrMemberEpoch: (draft) => (draft.chance(600) ? -1 : generation(draft)),
  'OffsetCommit.memberId': (draft) => (draft.drawn['generationIdOrMemberEpoch'] === -1 && draft.chance(900) ? '' : memberId(draft)),
  'OffsetFetch.groups.memberId': (draft) => (draft.chance(700) ? null : memberId(draft)),
  'OffsetFetch.groups.memberEpoch': (draft) => (draft.chance(700) ? -1 : generation(draft)),
  groupInstanceId: mostly(null, 'static', ''),
  retentionTimeMs: of(-1n, 1_000_000_000n),
  committedOffset: of(0n, 1n, 5n, -1n, -2n),
  committedLeaderEpoch: of(-1, 0, 1, -2),
  // Where all is refused for its size, Kafka has a group that only some requests see.
  committedMetadata: of('', null, 'words'),
  sessionTimeoutMs: mostly(60_000, 100, 0, -1, 10_000_000),
  rebalanceTimeoutMs: of(60_000, 300_000),
  protocolType: mostly('consumer', 'connect', ''),
  'JoinGroup.protocols': (draft) =>
    draft.one([
      [{ name: 'range', metadata: subscription([suffixed(draft, 'alpha')]) }],
      [{ name: 'range', metadata: subscription([suffixed(draft, 'alpha')]) }],
      [{ name: 'range', metadata: subscription([suffixed(draft, 'beta')]) }],
      [
        { name: 'range', metadata: subscription([suffixed(draft, 'beta')]) },
        { name: 'roundrobin', metadata: subscription([suffixed(draft, 'beta')]) },
      ],
      [{ name: 'roundrobin', metadata: Buffer.from('?') }],
      [],
    ]),
  reason: of(null, 'why not'),
  protocolName: mostly('range', null, 'roundrobin', ''),
  'SyncGroup.assignments.memberId': (draft) => {
    const asking = draft.drawn['slot']
    const member = memberOf(draft, draft.one(['a', 'b']))
    draft.drawn['slot'] = asking
    return member
  },
  assignment: of(Buffer.from('yours'), Buffer.alloc(0)),
  'DescribeGroups.groups.of': group,
  groupIds: group,
  groupsNames: group,
  statesFilter: of('Stable', 'empty', 'Empty', 'PreparingRebalance', 'Dead', 'nope', ''),
  typesFilter: of('classic', 'Classic', 'consumer', 'nope', ''),

  resourceType: of(2, 2, 2, 2, 2, 2, 2, 4, 4, 32, 32, 16, 0, 99),
  // What a broker is told is heard by every sequence after it.
  'AlterConfigs.resources.resourceType': of(2, 2, 2, 32, 16, 99),
  'IncrementalAlterConfigs.resources.resourceType': of(2, 2, 2, 32, 16, 0, 99),
  resourceTypes: of(2, 4, 8, 16, 32, 99, 0),
  resourceName,
  'DescribeConfigs.resources.configurationKeys': configKeys,
  'AlterConfigs.resources.configs.name': configName,
  'AlterConfigs.resources.configs.value': configValue,
  'IncrementalAlterConfigs.resources.configs.name': configName,
  configOperation: of(0, 0, 0, 0, 1, 1, 2, 3),
  'IncrementalAlterConfigs.resources.configs.value': configValue,

  electionType: of(0, 0, 1),
  'AlterPartitionReassignments.topics.partitions.replicas': of([1], null, [], [2], [1, 1], [1, 2], [-1]),
  entityType: of('user', 'user', 'user', 'client-id', 'client-id', 'ip', '', 'nope'),
  // A default for all would hold Kafka's side of the conversation to it.
  'AlterClientQuotas.entries.entity.entityName': (draft) => draft.one([suffixed(draft, 'alice'), suffixed(draft, 'bob'), '']),
  entityName: quotaEntity,
  matchType: of(0, 0, 1, 2, 7),
  match: quotaEntity,
  'AlterClientQuotas.entries.ops.key': of(
    'producer_byte_rate',
    'consumer_byte_rate',
    'request_percentage',
    'controller_mutation_rate',
    'nope',
  ),
  value: of(1, 1000, 0, -1, 0.5, 100, 1e300),
  remove: (draft) => draft.chance(250),
  'DescribeUserScramCredentials.users.name': of('alice', 'bob', ''),
  'DescribeQuorum.topics.topicName': mostly('__cluster_metadata', 'nope'),
  'DescribeQuorum.topics.partitions.partitionIndex': mostly(0, 1),
  feature: of('metadata.version', 'group.version', 'kraft.version', 'nope', ''),
  maxVersionLevel: of(30, 1, 0, -1, 99),
  upgradeType: of(1, 1, 2, 3, 0, 9),
  'UpdateFeatures.validateOnly': of(true),
  transactionalIds: of('tx', ''),
  stateFilters: of('Ongoing', 'Lost', ''),
  durationFilter: of(-1n, 0n, 1000n),
  transactionalIdPattern: of(null, null, 'a.*', '[', ''),
  clientSoftwareName: mostly('test', '', 'a b'),
  clientSoftwareVersion: mostly('1.0', '', '-'),
}
