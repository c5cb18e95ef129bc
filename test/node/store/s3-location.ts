import type { S3Location } from '../../../src/ports/object-store.ts'
import type { S3Server } from '../../support/s3/server.ts'

/** Location of a test's S3 server, with its account. Small parts, so that few bytes make many. */
export function s3At({ endpoint, accounts }: S3Server, more: Partial<S3Location> = {}): S3Location {
  const [accessKey, { secretKey }] = [...accounts][0]!
  return {
    scheme: 's3',
    bucket: 'bucket',
    region: 'us-east-1',
    endpoint,
    pathStyle: true,
    credentials: { type: 'static', accessKey, secretKey },
    checksum: null,
    signBodies: false,
    conditionalPut: true,
    attemptTimeoutMs: 10_000,
    timeoutMs: 30_000,
    partBytes: 5 * 2 ** 20,
    ...more,
  }
}
