import type { Wire } from '../schema.ts'
import { array, int8, int16, int32, message, string } from '../schema.ts'

/**
 * DescribeUserScramCredentials: the SCRAM mechanisms of users; never the credentials.
 */
export const DescribeUserScramCredentialsRequest = message(
  'DescribeUserScramCredentialsRequest',
  { key: 50, versions: '0', flexible: '0+' },
  {
    users: array(
      {
        name: string(),
      },
      { nullable: '0+' },
    ),
  },
)
export type DescribeUserScramCredentialsRequest = Wire<typeof DescribeUserScramCredentialsRequest>

export const DescribeUserScramCredentialsResponse = message(
  'DescribeUserScramCredentialsResponse',
  { key: 50, versions: '0', flexible: '0+' },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullable: '0+' }),
    results: array({
      user: string(),
      errorCode: int16(),
      errorMessage: string({ nullable: '0+' }),
      credentialInfos: array({
        mechanism: int8(),
        iterations: int32(),
      }),
    }),
  },
)
export type DescribeUserScramCredentialsResponse = Wire<typeof DescribeUserScramCredentialsResponse>
