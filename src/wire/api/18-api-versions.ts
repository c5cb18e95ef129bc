import type { Wire } from '../schema.ts'
import { array, bool, int16, int32, int64, message, string } from '../schema.ts'

/**
 * ApiVersions: APIs and versions of this listener, and features of the cluster.
 *
 *  v1  throttle time
 *  v3  flexible; name and version of the client; features
 *  v4  features whose lowest version is 0 may be listed (KIP-1022)
 *
 * The response always has header v0. The response to an unsupported version is UNSUPPORTED_VERSION in v0, so that the
 * client can repeat the request.
 */
export const ApiVersionsRequest = message(
  'ApiVersionsRequest',
  { key: 18, versions: '0-4', flexible: '3+' },
  {
    clientSoftwareName: string({ versions: '3+', ignorable: true }),
    clientSoftwareVersion: string({ versions: '3+', ignorable: true }),
  },
)
export type ApiVersionsRequest = Wire<typeof ApiVersionsRequest>

export const ApiVersionsResponse = message(
  'ApiVersionsResponse',
  { key: 18, versions: '0-4', flexible: '3+' },
  {
    errorCode: int16(),
    apiKeys: array({
      apiKey: int16(),
      minVersion: int16(),
      maxVersion: int16(),
    }),
    throttleTimeMs: int32({ versions: '1+', ignorable: true }),
    supportedFeatures: array(
      {
        name: string(),
        minVersion: int16(),
        maxVersion: int16(),
      },
      { versions: '3+', tag: 0, ignorable: true },
    ),
    finalizedFeaturesEpoch: int64({ versions: '3+', tag: 1, default: -1n, ignorable: true }),
    finalizedFeatures: array(
      {
        name: string(),
        maxVersionLevel: int16(),
        minVersionLevel: int16(),
      },
      { versions: '3+', tag: 2, ignorable: true },
    ),
    zkMigrationReady: bool({ versions: '3+', tag: 3, ignorable: true }),
  },
)
export type ApiVersionsResponse = Wire<typeof ApiVersionsResponse>
