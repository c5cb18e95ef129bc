import type { Wire } from '../schema.ts'
import { array, arrayOf, int16, int32, message, string } from '../schema.ts'

/**
 * AlterReplicaLogDirs: move replicas between the log directories of a broker.
 *
 *  v2  flexible
 */
export const AlterReplicaLogDirsRequest = message(
  'AlterReplicaLogDirsRequest',
  { key: 34, versions: '1-2', flexible: '2+' },
  {
    dirs: array({
      path: string(),
      topics: array({
        name: string(),
        partitions: arrayOf(int32()),
      }),
    }),
  },
)
export type AlterReplicaLogDirsRequest = Wire<typeof AlterReplicaLogDirsRequest>

export const AlterReplicaLogDirsResponse = message(
  'AlterReplicaLogDirsResponse',
  { key: 34, versions: '1-2', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    results: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
)
export type AlterReplicaLogDirsResponse = Wire<typeof AlterReplicaLogDirsResponse>
