import { InitProducerIdRequest, InitProducerIdResponse } from '../../wire/api/22-init-producer-id.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { handler } from '../handler.ts'

/** Kafka's default of transaction.max.timeout.ms. */
const transactionTimeoutMaxMs = 900_000
const noEpoch = -1

/** Allocates the id of an idempotent producer. */
export const initProducerId = handler({
  request: InitProducerIdRequest,
  response: InitProducerIdResponse,
  versions: [0, 5],
  async handle(request, { producerIds }) {
    const error = requestError(request)
    const isGiven = error === errors.NONE
    return {
      throttleTimeMs: 0,
      errorCode: error.code,
      producerId: isGiven ? await producerIds.take() : -1n,
      producerEpoch: isGiven ? 0 : noEpoch,
      ongoingTxnProducerId: -1n,
      ongoingTxnProducerEpoch: noEpoch,
    }
  },
})

/**
 * A request with a transactional id is validated as in Kafka. It then fails with UNSUPPORTED_VERSION, which is not retriable:
 * transactions do not exist yet.
 */
function requestError({ transactionalId, transactionTimeoutMs, producerId, producerEpoch }: InitProducerIdRequest): KafkaError {
  if ((producerId === -1n) !== (producerEpoch === noEpoch)) return errors.INVALID_REQUEST
  if (transactionalId === null) return errors.NONE
  if (transactionalId === '') return errors.INVALID_REQUEST
  if (transactionTimeoutMs <= 0 || transactionTimeoutMs > transactionTimeoutMaxMs) return errors.INVALID_TRANSACTION_TIMEOUT
  return errors.UNSUPPORTED_VERSION
}
