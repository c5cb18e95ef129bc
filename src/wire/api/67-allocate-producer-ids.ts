import type { Wire } from '../schema.ts'
import { int16, int32, int64, message } from '../schema.ts'

/**
 * AllocateProducerIds: a broker requests a block of producer ids from the controller.
 */
export const AllocateProducerIdsRequest = message(
  'AllocateProducerIdsRequest',
  { key: 67, versions: '0', flexible: '0+' },
  {
    brokerId: int32(),
    brokerEpoch: int64({ default: -1n }),
  },
)
export type AllocateProducerIdsRequest = Wire<typeof AllocateProducerIdsRequest>

export const AllocateProducerIdsResponse = message(
  'AllocateProducerIdsResponse',
  { key: 67, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerIdStart: int64(),
    producerIdLen: int32(),
  },
)
export type AllocateProducerIdsResponse = Wire<typeof AllocateProducerIdsResponse>
