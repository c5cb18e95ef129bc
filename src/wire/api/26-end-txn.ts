import type { Wire } from '../schema.ts'
import { bool, int16, int32, int64, message, string } from '../schema.ts'

/**
 * EndTxn: commit or abort a transaction.
 *
 *  v3  flexible
 *  v4  TRANSACTION_ABORTABLE may be returned
 *  v5  every transaction ends with a new epoch, in the response (KIP-890)
 */
export const EndTxnRequest = message(
  'EndTxnRequest',
  { key: 26, versions: '0-5', flexible: '3+' },
  {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    committed: bool({ about: 'false aborts' }),
  },
)
export type EndTxnRequest = Wire<typeof EndTxnRequest>

export const EndTxnResponse = message(
  'EndTxnResponse',
  { key: 26, versions: '0-5', flexible: '3+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ versions: '5+', default: -1n, ignorable: true }),
    producerEpoch: int16({ versions: '5+', default: -1, ignorable: true }),
  },
)
export type EndTxnResponse = Wire<typeof EndTxnResponse>
