import { MetadataRequest, MetadataResponse } from '../../src/wire/api/03-metadata.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../src/wire/api/08-offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../src/wire/api/09-offset-fetch.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../src/wire/api/11-join-group.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../src/wire/api/12-heartbeat.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../src/wire/api/14-sync-group.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../src/wire/api/19-create-topics.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../src/wire/api/42-delete-groups.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../src/wire/api/68-consumer-group-heartbeat.ts'
import { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from '../../src/wire/api/69-consumer-group-describe.ts'
import { codec, encode } from '../../src/wire/codec.ts'
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from '../../src/wire/internal/consumer-protocol.ts'
import * as classicTables from '../../src/wire/internal/group-classic.ts'
import * as consumerTables from '../../src/wire/internal/group-consumer.ts'
import { Reader } from '../../src/wire/reader.ts'
import { blank, type Message } from '../../src/wire/schema.ts'
import { WireClient } from '../support/wire-client.ts'
import { subscription } from '../unit/group/group-world.ts'
import { Protocol, recordsOfGroup } from './conversation.ts'

export type HeartbeatFields = Partial<ConsumerGroupHeartbeatRequest>

const zeroId = 'AAAAAAAAAAAAAAAAAAAAAA'
export const timeoutMs = 30_000

/** Requests to consumer groups, and their responses. */
export class ConsumerConversation {
  readonly protocol: Protocol
  readonly topicIds = new Map<string, string>()
  #warm = 0

  constructor(port: number) {
    this.protocol = new Protocol(port)
  }

  consumerHeartbeat(groupId: string, memberId: string, memberEpoch: number, fields: HeartbeatFields = {}, label = '') {
    const request = { groupId, memberId, memberEpoch, ...fields }
    const what = `${groupId} ${memberId}@${memberEpoch} ${label}`
    return this.protocol.call(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, request, what)
  }

  /** Heartbeats until the member has reached this epoch with nothing left to do. It gives up what it is to give up. */
  async settle(
    groupId: string,
    memberId: string,
    memberEpoch: number,
    wanted: number,
    owned: ConsumerGroupHeartbeatRequest['topicPartitions'] = null,
  ): Promise<void> {
    const client = await WireClient.open(this.protocol.port)
    let epoch = memberEpoch
    let has = owned
    await until(`${memberId} reaches ${wanted}`, async () => {
      const request = { groupId, memberId, memberEpoch: epoch, topicPartitions: has }
      const answer = await client.call(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, request)
      if (answer.errorCode !== 0) throw new Error(`${memberId}: ${answer.errorCode} ${answer.errorMessage}`)
      epoch = answer.memberEpoch
      has = answer.assignment?.topicPartitions ?? has
      return epoch === wanted && answer.assignment === null
    })
    client.close()
  }

  describe(label: string, ...groupIds: string[]) {
    return this.protocol.call(
      ConsumerGroupDescribeRequest,
      ConsumerGroupDescribeResponse,
      1,
      { groupIds, includeAuthorizedOperations: true },
      label,
    )
  }

  /** Kafka resolves regular expressions in the background. */
  async untilEpoch(groupId: string, epoch: number): Promise<void> {
    const client = await WireClient.open(this.protocol.port)
    await until(`${groupId} has epoch ${epoch}`, async () => {
      const { groups } = await client.call(ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, 1, { groupIds: [groupId] })
      return groups[0]!.groupEpoch >= epoch
    })
    client.close()
  }

  /** Returns when the coordinator assigns so many partitions of the topic. */
  async untilKnown(topic: string, partitions: number): Promise<void> {
    const client = await WireClient.open(this.protocol.port)
    const join = { ...joining(topic), memberId: 'w', memberEpoch: 0 }
    await until(`${topic} is known`, async () => {
      const groupId = `warm-${this.#warm++}`
      const answer = await client.call(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, { ...join, groupId })
      await client.call(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, { groupId, memberId: 'w', memberEpoch: -1 })
      await client.call(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: [groupId] })
      return answer.assignment?.topicPartitions[0]?.partitions.length === partitions
    })
    client.close()
  }

  async create(name: string, numPartitions: number): Promise<void> {
    const client = await WireClient.open(this.protocol.port)
    const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }
    await client.call(CreateTopicsRequest, CreateTopicsResponse, 7, { topics: [topic], timeoutMs: timeoutMs })
    await this.untilKnown(name, numPartitions)
    const { topics } = await client.call(MetadataRequest, MetadataResponse, 12, { topics: [{ name, topicId: zeroId }] })
    this.topicIds.set(name, topics[0]!.topicId)
    this.protocol.nameId(topics[0]!.topicId, `ID-OF-${name}`)
    client.close()
  }

  owns(topic: string, ...partitions: number[]) {
    return [{ topicId: this.topicIds.get(topic)!, partitions }]
  }

  commit(groupId: string, memberId: string, epoch: number, fields: Partial<OffsetCommitRequest> = {}, label = '', version = 9) {
    const topics = [commitOf('a', 0, 5n), commitOf('a', 2, 6n)]
    const request = { groupId, memberId, generationIdOrMemberEpoch: epoch, topics, ...fields }
    return this.protocol.call(OffsetCommitRequest, OffsetCommitResponse, version, request, `${groupId} ${memberId}@${epoch} ${label}`)
  }

  fetch(groupId: string, memberId: string | null, memberEpoch: number) {
    const groups = [{ groupId, memberId, memberEpoch, topics: null }]
    return this.protocol.call(OffsetFetchRequest, OffsetFetchResponse, 9, { groups }, `${groupId} ${memberId}@${memberEpoch}`)
  }

  join(groupId: string, memberId: string, fields: Partial<JoinGroupRequest> = {}, label = '', version = 9) {
    return this.protocol.call(JoinGroupRequest, JoinGroupResponse, version, { groupId, memberId, ...classic('a'), ...fields }, label)
  }

  sync(groupId: string, memberId: string, generationId: number, fields: Partial<SyncGroupRequest> = {}, label = '') {
    const request = { groupId, memberId, generationId, protocolType: 'consumer', protocolName: 'range', ...fields }
    return this.protocol.call(SyncGroupRequest, SyncGroupResponse, 5, request, label)
  }

  heartbeat(groupId: string, memberId: string, generationId: number, label = '') {
    return this.protocol.call(HeartbeatRequest, HeartbeatResponse, 4, { groupId, memberId, generationId }, label)
  }

  /** The same, of which nothing is noted: for waiting. */
  async quietHeartbeat(groupId: string, memberId: string, generationId: number): Promise<number> {
    const client = await WireClient.open(this.protocol.port)
    const { errorCode } = await client.call(HeartbeatRequest, HeartbeatResponse, 4, { groupId, memberId, generationId })
    client.close()
    return errorCode
  }

  /** How a group lies in the offsets topic, but for times. */
  async records(...groupIds: string[]): Promise<void> {
    for (const groupId of groupIds) {
      const shown = (await recordsOfGroup(this.protocol.port, groupId)).map(({ key, value }) => shownRecord(key, value))
      for (const together of runs(shown)) this.protocol.note(`records of ${groupId}`, together)
    }
  }
}

