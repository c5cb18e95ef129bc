import type { Wire } from '../schema.ts'
import { array, int16, int32, int64, message, records, string, struct, uuid } from '../schema.ts'

/**
 * Produce: append record batches to partitions.
 *
 *  v4   KAFKA_STORAGE_ERROR may be returned
 *  v5   log start offset in the response
 *  v7   zstd
 *  v8   the response lists the rejected records, with reasons
 *  v9   flexible
 *  v10  the response names the new leader (KIP-951)
 *  v11  TRANSACTION_ABORTABLE may be returned (KIP-890)
 *  v12  a transactional batch adds its partition to the transaction (KIP-890)
 *  v13  topic ids instead of names (KIP-516)
 *
 * With acks=0 there is no response at all. v3 is the oldest that carries record batches of format 2, and no other format is accepted.
 */
export const ProduceRequest = message(
  'ProduceRequest',
  { key: 0, versions: '3-13', flexible: '9+' },
  {
    transactionalId: string({ nullable: '3+', default: null }),
    acks: int16({ about: '0: no response; 1: the leader has it; -1: every in-sync replica has it.' }),
    timeoutMs: int32(),
    topicData: array({
      name: string({ versions: '0-12', ignorable: true }),
      topicId: uuid({ versions: '13+', ignorable: true }),
      partitionData: array({
        index: int32(),
        records: records({ nullable: '0+' }),
      }),
    }),
  },
)
export type ProduceRequest = Wire<typeof ProduceRequest>

export const ProduceResponse = message(
  'ProduceResponse',
  { key: 0, versions: '3-13', flexible: '9+' },
  {
    responses: array({
      name: string({ versions: '0-12', ignorable: true }),
      topicId: uuid({ versions: '13+', ignorable: true }),
      partitionResponses: array({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64({ about: 'of the first record appended, or of the original where the batch is a duplicate' }),
        logAppendTimeMs: int64({ default: -1n, about: '-1 unless the topic has message.timestamp.type=LogAppendTime' }),
        logStartOffset: int64({ versions: '5+', default: -1n, ignorable: true }),
        recordErrors: array(
          {
            batchIndex: int32({ about: 'index of a record within the batch' }),
            batchIndexErrorMessage: string({ nullable: '8+', default: null }),
          },
          { versions: '8+', ignorable: true },
        ),
        errorMessage: string({ versions: '8+', nullable: '8+', default: null, ignorable: true }),
        currentLeader: struct(
          {
            leaderId: int32({ default: -1 }),
            leaderEpoch: int32({ default: -1 }),
          },
          { versions: '10+', tag: 0 },
        ),
      }),
    }),
    throttleTimeMs: int32(),
    nodeEndpoints: array(
      {
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: '10+', default: null }),
      },
      { versions: '10+', tag: 0 },
    ),
  },
)
export type ProduceResponse = Wire<typeof ProduceResponse>
