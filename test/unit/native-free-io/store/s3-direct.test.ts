import { S3Client } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { DirectRequests } from '../../../../native-free-io/store/s3-direct.ts'
import { S3Transport } from '../../../../native-free-io/store/s3-transport.ts'
import { storeUri } from '../../../../src/config/store-uri.ts'
import type { S3Location } from '../../../../src/ports/object-store.ts'

const isDirect = (bucket: string): Promise<boolean> => {
  const location = storeUri.read(`s3://${bucket}?region=us-east-1`) as S3Location
  const direct = new DirectRequests(new S3Transport(), location)
  return direct.isPossible(new S3Client({ region: location.region, credentials: { accessKeyId: 'a', secretAccessKey: 'b' } }))
}

test('S3 direct requests: a bucket of general purpose gets them', async () => {
  expect(await isDirect('some-bucket')).toBe(true)
})

test('S3 direct requests: a directory bucket, whose requests are signed in another way, gets the requests of the SDK', async () => {
  expect(await isDirect('some-bucket--use1-az4--x-s3')).toBe(false)
})