export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`not so after ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export const joining = (...topics: string[]) => ({ rebalanceTimeoutMs: 60_000, subscribedTopicNames: topics, topicPartitions: [] })
export const byRegex = (subscribedTopicRegex: string) => ({ ...joining(), subscribedTopicNames: null, subscribedTopicRegex })
const classic = (...topics: string[]) => ({
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 60_000,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: subscription(...topics) }],
})
/** As the embedded protocol has them, behind their version. */
export const assignment = (topic: string, ...partitions: number[]): Buffer =>
  Buffer.concat([
    Buffer.from([0, 1]),
    encode(ConsumerProtocolAssignment, 1, { assignedPartitions: [{ topic, partitions }], userData: null }),
  ])
export const owning = (topic: string, ...partitions: number[]): Buffer => {
  const body = { ...blank(ConsumerProtocolSubscription), topics: [topic], ownedPartitions: [{ topic, partitions }] }
  return Buffer.concat([Buffer.from([0, 1]), encode(ConsumerProtocolSubscription, 1, body)])
}

export const commitOf = (name: string, partitionIndex: number, committedOffset: bigint) => ({
  name,
  topicId: zeroId,
  partitions: [{ partitionIndex, committedOffset, committedLeaderEpoch: -1, committedMetadata: 'm' }],
})

/** Records of one type that follow each other: Kafka writes those of several members in no order. */
function runs(records: readonly (readonly unknown[])[]): unknown[][] {
  const found: unknown[][] = []
  records.forEach((record, index) => {
    if (index > 0 && records[index - 1]![0] === record[0]) found.at(-1)!.push({ record })
    else found.push([{ record }])
  })
  return found
}

const tables: readonly Message[] = Object.values({ ...classicTables, ...consumerTables })
const isOf = (type: number, what: string) => (table: Message) => table.key === type && table.name.endsWith(what)

function shownRecord(key: Buffer, value: Buffer | null): readonly unknown[] {
  const type = key.readInt16BE(0)
  const keyTable = tables.find(isOf(type, 'Key'))
  const valueTable = tables.find(isOf(type, 'Value'))
  const named = keyTable && codec(keyTable, 0).read(new Reader(key.subarray(2)))
  if (value === null || valueTable === undefined) return [type, named, null]
  const version = value.readInt16BE(0)
  return [type, named, version, withoutTimes(codec(valueTable, version).read(new Reader(value.subarray(2))))]
}

/** Times, and what stands for the state of the metadata. */
const times = ['assignmentTimestamp', 'timestamp', 'version', 'metadataHash', 'commitTimestamp', 'currentStateTimestamp']

const withoutTimes = (value: object): object =>
  Object.fromEntries(Object.entries(value).map(([name, each]) => [name, times.includes(name) ? String(each) !== '0' : each]))
