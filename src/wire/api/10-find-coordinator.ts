import type { Wire } from '../schema.ts'
import { array, arrayOf, int8, int16, int32, message, string } from '../schema.ts'

/**
 * FindCoordinator: the coordinator of a group, a transactional id or a share partition.
 *
 *  v1  key type: 0 a group, 1 a transactional id
 *  v3  flexible
 *  v4  several keys in a request
 *  v5  TRANSACTION_ABORTABLE may be returned
 *  v6  key type 2: a share partition, "group:topicId:partition"
 */
export const FindCoordinatorRequest = message(
  'FindCoordinatorRequest',
  { key: 10, versions: '0-6', flexible: '3+' },
  {
    key: string({ versions: '0-3' }),
    keyType: int8({ versions: '1+', about: '0 group, 1 transactional id, 2 share partition' }),
    coordinatorKeys: arrayOf(string(), { versions: '4+' }),
  },
)
export type FindCoordinatorRequest = Wire<typeof FindCoordinatorRequest>

export const FindCoordinatorResponse = message(
  'FindCoordinatorResponse',
  { key: 10, versions: '0-6', flexible: '3+' },
  {
    throttleTimeMs: int32({ versions: '1+', ignorable: true }),
    errorCode: int16({ versions: '0-3' }),
    errorMessage: string({ versions: '1-3', nullable: '1-3', ignorable: true }),
    nodeId: int32({ versions: '0-3' }),
    host: string({ versions: '0-3' }),
    port: int32({ versions: '0-3' }),
    coordinators: array(
      {
        key: string(),
        nodeId: int32(),
        host: string(),
        port: int32(),
        errorCode: int16(),
        errorMessage: string({ nullable: '4+' }),
      },
      { versions: '4+' },
    ),
  },
)
export type FindCoordinatorResponse = Wire<typeof FindCoordinatorResponse>
