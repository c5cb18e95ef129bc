import { ApiVersionsRequest, ApiVersionsResponse } from '../../wire/api/18-api-versions.ts'
import { errors } from '../../wire/errors.ts'
import type { ApiRange } from '../context.ts'
import { features, featuresEpoch } from '../features.ts'
import { handler } from '../handler.ts'

const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

const response = (errorCode: number, apiKeys: readonly ApiRange[]): ApiVersionsResponse => ({
  errorCode,
  apiKeys: [...apiKeys],
  throttleTimeMs: 0,
  supportedFeatures: features.map(({ name, oldest, latest }) => ({ name, minVersion: oldest, maxVersion: latest })),
  finalizedFeaturesEpoch: featuresEpoch,
  finalizedFeatures: features.map(({ name, level }) => ({ name, minVersionLevel: level, maxVersionLevel: level })),
  zkMigrationReady: false,
})

/** The APIs and versions of this node; the same on every listener. */
export const apiVersions = handler({
  request: ApiVersionsRequest,
  response: ApiVersionsResponse,
  versions: [0, 4],
  handle({ clientSoftwareName, clientSoftwareVersion }, { version, served }) {
    const isNamed = version < 3 || (softwareName.test(clientSoftwareName) && softwareName.test(clientSoftwareVersion))
    return isNamed ? response(errors.NONE.code, served) : response(errors.INVALID_REQUEST.code, [])
  },
})

/** For a request of an unsupported version: in the layout of version 0, with the range of this API alone (KIP-511). */
export const apiVersionsUnsupported = (): ApiVersionsResponse =>
  response(errors.UNSUPPORTED_VERSION.code, [
    { apiKey: apiVersions.api.key, minVersion: apiVersions.oldest, maxVersion: apiVersions.latest },
  ])
