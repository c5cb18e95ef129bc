import type { Wire } from '../schema.ts'
import { array, bool, int8, int16, int32, message, string } from '../schema.ts'

/**
 * DescribeCluster: cluster id, controller and nodes.
 *
 *  v1  of the brokers or of the controllers
 *  v2  fenced brokers too (KIP-1073)
 */
export const DescribeClusterRequest = message(
  'DescribeClusterRequest',
  { key: 60, versions: '0-2', flexible: '0+' },
  {
    includeClusterAuthorizedOperations: bool(),
    endpointType: int8({ versions: '1+', default: 1, about: '1 brokers, 2 controllers' }),
    includeFencedBrokers: bool({ versions: '2+' }),
  },
)
export type DescribeClusterRequest = Wire<typeof DescribeClusterRequest>

export const DescribeClusterResponse = message(
  'DescribeClusterResponse',
  { key: 60, versions: '0-2', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+', default: null }),
    endpointType: int8({ versions: '1+', default: 1, about: '1 brokers, 2 controllers' }),
    clusterId: string(),
    controllerId: int32({ default: -1 }),
    brokers: array({
      brokerId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullable: '0+', default: null }),
      isFenced: bool({ versions: '2+' }),
    }),
    clusterAuthorizedOperations: int32({ default: -2147483648, about: 'a bit for each; the lowest int32 when not requested' }),
  },
)
export type DescribeClusterResponse = Wire<typeof DescribeClusterResponse>
