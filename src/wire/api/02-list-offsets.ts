import type { Wire } from '../schema.ts'
import { array, int8, int16, int32, int64, message, string } from '../schema.ts'

/**
 * ListOffsets: find offsets by timestamp, or by the special negative timestamps.
 *
 *  v2   isolation level
 *  v4   leader epochs
 *  v6   flexible
 *  v7   -3: the greatest timestamp (KIP-734)
 *  v8   -4: the first offset on local disk (KIP-405)
 *  v9   -5: the last offset in remote storage (KIP-1005)
 *  v10  a timeout for answers that come from remote storage
 *  v11  -6: the first offset that is not in remote storage yet (KIP-1023)
 */
export const ListOffsetsRequest = message(
  'ListOffsetsRequest',
  { key: 2, versions: '1-11', flexible: '6+' },
  {
    replicaId: int32({ about: '-1 for a consumer' }),
    isolationLevel: int8({ versions: '2+' }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        currentLeaderEpoch: int32({ versions: '4+', default: -1, ignorable: true }),
        timestamp: int64({
          about: '-1 latest, -2 earliest, -3 greatest timestamp, -4 earliest local, -5 latest tiered, -6 earliest pending upload',
        }),
      }),
    }),
    timeoutMs: int32({ versions: '10+', ignorable: true }),
  },
)
export type ListOffsetsRequest = Wire<typeof ListOffsetsRequest>

export const ListOffsetsResponse = message(
  'ListOffsetsResponse',
  { key: 2, versions: '1-11', flexible: '6+' },
  {
    throttleTimeMs: int32({ versions: '2+', ignorable: true }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        timestamp: int64({ default: -1n }),
        offset: int64({ default: -1n }),
        leaderEpoch: int32({ versions: '4+', default: -1 }),
      }),
    }),
  },
)
export type ListOffsetsResponse = Wire<typeof ListOffsetsResponse>
