import type { Wire } from '../schema.ts'
import { array, arrayOf, bool, int16, int32, message, string, uuid } from '../schema.ts'

/**
 * Metadata: topics, partitions and leaders, and the addresses of the brokers.
 *
 *  v1   null requests all topics, an empty list for none; controller, racks
 *  v2   cluster id
 *  v3   throttle time
 *  v4   whether a missing topic is created
 *  v5   offline replicas
 *  v7   leader epochs
 *  v8   authorized operations
 *  v9   flexible
 *  v10  topic ids
 *  v11  the authorized operations of the cluster moved to DescribeCluster
 *  v12  topics can be requested by id
 *  v13  an error for the whole response: REBOOTSTRAP_REQUIRED (KIP-1102)
 *
 * In v0 an empty list of topics requests all of them.
 */
export const MetadataRequest = message(
  'MetadataRequest',
  { key: 3, versions: '0-13', flexible: '9+' },
  {
    topics: array(
      {
        topicId: uuid({ versions: '10+', ignorable: true }),
        name: string({ nullable: '10+' }),
      },
      { nullable: '1+', about: 'null for all' },
    ),
    allowAutoTopicCreation: bool({ versions: '4+', default: true }),
    includeClusterAuthorizedOperations: bool({ versions: '8-10' }),
    includeTopicAuthorizedOperations: bool({ versions: '8+' }),
  },
)
export type MetadataRequest = Wire<typeof MetadataRequest>

export const MetadataResponse = message(
  'MetadataResponse',
  { key: 3, versions: '0-13', flexible: '9+' },
  {
    throttleTimeMs: int32({ versions: '3+', ignorable: true }),
    brokers: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ versions: '1+', nullable: '1+', default: null, ignorable: true }),
    }),
    clusterId: string({ versions: '2+', nullable: '2+', default: null, ignorable: true }),
    controllerId: int32({ versions: '1+', default: -1, ignorable: true }),
    topics: array({
      errorCode: int16(),
      name: string({ nullable: '12+' }),
      topicId: uuid({ versions: '10+', ignorable: true }),
      isInternal: bool({ versions: '1+', ignorable: true }),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32({ versions: '7+', default: -1, ignorable: true }),
        replicaNodes: arrayOf(int32()),
        isrNodes: arrayOf(int32()),
        offlineReplicas: arrayOf(int32(), { versions: '5+', ignorable: true }),
      }),
      topicAuthorizedOperations: int32({
        versions: '8+',
        default: -2147483648,
        about: 'a bit for each; the lowest int32 when not requested',
      }),
    }),
    clusterAuthorizedOperations: int32({
      versions: '8-10',
      default: -2147483648,
      about: 'a bit for each; the lowest int32 when not requested',
    }),
    errorCode: int16({ versions: '13+', ignorable: true }),
  },
)
export type MetadataResponse = Wire<typeof MetadataResponse>
