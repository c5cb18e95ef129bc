import { clusterMetadataTopic } from '../controller/topic-names.ts'
import { DescribeQuorumRequest, DescribeQuorumResponse } from '../wire/api/55-describe-quorum.ts'
import { errors } from '../wire/errors.ts'
import { zeroUuid } from '../wire/schema.ts'
import type { RequestContext } from './context.ts'
import { handler } from './handler.ts'

type PartitionRow = DescribeQuorumResponse['topics'][number]['partitions'][number]

/** A quorum of one, which has led since it began. Absent: the address of its controller, which has no listener. */
export const describeQuorum = handler({
  request: DescribeQuorumRequest,
  response: DescribeQuorumResponse,
  versions: [0, 2],
  handle: ({ topics }, context) => ({
    errorCode: errors.NONE.code,
    errorMessage: '',
    topics: topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) =>
        topicName === clusterMetadataTopic && partitionIndex === 0 ? quorumRow(context) : unknownRow(partitionIndex),
      ),
    })),
    nodes: knowsNodes(topics, context.version) ? [{ nodeId: context.nodeId, listeners: [] }] : [],
  }),
})

/** Nodes are told from here on. */
const nodesVersion = 2

const knowsNodes = (topics: DescribeQuorumRequest['topics'], version: number): boolean =>
  version >= nodesVersion &&
  topics.some(({ topicName, partitions }) => topicName === clusterMetadataTopic && partitions.some((each) => each.partitionIndex === 0))

function quorumRow({ nodeId, controller, clock }: RequestContext): PartitionRow {
  const logEndOffset = BigInt(controller.recordCount)
  const now = BigInt(clock.now())
  return {
    partitionIndex: 0,
    errorCode: errors.NONE.code,
    errorMessage: '',
    leaderId: nodeId,
    leaderEpoch: 1,
    highWatermark: logEndOffset,
    currentVoters: [{ replicaId: nodeId, replicaDirectoryId: zeroUuid, logEndOffset, lastFetchTimestamp: now, lastCaughtUpTimestamp: now }],
    observers: [],
  }
}

const unknownRow = (partitionIndex: number): PartitionRow => ({
  partitionIndex,
  errorCode: errors.UNKNOWN_TOPIC_OR_PARTITION.code,
  errorMessage: errors.UNKNOWN_TOPIC_OR_PARTITION.message,
  leaderId: 0,
  leaderEpoch: 0,
  highWatermark: 0n,
  currentVoters: [],
  observers: [],
})
