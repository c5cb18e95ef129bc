import { expect, test } from 'vitest'
import { handlers, servedApis } from '../../../../src/broker/handlers.ts'
import { anonymous } from '../../../../src/network/client-session.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../../../src/wire/api/18-api-versions.ts'
import { apiByKey } from '../../../../src/wire/apis.ts'
import { brokerWorld, frame } from '../broker-world.ts'

const named = { clientSoftwareName: 'apache-kafka-java', clientSoftwareVersion: '4.3.1' }

test('ApiVersions: the advertised APIs are those that are served, and every version of them can be parsed', async () => {
  const world = await brokerWorld()
  const { apiKeys, errorCode } = await world.call(ApiVersionsRequest, ApiVersionsResponse, 4, named)
  expect(errorCode).toBe(0)
  expect(apiKeys.map(({ apiKey, minVersion, maxVersion }) => `${apiByKey[apiKey]!.name} ${minVersion}-${maxVersion}`)).toEqual([
    'Produce 0-13',
    'Fetch 4-18',
    'ListOffsets 1-11',
    'Metadata 0-13',
    'OffsetCommit 2-10',
    'OffsetFetch 1-10',
    'FindCoordinator 0-6',
    'JoinGroup 0-9',
    'Heartbeat 0-4',
    'LeaveGroup 0-5',
    'SyncGroup 0-5',
    'DescribeGroups 0-6',
    'ListGroups 0-5',
    'ApiVersions 0-4',
    'CreateTopics 2-7',
    'DeleteTopics 1-6',
    'DeleteRecords 0-2',
    'InitProducerId 0-5',
    'OffsetForLeaderEpoch 2-4',
    'DescribeConfigs 1-4',
    'AlterConfigs 0-2',
    'AlterReplicaLogDirs 1-2',
    'DescribeLogDirs 1-5',
    'CreatePartitions 0-3',
    'DeleteGroups 0-2',
    'ElectLeaders 0-2',
    'IncrementalAlterConfigs 0-1',
    'AlterPartitionReassignments 0-1',
    'ListPartitionReassignments 0-0',
    'OffsetDelete 0-0',
    'DescribeClientQuotas 0-1',
    'AlterClientQuotas 0-1',
    'DescribeUserScramCredentials 0-0',
    'DescribeQuorum 0-2',
    'UpdateFeatures 0-2',
    'DescribeCluster 0-2',
    'DescribeProducers 0-0',
    'DescribeTransactions 0-0',
    'ListTransactions 0-2',
    'ConsumerGroupHeartbeat 0-1',
    'ConsumerGroupDescribe 0-1',
    'ListConfigResources 0-1',
    'DescribeTopicPartitions 0-0',
  ])
  for (const { api, oldest, latest } of handlers) expect([oldest >= api.oldest, latest <= api.latestStable], api.name).toEqual([true, true])
})

test('ApiVersions: only supported features are finalized, since clients use them', async () => {
  const world = await brokerWorld()
  const answer = await world.call(ApiVersionsRequest, ApiVersionsResponse, 4, named)
  expect(answer.finalizedFeatures).toEqual([
    { name: 'group.version', minVersionLevel: 1, maxVersionLevel: 1 },
    { name: 'metadata.version', minVersionLevel: 30, maxVersionLevel: 30 },
  ])
  expect(answer.supportedFeatures).toEqual([
    { name: 'group.version', minVersion: 1, maxVersion: 1 },
    { name: 'metadata.version', minVersion: 30, maxVersion: 30 },
  ])
})

test('ApiVersions: a later version is answered in the oldest layout, with the supported range', async () => {
  const world = await brokerWorld()
  for (const version of [5, 99, 32767]) {
    const request = frame(ApiVersionsRequest, 4, { clientSoftwareName: 'x', clientSoftwareVersion: 'y' })
    request.writeInt16BE(version, 2)
    const answer = await world.broker.handle({ listener: 'PLAINTEXT', host: '127.0.0.1', principal: anonymous }, request)
    expect(answer.type === 'respond' && answer.bytes.toString('hex')).toBe('0000004d' + '0023' + '00000001' + '0012' + '0000' + '0004')
  }
})

test.each([
  ['', '1'],
  ['a b', '1'],
  ['-a', '1'],
  ['a', '1.'],
])('ApiVersions: the software name "%s" with version "%s" is rejected', async (clientSoftwareName, clientSoftwareVersion) => {
  const world = await brokerWorld()
  const { errorCode, apiKeys } = await world.call(ApiVersionsRequest, ApiVersionsResponse, 3, { clientSoftwareName, clientSoftwareVersion })
  expect([errorCode, apiKeys]).toEqual([42, []])
})

test('ApiVersions: versions without a software name need none', async () => {
  const world = await brokerWorld()
  for (const version of [0, 1, 2]) {
    expect((await world.call(ApiVersionsRequest, ApiVersionsResponse, version, {})).apiKeys.length).toBe(servedApis.length)
  }
})
