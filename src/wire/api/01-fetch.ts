import type { Wire } from '../schema.ts'
import { array, arrayOf, int8, int16, int32, int64, message, slicedRecords, string, struct, uuid } from '../schema.ts'

/**
 * Fetch: read record batches from partitions; between voters of a Raft quorum, replicate its log.
 *
 *  v5   log start offset
 *  v7   fetch sessions: later requests contain only changes (KIP-227)
 *  v9   the leader epoch is checked (KIP-320)
 *  v10  zstd
 *  v11  the rack of the consumer, and the replica that it should read from (KIP-392)
 *  v12  flexible; the epoch of the last fetched record, and the offset of divergence (KIP-595)
 *  v13  topic ids instead of names (KIP-516)
 *  v14  OFFSET_MOVED_TO_TIERED_STORAGE may be returned
 *  v15  replicas send their epoch too (KIP-903)
 *  v16  the response names the new leader (KIP-951)
 *  v17  the directory of a replica (KIP-853)
 *  v18  a replica sends its high watermark (KIP-1166)
 *
 * The response contains whole batches: the first may begin before the requested offset.
 */
export const FetchRequest = message(
  'FetchRequest',
  { key: 1, versions: '4-18', flexible: '12+' },
  {
    clusterId: string({ versions: '12+', tag: 0, nullable: '12+', default: null, ignorable: true }),
    replicaId: int32({ versions: '0-14', default: -1, about: '-1 for a consumer' }),
    replicaState: struct(
      {
        replicaId: int32({ default: -1 }),
        replicaEpoch: int64({ default: -1n }),
      },
      { versions: '15+', tag: 1 },
    ),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 2147483647 }),
    isolationLevel: int8({ about: '0 read_uncommitted, 1 read_committed' }),
    sessionId: int32({ versions: '7+', ignorable: true, about: '0 for no session' }),
    sessionEpoch: int32({
      versions: '7+',
      default: -1,
      ignorable: true,
      about: '-1: no session; 0: a new one; else the number of the request within its session',
    }),
    topics: array({
      topic: string({ versions: '0-12', ignorable: true }),
      topicId: uuid({ versions: '13+', ignorable: true }),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ versions: '9+', default: -1, ignorable: true }),
        fetchOffset: int64(),
        lastFetchedEpoch: int32({ versions: '12+', default: -1, about: '-1 where unknown' }),
        logStartOffset: int64({ versions: '5+', default: -1n, ignorable: true }),
        partitionMaxBytes: int32(),
        replicaDirectoryId: uuid({ versions: '17+', tag: 0, ignorable: true }),
        highWatermark: int64({ versions: '18+', tag: 1, default: 9223372036854775807n, ignorable: true }),
      }),
    }),
    forgottenTopicsData: array(
      {
        topic: string({ versions: '7-12', ignorable: true }),
        topicId: uuid({ versions: '13+', ignorable: true }),
        partitions: arrayOf(int32()),
      },
      { versions: '7+' },
    ),
    rackId: string({ versions: '11+', ignorable: true }),
  },
)
export type FetchRequest = Wire<typeof FetchRequest>

export const FetchResponse = message(
  'FetchResponse',
  { key: 1, versions: '4-18', flexible: '12+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ versions: '7+', ignorable: true }),
    sessionId: int32({ versions: '7+' }),
    responses: array({
      topic: string({ versions: '0-12', ignorable: true }),
      topicId: uuid({ versions: '13+', ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        highWatermark: int64(),
        lastStableOffset: int64({ default: -1n, about: 'every transaction below has been decided' }),
        logStartOffset: int64({ versions: '5+', default: -1n, ignorable: true }),
        divergingEpoch: struct(
          {
            epoch: int32({ default: -1 }),
            endOffset: int64({ default: -1n }),
          },
          { versions: '12+', tag: 0 },
        ),
        currentLeader: struct(
          {
            leaderId: int32({ default: -1 }),
            leaderEpoch: int32({ default: -1 }),
          },
          { versions: '12+', tag: 1 },
        ),
        snapshotId: struct(
          {
            endOffset: int64({ default: -1n }),
            epoch: int32({ default: -1 }),
          },
          { versions: '12+', tag: 2 },
        ),
        abortedTransactions: array(
          {
            producerId: int64(),
            firstOffset: int64(),
          },
          { nullable: '4+', about: 'null for read_uncommitted' },
        ),
        preferredReadReplica: int32({ versions: '11+', default: -1 }),
        records: slicedRecords({ nullable: '0+' }),
      }),
    }),
    nodeEndpoints: array(
      {
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: '16+', default: null }),
      },
      { versions: '16+', tag: 0 },
    ),
  },
)
export type FetchResponse = Wire<typeof FetchResponse>
