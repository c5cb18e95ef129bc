import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { S3Client } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { DirectRequests } from '../../../../native-free-io/store/s3-direct.ts'
import { encodedPart, S3Transport } from '../../../../native-free-io/store/s3-transport.ts'
import { storeUri } from '../../../../src/config/store-uri.ts'
import type { S3Location } from '../../../../src/ports/object-store.ts'

const locationOf = (text: string): S3Location => storeUri.read(text) as S3Location
const credentials = { accessKeyId: 'some-id', secretAccessKey: 'some-secret', sessionToken: 'some-token' }

const isDirect = (bucket: string): Promise<boolean> => {
  const location = locationOf(`s3://${bucket}?region=us-east-1`)
  return new DirectRequests(new S3Transport(), location).isPossible(new S3Client({ region: location.region, credentials }))
}

test('S3 direct requests: a bucket of general purpose gets them', async () => {
  expect(await isDirect('some-bucket')).toBe(true)
})

test('S3 direct requests: a directory bucket, which needs another kind of signature, gets the requests of the SDK', async () => {
  expect(await isDirect('some-bucket--use1-az4--x-s3')).toBe(false)
})

test('S3 direct requests: the signature covers every header, and a client with other credentials signs with those', async () => {
  const received: { path: string | undefined; headers: NodeJS.Dict<string | string[]> }[] = []
  const server = createServer((request, response) => {
    received.push({ path: request.url, headers: request.headers })
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const transport = new S3Transport()
  const direct = new DirectRequests(transport, locationOf(`s3://bucket?endpoint=${endpoint}&region=eu-central-1&pathStyle=true`))
  const client = (accessKeyId: string): S3Client =>
    new S3Client({ region: 'eu-central-1', endpoint, forcePathStyle: true, credentials: { ...credentials, accessKeyId } })
  const request = {
    method: 'PUT',
    key: 'a b/c',
    headers: { 'content-length': '3', 'if-none-match': '*' },
    payloadHash: 'UNSIGNED-PAYLOAD',
  } as const
  for (const each of [client('some-id'), client('other-id')]) {
    expect(await direct.isPossible(each)).toBe(true)
    await direct.send(each, request, { timeoutMs: 5000, signal: new AbortController().signal, pieces: [Buffer.from('abc')] })
  }
  await new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  const signed = 'SignedHeaders=content-length;host;if-none-match;x-amz-content-sha256;x-amz-date;x-amz-security-token'
  expect(received.map(({ path, headers }) => [path, headers['x-amz-security-token'], headers['authorization']])).toEqual(
    ['some-id', 'other-id'].map((id) => [
      '/bucket/a%20b/c',
      'some-token',
      expect.stringMatching(`^AWS4-HMAC-SHA256 Credential=${id}/\\d{8}/eu-central-1/s3/aws4_request, ${signed}, Signature=[0-9a-f]{64}$`),
    ]),
  )
})

test('S3 requests: only unreserved characters of a key remain', () => {
  expect(encodedPart("aZ09-_.~ !'()*+ä")).toBe('aZ09-_.~%20%21%27%28%29%2A%2B%C3%A4')
})
