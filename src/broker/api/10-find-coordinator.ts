import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../wire/api/10-find-coordinator.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { blank } from '../../wire/schema.ts'
import type { Address } from '../cluster-view.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'

/** First version with several keys. */
const batchVersion = 4
/** First version with share groups. */
const shareVersion = 6
const keyTypes = { group: 0, transaction: 1, share: 2 } as const

interface Found extends Address {
  readonly nodeId: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/**
 * The coordinator of a group is this node. Transactional producers get an error that is not retriable: Java's fails at once. librdkafka's
 * fails after the timeout of init_transactions; only an authorization error would end it earlier, which would be incorrect.
 */
export const findCoordinator = handler({
  request: FindCoordinatorRequest,
  response: FindCoordinatorResponse,
  versions: [0, 6],
  async handle({ key, keyType, coordinatorKeys }, context) {
    if (context.version < batchVersion) return { ...blank(FindCoordinatorResponse), ...(await find(key, keyType, context)) }
    const coordinators = await Promise.all(coordinatorKeys.map(async (each) => ({ key: each, ...(await find(each, keyType, context)) })))
    return { ...blank(FindCoordinatorResponse), coordinators }
  },
})

async function find(key: string, keyType: number, context: RequestContext): Promise<Found> {
  switch (keyType) {
    case keyTypes.group: {
      const notReady = await context.groups.find(key)
      if (notReady !== undefined) return nowhere(notReady.error, notReady.error.message)
      // Kafka's clients ignore it; Kafka's brokers send it.
      const errorMessage = context.version < batchVersion ? errors.NONE.name : ''
      return { nodeId: context.nodeId, ...context.cluster.address(context.session.listener), errorCode: errors.NONE.code, errorMessage }
    }
    case keyTypes.transaction:
      return nowhere(errors.UNSUPPORTED_VERSION, 'Transactions are not supported.')
    case keyTypes.share:
      if (context.version >= shareVersion) return nowhere(errors.COORDINATOR_NOT_AVAILABLE, 'Share groups are not supported.')
      return nowhere(errors.INVALID_REQUEST, `Coordinator type ${keyType} (share group) requires version ${shareVersion} or later.`)
    default:
      return nowhere(
        errors.INVALID_REQUEST,
        `Coordinator type ${keyType} is invalid: only 0 (group), 1 (transaction) and 2 (share group) are allowed.`,
      )
  }
}

const nowhere = ({ code }: KafkaError, errorMessage: string): Found => ({ nodeId: -1, host: '', port: -1, errorCode: code, errorMessage })
