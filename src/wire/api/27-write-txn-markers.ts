import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int8, int16, int32, int64, message, string } from '../schema.ts'

/**
 * WriteTxnMarkers: the transaction coordinator sends the outcome of a transaction to partition leaders.
 *
 *  v2  the transaction version, which sets the strictness of epoch checks (KIP-1228)
 */
export const WriteTxnMarkersRequest = message(
  'WriteTxnMarkersRequest',
  { key: 27, versions: '1-2', flexible: '1+' },
  {
    markers: array({
      producerId: int64(),
      producerEpoch: int16(),
      transactionResult: bool(),
      topics: array({
        name: string(),
        partitionIndexes: arrayOf(int32()),
      }),
      coordinatorEpoch: int32(),
      transactionVersion: int8({ versions: '2+', ignorable: true }),
    }),
  },
)
export type WriteTxnMarkersRequest = Wire<typeof WriteTxnMarkersRequest>

export const WriteTxnMarkersResponse = message(
  'WriteTxnMarkersResponse',
  { key: 27, versions: '1-2', flexible: '1+' },
  {
    markers: array({
      producerId: int64(),
      topics: array({
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          errorCode: int16(),
        }),
      }),
    }),
  },
)
export type WriteTxnMarkersResponse = Wire<typeof WriteTxnMarkersResponse>
