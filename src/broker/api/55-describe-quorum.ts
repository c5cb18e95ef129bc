import { clusterMetadataTopic } from '../../metadata/topic-names.ts'
import { DescribeQuorumRequest, DescribeQuorumResponse } from '../../wire/api/55-describe-quorum.ts'
import { errors } from '../../wire/errors.ts'
import { zeroUuid } from '../../wire/schema.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'

type PartitionRow = DescribeQuorumResponse['topics'][number]['partitions'][number]

/** A quorum of one, which has always led. Absent: the address of its controller, which has no listener. */
export const describeQuorum = handler({
  request: DescribeQuorumRequest,
  response: DescribeQuorumResponse,
  versions: [0, 2],
  handle: ({ topics }, context) => ({
    errorCode: errors.NONE.code,
    errorMessage: '',
    topics: topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => (isUnderstood(topics) ? quorumRow(context) : unknownRow(partitionIndex))),
    })),
    nodes: context.version >= nodesVersion && isUnderstood(topics) ? [{ nodeId: context.nodeId, listeners: [] }] : [],
  }),
})

/** First version with nodes. */
const nodesVersion = 2

/** A request is valid for the one partition of the one topic. With other partitions, or none, all of them are unknown. */
const isUnderstood = (topics: DescribeQuorumRequest['topics']): boolean =>
  topics.length === 1 &&
  topics[0]!.topicName === clusterMetadataTopic &&
  topics[0]!.partitions.length === 1 &&
  topics[0]!.partitions[0]!.partitionIndex === 0

function quorumRow({ nodeId, cluster, clock }: RequestContext): PartitionRow {
  const logEndOffset = BigInt(cluster.metadataEnd)
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
