import type { Wire } from '../schema.ts'
import { array, bool, int8, int16, int32, message, string } from '../schema.ts'

/**
 * UpdateFeatures: raise or lower the finalized versions of features.
 *
 *  v1  dry runs, and which kind of downgrade is meant
 *  v2  one error for the whole request
 */
export const UpdateFeaturesRequest = message(
  'UpdateFeaturesRequest',
  { key: 57, versions: '0-2', flexible: '0+' },
  {
    timeoutMs: int32({ default: 60000 }),
    featureUpdates: array({
      feature: string(),
      maxVersionLevel: int16(),
      allowDowngrade: bool({ versions: '0' }),
      upgradeType: int8({ versions: '1+', default: 1, about: '1 upgrade, 2 safe downgrade, 3 unsafe downgrade' }),
    }),
    validateOnly: bool({ versions: '1+' }),
  },
)
export type UpdateFeaturesRequest = Wire<typeof UpdateFeaturesRequest>

export const UpdateFeaturesResponse = message(
  'UpdateFeaturesResponse',
  { key: 57, versions: '0-2', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    results: array(
      {
        feature: string(),
        errorCode: int16(),
        errorMessage: string({ nullable: '0+' }),
      },
      { versions: '0-1', ignorable: true },
    ),
  },
)
export type UpdateFeaturesResponse = Wire<typeof UpdateFeaturesResponse>
