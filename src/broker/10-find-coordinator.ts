import { FindCoordinatorRequest, FindCoordinatorResponse } from '../wire/api/10-find-coordinator.ts'
import { errors, type KafkaError } from '../wire/errors.ts'
import { blank } from '../wire/schema.ts'
import { handler } from './handler.ts'

/** Several keys from here on. */
const batchVersion = 4
/** Share groups from here on. */
const shareVersion = 6
const keyTypes = { group: 0, transaction: 1, share: 2 } as const

/**
 * There are no coordinators yet. Members of groups are told to try again, as while Kafka creates its offsets topic. Transactional
 * producers get an error that is not retriable: Java's fails at once, librdkafka's when the time of its init_transactions is over, as it
 * gives up earlier only for want of authorization, which would be a lie.
 */
export const findCoordinator = handler({
  request: FindCoordinatorRequest,
  response: FindCoordinatorResponse,
  versions: [0, 6],
  handle({ keyType, coordinatorKeys }, { version }) {
    const [error, message] = answer(keyType, version)
    const nowhere = { nodeId: -1, host: '', port: -1, errorCode: error.code, errorMessage: message }
    if (version < batchVersion) return { ...blank(FindCoordinatorResponse), ...nowhere }
    return { ...blank(FindCoordinatorResponse), coordinators: coordinatorKeys.map((key) => ({ key, ...nowhere })) }
  },
})

function answer(keyType: number, version: number): readonly [KafkaError, string] {
  switch (keyType) {
    case keyTypes.group:
      return [errors.COORDINATOR_NOT_AVAILABLE, 'Groups are not coordinated yet.']
    case keyTypes.transaction:
      return [errors.UNSUPPORTED_VERSION, 'Transactions do not exist yet.']
    case keyTypes.share:
      if (version < shareVersion) return [errors.INVALID_REQUEST, `Share groups have coordinators from version ${shareVersion} on.`]
      return [errors.COORDINATOR_NOT_AVAILABLE, 'Share groups are not coordinated yet.']
    default:
      return [errors.INVALID_REQUEST, `There is no coordinator of type ${keyType}.`]
  }
}
