import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int16, int32, int64, message, string } from '../schema.ts'

/**
 * AddPartitionsToTxn: add the partitions that a transaction will write to.
 *
 *  v3  flexible
 *  v4  several transactions, and only verifying: between brokers
 *  v5  TRANSACTION_ABORTABLE may be returned
 *
 * Clients send v0 to v3; from Produce v12 on they do not send it.
 */

const addPartitionsToTxnTopic = {
  name: string(),
  partitions: arrayOf(int32()),
}

export const AddPartitionsToTxnRequest = message(
  'AddPartitionsToTxnRequest',
  { key: 24, versions: '0-5', flexible: '3+' },
  {
    transactions: array(
      {
        transactionalId: string(),
        producerId: int64(),
        producerEpoch: int16(),
        verifyOnly: bool(),
        topics: array(addPartitionsToTxnTopic),
      },
      { versions: '4+' },
    ),
    v3AndBelowTransactionalId: string({ versions: '0-3' }),
    v3AndBelowProducerId: int64({ versions: '0-3' }),
    v3AndBelowProducerEpoch: int16({ versions: '0-3' }),
    v3AndBelowTopics: array(addPartitionsToTxnTopic, { versions: '0-3' }),
  },
)
export type AddPartitionsToTxnRequest = Wire<typeof AddPartitionsToTxnRequest>

const addPartitionsToTxnPartitionResult = {
  partitionIndex: int32(),
  partitionErrorCode: int16(),
}

const addPartitionsToTxnTopicResult = {
  name: string(),
  resultsByPartition: array(addPartitionsToTxnPartitionResult),
}

export const AddPartitionsToTxnResponse = message(
  'AddPartitionsToTxnResponse',
  { key: 24, versions: '0-5', flexible: '3+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ versions: '4+', ignorable: true }),
    resultsByTransaction: array(
      {
        transactionalId: string(),
        topicResults: array(addPartitionsToTxnTopicResult),
      },
      { versions: '4+' },
    ),
    resultsByTopicV3AndBelow: array(addPartitionsToTxnTopicResult, { versions: '0-3' }),
  },
)
export type AddPartitionsToTxnResponse = Wire<typeof AddPartitionsToTxnResponse>
