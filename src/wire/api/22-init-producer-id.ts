import type { Wire } from '../schema.ts'
import { bool, int16, int32, int64, message, string } from '../schema.ts'

/**
 * InitProducerId: allocate a producer id, and for a transactional id fence its earlier producers.
 *
 *  v2  flexible
 *  v3  a producer with an id requests the next epoch (KIP-360)
 *  v4  PRODUCER_FENCED may be returned
 *  v5  TRANSACTION_ABORTABLE may be returned
 *  v6  two-phase commit (KIP-939); not stable yet
 */
export const InitProducerIdRequest = message(
  'InitProducerIdRequest',
  { key: 22, versions: '0-6', flexible: '2+' },
  {
    transactionalId: string({ nullable: '0+', about: 'null for an idempotent producer without transactions' }),
    transactionTimeoutMs: int32(),
    producerId: int64({ versions: '3+', default: -1n }),
    producerEpoch: int16({ versions: '3+', default: -1 }),
    enable2Pc: bool({ versions: '6+' }),
    keepPreparedTxn: bool({ versions: '6+' }),
  },
)
export type InitProducerIdRequest = Wire<typeof InitProducerIdRequest>

export const InitProducerIdResponse = message(
  'InitProducerIdResponse',
  { key: 22, versions: '0-6', flexible: '2+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ default: -1n }),
    producerEpoch: int16(),
    ongoingTxnProducerId: int64({ versions: '6+', default: -1n }),
    ongoingTxnProducerEpoch: int16({ versions: '6+', default: -1 }),
  },
)
export type InitProducerIdResponse = Wire<typeof InitProducerIdResponse>
