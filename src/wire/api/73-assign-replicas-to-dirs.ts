import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, uuid } from '../schema.ts'

/**
 * AssignReplicasToDirs: a broker sends the directories of its replicas to the controller.
 */
export const AssignReplicasToDirsRequest = message(
  'AssignReplicasToDirsRequest',
  { key: 73, versions: '0', flexible: '0+' },
  {
    brokerId: int32(),
    brokerEpoch: int64({ default: -1n }),
    directories: array({
      id: uuid(),
      topics: array({
        topicId: uuid(),
        partitions: array({
          partitionIndex: int32(),
        }),
      }),
    }),
  },
)
export type AssignReplicasToDirsRequest = Wire<typeof AssignReplicasToDirsRequest>

export const AssignReplicasToDirsResponse = message(
  'AssignReplicasToDirsResponse',
  { key: 73, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    directories: array({
      id: uuid(),
      topics: array({
        topicId: uuid(),
        partitions: array({
          partitionIndex: int32(),
          errorCode: int16(),
        }),
      }),
    }),
  },
)
export type AssignReplicasToDirsResponse = Wire<typeof AssignReplicasToDirsResponse>
