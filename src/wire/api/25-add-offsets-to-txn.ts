import type { Wire } from '../schema.ts'
import { int16, int32, int64, message, string } from '../schema.ts'

/**
 * AddOffsetsToTxn: add the group whose offsets a transaction will commit.
 *
 *  v3  flexible
 *  v4  TRANSACTION_ABORTABLE may be returned
 */
export const AddOffsetsToTxnRequest = message(
  'AddOffsetsToTxnRequest',
  { key: 25, versions: '0-4', flexible: '3+' },
  {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    groupId: string(),
  },
)
export type AddOffsetsToTxnRequest = Wire<typeof AddOffsetsToTxnRequest>

export const AddOffsetsToTxnResponse = message(
  'AddOffsetsToTxnResponse',
  { key: 25, versions: '0-4', flexible: '3+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
  },
)
export type AddOffsetsToTxnResponse = Wire<typeof AddOffsetsToTxnResponse>
