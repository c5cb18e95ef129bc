import { DescribeClusterRequest, DescribeClusterResponse } from '../../wire/api/60-describe-cluster.ts'
import { errors } from '../../wire/errors.ts'
import { clusterOperations, notRequested } from '../authorized-operations.ts'
import type { RequestContext } from '../context.ts'
import { handler } from '../handler.ts'

const endpointTypes = { brokers: 1, controllers: 2 } as const

export const describeCluster = handler({
  request: DescribeClusterRequest,
  response: DescribeClusterResponse,
  versions: [0, 2],
  handle({ includeClusterAuthorizedOperations, endpointType }, context) {
    if (endpointType === endpointTypes.controllers) {
      return errorResponse(errors.MISMATCHED_ENDPOINT_TYPE.code, 'This listener is a broker listener: the request is for controllers.')
    }
    if (endpointType !== endpointTypes.brokers) {
      return errorResponse(errors.UNSUPPORTED_ENDPOINT_TYPE.code, `Unsupported endpoint type ${endpointType}.`)
    }
    return described(context, includeClusterAuthorizedOperations)
  },
})

function described(context: RequestContext, withOperations: boolean): DescribeClusterResponse {
  const { cluster, clusterId, session } = context
  return {
    throttleTimeMs: 0,
    errorCode: errors.NONE.code,
    errorMessage: null,
    endpointType: endpointTypes.brokers,
    clusterId,
    controllerId: cluster.controllerId,
    brokers: cluster.brokers(session.listener).map((broker) => ({ ...broker, isFenced: false })),
    clusterAuthorizedOperations: withOperations ? clusterOperations : notRequested,
  }
}

const errorResponse = (errorCode: number, errorMessage: string): DescribeClusterResponse => ({
  throttleTimeMs: 0,
  errorCode,
  errorMessage,
  endpointType: endpointTypes.brokers,
  clusterId: '',
  controllerId: -1,
  brokers: [],
  clusterAuthorizedOperations: notRequested,
})
