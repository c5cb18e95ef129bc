import { nodeCodecs } from '../../../native-free-io/threads/codecs.ts'
import { compileExpression } from '../../../native-free-io/threads/expressions.ts'
import { Broker } from '../../../src/broker/broker.ts'
import { ClusterView } from '../../../src/broker/cluster-view.ts'
import { followTopics, offsetsTopicCreation } from '../../../src/broker/offsets-topic.ts'
import type { TopicChange } from '../../../src/cluster/partition-host.ts'
import { resourceType } from '../../../src/config/config-entry.ts'
import type { Settings } from '../../../src/config/settings.ts'
import { GroupCoordinator } from '../../../src/group/coordinator.ts'
import { configsOf } from '../../../src/metadata/cluster-image.ts'
import { anonymous } from '../../../src/network/client-session.ts'
import { apiByKey, headerVersions } from '../../../src/wire/apis.ts'
import { codec } from '../../../src/wire/codec.ts'
import { RequestHeader, ResponseHeader } from '../../../src/wire/headers.ts'
import { Reader } from '../../../src/wire/reader.ts'
import { blank, type Fields, type Message, type Wire } from '../../../src/wire/schema.ts'
import { Writer } from '../../../src/wire/writer.ts'
import { type ControllerWorld, controllerWorld, type MemoryLog, settingsOf } from '../controller/world.ts'
import { FakeTime } from '../coordinator/fake-time.ts'
import { MemoryPartitionLog } from '../coordinator/memory-partition-log.ts'

export interface BrokerWorld extends ControllerWorld {
  readonly broker: Broker
  readonly groups: GroupCoordinator
  readonly partitionLog: MemoryPartitionLog
  readonly time: FakeTime
  /** Errors that no client can have caused. */
  readonly reported: Error[]
  /** Sends a request whose other fields have their defaults. */
  call<Q extends Fields, R extends Fields>(
    request: Message<Q>,
    response: Message<R>,
    version: number,
    fields: Partial<Wire<Message<Q>>>,
    listener?: string,
  ): Promise<Wire<Message<R>>>
}

/** A broker whose partitions and log are in memory, as the network workers use it. */
export async function brokerWorld(
  options: { settings?: Settings; log?: MemoryLog; partitionLog?: MemoryPartitionLog } = {},
): Promise<BrokerWorld> {
  const changes: TopicChange[] = []
  let follow = (change: TopicChange): void => void changes.push(change)
  const settingsGiven = options.settings ?? settingsOf('num.partitions=4')
  const world = await controllerWorld({ ...options, settings: settingsGiven, onTopicChange: (change) => follow(change) })
  const { configs, settings } = world
  const reported: Error[] = []
  let random = 0
  const { partitionLog = new MemoryPartitionLog() } = options
  const time = new FakeTime()
  const entropy = { bytes: (count: number) => Buffer.alloc(count, ++random) }
  const { controller, image, follower, host } = world
  const groups = new GroupCoordinator({
    settings,
    createOffsetsTopic: offsetsTopicCreation(controller, settings, entropy),
    topicIdOf: (topic) => image.topics.get(topic)?.topicId,
    groupConfigs: (groupId) => configsOf(image, resourceType.group, groupId),
    log: partitionLog,
    codecs: nodeCodecs,
    compileExpression,
    clock: time,
    after: (ms, wake) => time.after(ms, wake),
    failed: (error) => reported.push(error),
  })
  follow = (change) => followTopics(groups, 1, change)
  for (const change of changes) follow(change)
  const advertised = new Map([
    ['PLAINTEXT', { host: 'here', port: 9092 }],
    ['OUTSIDE', { host: 'there', port: 9999 }],
  ])
  const node = {
    nodeId: 1,
    clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ',
    settings,
    configs,
    controller,
    partitions: world.partitions,
    groups,
    entropy,
    compileExpression,
    clock: time,
    volume: { path: '/data', space: async () => ({ totalBytes: 1000, usableBytes: 400 }) },
    cluster: new ClusterView({ nodeId: 1, rack: settings['broker.rack'], follower, host, advertised }),
  }
  const broker = new Broker(node, (error) => reported.push(error))
  return {
    ...world,
    groups,
    partitionLog,
    time,
    broker,
    reported,
    async call(request, response, version, fields, listener = 'PLAINTEXT') {
      const answer = await broker.handle(
        { listener, host: '127.0.0.1', principal: anonymous },
        frame(request, version, { ...blank(request), ...fields }),
      )
      if (answer.type === 'close') throw new Error(answer.because)
      return parse(response, version, answer.bytes)
    },
  }
}

export function frame<Q extends Fields>(request: Message<Q>, version: number, value: Wire<Message<Q>>): Buffer {
  const writer = new Writer(Buffer.alloc(256), 1 << 24)
  const [, header] = headerVersions(apiByKey[request.key!]!, version)
  codec(RequestHeader, header).write(writer, {
    requestApiKey: request.key!,
    requestApiVersion: version,
    correlationId: 77,
    clientId: 'test',
  })
  codec(request, version).write(writer, value)
  return Buffer.from(writer.finished())
}

/** Checks the header, and that nothing follows the body. */
export function parse<R extends Fields>(response: Message<R>, version: number, bytes: Buffer): Wire<Message<R>> {
  const reader = new Reader(bytes)
  const [, , header] = headerVersions(apiByKey[response.key!]!, version)
  const { correlationId } = codec(ResponseHeader, header).read(reader)
  if (correlationId !== 77) throw new Error(`correlation id ${correlationId}`)
  const value = codec(response, version).read(reader)
  reader.finish()
  return value
}
