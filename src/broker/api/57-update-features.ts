import { UpdateFeaturesRequest, UpdateFeaturesResponse } from '../../wire/api/57-update-features.ts'
import { errors, type KafkaError } from '../../wire/errors.ts'
import { features } from '../features.ts'
import { handler } from '../handler.ts'

type Update = UpdateFeaturesRequest['featureUpdates'][number]

/** Each feature has only one level: a request for that level succeeds and changes nothing. */
export const updateFeatures = handler({
  request: UpdateFeaturesRequest,
  response: UpdateFeaturesResponse,
  versions: [0, 2],
  handle(request, { nodeId, version }) {
    const featureUpdates = [...new Map(request.featureUpdates.map((update) => [update.feature, update])).values()]
    const wrong = featureUpdates.flatMap((update) => error(update, nodeId) ?? [])[0]
    if (wrong !== undefined) {
      const message = `The update failed for all features since the following feature had an error: ${wrong}`
      return response(errors.INVALID_UPDATE_VERSION, message, [])
    }
    // From version 2 on there is one error for all features.
    return response(errors.NONE, null, version < 2 ? featureUpdates : [])
  },
})

const response = ({ code }: KafkaError, errorMessage: string | null, updates: readonly Update[]): UpdateFeaturesResponse => ({
  throttleTimeMs: 0,
  errorCode: code,
  errorMessage,
  results: updates.map(({ feature }) => ({ feature, errorCode: errors.NONE.code, errorMessage: errors.NONE.name })),
})

function error({ feature, maxVersionLevel, upgradeType }: Update, nodeId: number): string | undefined {
  const known = features.find(({ name }) => name === feature)
  const invalid = `Invalid update version ${maxVersionLevel} for feature ${feature}.`
  if (known === undefined) {
    return maxVersionLevel === 0
      ? `${invalid} Feature ${feature} not found.`
      : `${invalid} Local controller ${nodeId} does not support this feature.`
  }
  if (upgradeType < 1 || upgradeType > 3) return `${invalid} There is no upgrade type ${upgradeType}.`
  if (maxVersionLevel === known.level) return undefined
  return `${invalid} Local controller ${nodeId} only supports versions ${known.oldest}-${known.latest}`
}
