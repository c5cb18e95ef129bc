import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, records, string, struct, uint16, uuid } from '../schema.ts'

/**
 * FetchSnapshot: read a part of a snapshot of the Raft log.
 *
 *  v1  directory ids and endpoints (KIP-853)
 */
export const FetchSnapshotRequest = message(
  'FetchSnapshotRequest',
  { key: 59, versions: '0-1', flexible: '0+' },
  {
    clusterId: string({ tag: 0, nullable: '0+', default: null }),
    replicaId: int32({ default: -1 }),
    maxBytes: int32({ default: 2147483647 }),
    topics: array({
      name: string(),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32(),
        snapshotId: struct({
          endOffset: int64(),
          epoch: int32(),
        }),
        position: int64(),
        replicaDirectoryId: uuid({ versions: '1+', tag: 0, ignorable: true }),
      }),
    }),
  },
)
export type FetchSnapshotRequest = Wire<typeof FetchSnapshotRequest>

export const FetchSnapshotResponse = message(
  'FetchSnapshotResponse',
  { key: 59, versions: '0-1', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    topics: array({
      name: string(),
      partitions: array({
        index: int32(),
        errorCode: int16(),
        snapshotId: struct({
          endOffset: int64(),
          epoch: int32(),
        }),
        currentLeader: struct(
          {
            leaderId: int32(),
            leaderEpoch: int32(),
          },
          { tag: 0 },
        ),
        size: int64(),
        position: int64(),
        unalignedRecords: records(),
      }),
    }),
    nodeEndpoints: array(
      {
        nodeId: int32(),
        host: string(),
        port: uint16(),
      },
      { versions: '1+', tag: 0 },
    ),
  },
)
export type FetchSnapshotResponse = Wire<typeof FetchSnapshotResponse>
